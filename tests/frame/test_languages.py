"""What a person of the school reads exists in Chinese and in English."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.frame import tree

YAML_FILES = [path for path in tree.files() if path.suffix in {".yaml", ".yml"}]
# A golden file may hold a mistake on purpose.
SHIPPED = [path for path in YAML_FILES if path.relative_to(tree.ROOT).parts[0] != "tests"]


def one_sided_labels(value: Any, place: str) -> Iterator[str]:
    """Places of mappings that have one language without the other, or an empty text."""
    if isinstance(value, dict):
        texts = {language: value.get(language) for language in ("zh", "en")}
        if any(texts.values()) and not all(texts.values()):
            yield place
        for key, inner in value.items():
            yield from one_sided_labels(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from one_sided_labels(inner, f"{place}[{index}]")


@pytest.mark.parametrize("path", SHIPPED, ids=tree.relative)
def test_every_label_has_both_languages(path: Path) -> None:
    documents = list(YAML(typ="safe", pure=True).load_all(path.read_text(encoding="utf-8")))

    assert documents
    for document in documents:
        assert list(one_sided_labels(document, path.stem)) == []


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ({"name": {"zh": "朝阳小学", "en": "Sunrise Primary"}}, []),
        ({"name": {"zh": "朝阳小学"}}, ["x.name"]),
        ([{"name": {"zh": "", "en": "Sunrise Primary"}}], ["x[0].name"]),
    ],
)
def test_one_sided_labels_are_found(value: Any, places: list[str]) -> None:
    assert list(one_sided_labels(value, "x")) == places
