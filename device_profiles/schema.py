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

from device_profiles.categories import CATEGORIES
from device_profiles.model import ProfileFile

SCHEMA_ID: Final = "campus-iot/profile/1"
_OUR_PACKAGES: Final = ("campus_wire.", "device_profiles.")


class _Described(GenerateJsonSchema):
    """Takes the texts under the fields of a model as their descriptions."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        texts = _field_texts(schema["cls"])
        for name, described in made.get("properties", {}).items():
            text = texts.get("point_class" if name == "class" else name)
            if text and "description" not in described:
                described["description"] = text
        return made


def profile_schema() -> dict[str, Any]:
    """Return the schema of a profile file, as of this version."""
    schema = ProfileFile.model_json_schema(
        by_alias=True, mode="validation", schema_generator=_Described
    )
    for name in ("ModbusProfile", "MqttProfile"):
        category = schema["$defs"][name]["properties"]["category"]
        category["enum"] = list(CATEGORIES)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID}
    return head | schema


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
