from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import device_profiles
from device_profiles.model import ProfileFile
from device_profiles.schema import profile_schema, schema_text

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


@pytest.mark.parametrize("place", ["docs/profiles.md"])
def test_examples_of_the_guide_are_profiles(place: str) -> None:
    from campus_wire.config_file import parse_document

    text = (ROOT / place).read_text(encoding="utf-8")
    examples = [part.split("```")[0] for part in text.split("```yaml\n")[1:]]
    whole = [example for example in examples if example.startswith("id: ")]

    assert len(whole) >= 2
    for example in whole:
        parse_document(example, ProfileFile, path=Path(place))


def test_the_schema_is_plain_json() -> None:
    assert json.loads(schema_text()) == profile_schema()
