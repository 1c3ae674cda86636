"""Rule files: YAML to rules, every mistake with its file and line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from campus_rules.model import ClimateRule, NoDataRule, RuleSet, ThresholdRule
from campus_wire.config_file import load_document

AnyRule = ThresholdRule | NoDataRule | ClimateRule


def load_rules(paths: Iterable[Path]) -> tuple[AnyRule, ...]:
    """Return the rules of all files, in their order; ids differ across files.

    Raises:
        ConfigFileError: with all mistakes of the first file that has any.
    """
    rules: dict[str, AnyRule] = {}
    for path in paths:
        document = load_document(path, RuleSet)
        document.refuse(
            [
                document.mistake(("rules", index, "id"), f"rule {rule.id} stands in another file")
                for index, rule in enumerate(document.value.rules)
                if rule.id in rules
            ]
        )
        rules |= {rule.id: rule for rule in document.value.rules}
    return tuple(rules.values())
