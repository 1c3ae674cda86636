"""The JSON schema of profile files, for editors and for other programs.

The published file is made by `campus profiles schema`; a test says when it is out of date.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from campus_wire.quantities import UNITS
from device_profiles.categories import CATEGORIES
from device_profiles.model import ProfileFile
from device_profiles.model_groups import SHAPE
from device_profiles.schema_aliases import add_aliases
from device_profiles.schema_changes import add_changes

SCHEMA_ID: Final = "campus-iot/profile/1"
_WHOLE_NUMBER: Final = "^(-?[0-9]+|0x[0-9a-fA-F]+)$"
_OUR_PACKAGES: Final = ("campus_wire.", "device_profiles.")


class _Described(GenerateJsonSchema):
    """Takes the texts under the fields of a model as their descriptions."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model = schema["cls"]
        texts = _field_texts(model)
        names = {info.alias or name: name for name, info in model.model_fields.items()}
        for key, described in made.get("properties", {}).items():
            text = texts.get(names.get(key, key))
            if text and "description" not in described:
                described["description"] = text
        return made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        if schema.get("keys_schema", {}).get("type") == "int":
            made["propertyNames"] = {"pattern": _WHOLE_NUMBER}
        return made


def profile_schema() -> dict[str, Any]:
    """Return the schema of a profile file, as of this version."""
    schema = ProfileFile.model_json_schema(
        by_alias=True, mode="validation", schema_generator=_Described
    )
    definitions = schema["$defs"]
    for name in ("ModbusProfile", "MqttProfile"):
        definitions[name]["properties"]["category"]["enum"] = list(CATEGORIES)
    for name in ("ModbusPoint", "MqttPoint"):
        definitions[name]["properties"]["unit"]["enum"] = list(UNITS)
    add_aliases(definitions)
    add_changes(definitions)
    _put_references(definitions)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID}
    return head | schema


def _put_references(schema: Any) -> None:
    """Put references where a shape is named that pydantic does not know of."""
    if isinstance(schema, list):
        for one in schema:
            _put_references(one)
    elif isinstance(schema, dict):
        if SHAPE in schema:
            schema["$ref"] = f"#/$defs/{schema.pop(SHAPE)}"
        for one in schema.values():
            _put_references(one)


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(profile_schema(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _field_texts(model: type[BaseModel]) -> dict[str, str]:
    """Return the texts that stand under the fields of a class and of its bases."""
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base.__module__.startswith(_OUR_PACKAGES) and "[" not in base.__name__:
            [node] = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            assert isinstance(node, ast.ClassDef)
            texts |= _texts_below(node)
    return texts


def _texts_below(node: ast.ClassDef) -> dict[str, str]:
    texts: dict[str, str] = {}
    for field, after in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            texts[field.target.id] = " ".join(str(after.value.value).split())
    return texts
