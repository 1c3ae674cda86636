from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

import device_profiles
from campus_wire.yaml_nodes import parse_yaml
from device_profiles.aliases import ALIASES
from device_profiles.examples import check_examples
from device_profiles.library import load_profile, parse_profile, profile_paths
from device_profiles.model import ProfileFile
from device_profiles.schema import profile_schema, schema_text
from tests.profiles import build
from tests.profiles.schema_checker import SchemaChecker

WHOLE = Path(__file__).parent / "whole-profile.yaml"
"""Uses every key of the Modbus format."""
ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = Path(device_profiles.__file__).parent / "profile.schema.json"


def test_the_published_schema_is_current() -> None:
    # campus profiles schema > device_profiles/profile.schema.json
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text()


def properties(schema: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (name, key)
        for name, definition in schema["$defs"].items()
        for key in definition.get("properties", {})
    }


def test_every_key_is_described_in_the_guide() -> None:
    guide = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
    missing = [
        f"{name}.{key}" for name, key in properties(profile_schema()) if f"`{key}`" not in guide
    ]

    assert sorted(missing) == []


def test_descriptions_come_from_the_model() -> None:
    read = profile_schema()["$defs"]["ModbusRead"]["properties"]

    assert "least significant" in read["bit"]["description"]
    assert read["input_type"]["enum"] == ["coil", "discrete_input", "discrete", "input", "holding"]


def test_no_key_is_known_to_the_schema_only() -> None:
    for name in ("ModbusProfile", "MqttProfile"):
        definition = profile_schema()["$defs"][name]
        assert definition["additionalProperties"] is False


def yaml_of_the_guide() -> list[str]:
    text = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
    return [part.split("```")[0] for part in text.split("```yaml\n")[1:]]


HEAD = """id: example
vendor: Acme
model: X
category: other
labels: {zh: 示例, en: example}
evidence: none
sources: [{ref: "https://example.com/manual.pdf", kind: example}]
protocol: modbus
"""


def test_examples_of_the_guide_are_profiles_and_decode_as_they_say() -> None:
    whole = [text for text in yaml_of_the_guide() if text.startswith("id: ")]
    parts = [HEAD + text for text in yaml_of_the_guide() if text.startswith("modbus:")]

    assert len(whole) >= 2
    assert len(parts) >= 14
    for text in (*whole, *parts):
        profile = parse_profile(text, path=Path("docs/profiles.md"))
        results = check_examples(profile, lambda name: Path(name).read_bytes())
        assert [one.problems for one in results if not one.passed] == [], text


def test_the_schema_is_plain_json() -> None:
    assert json.loads(schema_text()) == profile_schema()


# --- the schema and the loader agree -------------------------------------------------------------

CHECKER = SchemaChecker(profile_schema())
MODBUS = (
    "ModbusSection",
    "ModbusLink",
    "ModbusPoint",
    "ModbusRead",
    "ModbusWrite",
    "ModbusGroup",
    "Variant",
    "Compute",
    "Watchdog",
    "SetupStep",
    "RawWrite",
    "DateField",
)
FROM_CHECKS = ("campus_at", "value_error")
"""Errors of what depends on several keys, which a schema does not say."""


def plain(path: Path) -> dict[str, Any]:
    root, _ = parse_yaml(path.read_text(encoding="utf-8"))
    assert root is not None
    document: dict[str, Any] = root.plain()
    return document


def keys_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from keys_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from keys_of(one)


def test_the_whole_profile_uses_every_key() -> None:
    used = set(keys_of(plain(WHOLE)))
    definitions = profile_schema()["$defs"]
    known = {key for name in MODBUS for key in definitions[name]["properties"]}
    aliases = {alias for names in ALIASES.values() for alias in names}
    other_choices = {"difference", "product", "ratio", "percent_of", "timeout_s"}

    assert known - aliases - other_choices - used == set()


@pytest.mark.parametrize(
    "path", [WHOLE, *profile_paths()], ids=lambda path: path.stem if path else ""
)
def test_what_the_loader_takes_the_schema_takes(path: Path) -> None:
    load_profile(path)

    assert CHECKER.takes(plain(path))


def places(value: Any, key: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if key:
        yield key
    below: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for name, one in below:
        if isinstance(one, dict | list):
            yield from places(one, (*key, name))
        else:
            yield (*key, name)


@contextmanager
def changed(document: dict[str, Any], key: tuple[str | int, ...], value: Any) -> Iterator[None]:
    """For a while, another value at a key; no key where the value is `...`."""
    holder = _at(document, key[:-1])
    before = deepcopy(holder)
    if value is ...:
        del holder[key[-1]]
    else:
        holder[key[-1]] = value
    yield
    if isinstance(holder, dict):
        holder.clear()
        holder.update(before)
    else:
        holder[:] = before


def refused_by_loader(document: dict[str, Any]) -> str:
    """Why the loader refuses a document: "shape", "checks", or nothing."""
    try:
        ProfileFile.model_validate_json(orjson.dumps(document))
    except ValidationError as error:
        kinds = {detail["type"] for detail in error.errors()}
        return "checks" if kinds <= set(FROM_CHECKS) else "shape"
    return ""


@pytest.mark.parametrize("value", [..., None, "~", -1, []], ids=repr)
def test_what_one_refuses_the_other_does(value: Any) -> None:
    document = plain(WHOLE)
    disagreed = []
    for key in places(document):
        # what an example says is data of any kind, and what changes is checked with its point
        if key[0] == "examples":
            continue
        with changed(document, key, value):
            by_schema, by_loader = not CHECKER.takes(document), refused_by_loader(document)
        if (by_schema and not by_loader) or (by_loader == "shape" and not by_schema):
            disagreed.append((key, by_schema, by_loader))

    assert disagreed == []


def test_unknown_keys_are_refused_by_both() -> None:
    document = plain(WHOLE)
    mappings = [
        key
        for key in [(), *places(document)]
        if isinstance(_at(document, key), dict) and key[:1] != ("examples",)
    ]
    for key in mappings:
        with changed(document, (*key, "nonsense"), []):
            assert refused_by_loader(document), key
            assert not CHECKER.takes(document), key


def _at(document: Any, key: tuple[str | int, ...]) -> Any:
    for part in key:
        document = document[part]
    return document


@pytest.mark.parametrize(
    "read",
    [
        {"register": "holding", "address": 0, "type": "INT16"},
        {"table": "input", "address": 0, "data_type": "FLOAT32", "swap": "word"},
        {"input_type": "coil", "address": 0, "type": "BIT"},
        {"register": "holding", "address": 0, "type": "STRING", "count": 4},
    ],
)
def test_aliases_are_published(read: dict[str, Any]) -> None:
    document = build.head("modbus") | {
        "modbus": {"address_base": 0, "delay": 2, "link": {"slave": 3, "parity": "even"}},
        "points": [{"field": "x", "labels": build.LABELS, "read": read}],
    }

    parse_profile(json.dumps(document), path=Path("made-up.yaml"))

    assert CHECKER.takes(document)
    for name, both in (("input_type", "table"), ("data_type", "type")):
        twice = deepcopy(document)
        twice["points"][0]["read"] |= {name: "holding", both: "holding"}
        assert not CHECKER.takes(twice)
    read_definition = profile_schema()["$defs"]["ModbusRead"]["properties"]
    assert read_definition["type"]["description"] == "Telegraf's name of `data_type`."
