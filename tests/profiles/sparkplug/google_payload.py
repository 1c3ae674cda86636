"""Sparkplug's messages by Google's own library, to compare with: built from the field numbers.

Appendix A of the specification (`sparkplug_b.proto`, proto2). Only tests use that library.
"""

from __future__ import annotations

import importlib
from typing import Any

# by name: the library has no types of its own
descriptor_pb2: Any = importlib.import_module("google.protobuf.descriptor_pb2")
descriptor_pool: Any = importlib.import_module("google.protobuf.descriptor_pool")
message_factory: Any = importlib.import_module("google.protobuf.message_factory")

_TYPES = descriptor_pb2.FieldDescriptorProto
_OPTIONAL, _REPEATED = _TYPES.LABEL_OPTIONAL, _TYPES.LABEL_REPEATED

_METRIC = {
    "name": (1, _TYPES.TYPE_STRING),
    "alias": (2, _TYPES.TYPE_UINT64),
    "timestamp": (3, _TYPES.TYPE_UINT64),
    "datatype": (4, _TYPES.TYPE_UINT32),
    "is_historical": (5, _TYPES.TYPE_BOOL),
    "is_transient": (6, _TYPES.TYPE_BOOL),
    "is_null": (7, _TYPES.TYPE_BOOL),
    "int_value": (10, _TYPES.TYPE_UINT32),
    "long_value": (11, _TYPES.TYPE_UINT64),
    "float_value": (12, _TYPES.TYPE_FLOAT),
    "double_value": (13, _TYPES.TYPE_DOUBLE),
    "boolean_value": (14, _TYPES.TYPE_BOOL),
    "string_value": (15, _TYPES.TYPE_STRING),
    "bytes_value": (16, _TYPES.TYPE_BYTES),
}
_PROPERTY = {
    "type": (1, _TYPES.TYPE_UINT32),
    "is_null": (2, _TYPES.TYPE_BOOL),
    "int_value": (3, _TYPES.TYPE_UINT32),
    "long_value": (4, _TYPES.TYPE_UINT64),
    "float_value": (5, _TYPES.TYPE_FLOAT),
    "double_value": (6, _TYPES.TYPE_DOUBLE),
    "boolean_value": (7, _TYPES.TYPE_BOOL),
    "string_value": (8, _TYPES.TYPE_STRING),
}


def _build() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="spb.proto", package="spb", syntax="proto2")
    messages = {}
    for name, fields in (("Metric", _METRIC), ("Property", _PROPERTY)):
        messages[name] = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            messages[name].field.add(name=field, number=number, type=kind, label=_OPTIONAL)
    properties = file.message_type.add(name="Properties")
    properties.field.add(name="keys", number=1, type=_TYPES.TYPE_STRING, label=_REPEATED)
    _add_message(properties, "values", 2, ".spb.Property", label=_REPEATED)
    _add_message(messages["Metric"], "properties", 9, ".spb.Properties", label=_OPTIONAL)
    payload = file.message_type.add(name="Payload")
    payload.field.add(name="timestamp", number=1, type=_TYPES.TYPE_UINT64, label=_OPTIONAL)
    _add_message(payload, "metrics", 2, ".spb.Metric", label=_REPEATED)
    payload.field.add(name="seq", number=3, type=_TYPES.TYPE_UINT64, label=_OPTIONAL)
    payload.field.add(name="uuid", number=4, type=_TYPES.TYPE_STRING, label=_OPTIONAL)
    payload.field.add(name="body", number=5, type=_TYPES.TYPE_BYTES, label=_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("spb.Payload"))


def _add_message(message: Any, name: str, number: int, kind: str, *, label: int) -> None:
    message.field.add(
        name=name, number=number, type=_TYPES.TYPE_MESSAGE, type_name=kind, label=label
    )


GooglePayload = _build()
"""The class of a payload."""
