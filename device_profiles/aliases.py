"""Home Assistant's and Telegraf's names for keys, taken for ours.

Names and words are replaced in the parsed file, before it is checked, so that mistakes keep their
lines and everything behind knows one name only. Sources:
https://www.home-assistant.io/integrations/modbus/ and
https://github.com/influxdata/telegraf/blob/master/plugins/inputs/modbus/README.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from campus_wire.config_mistakes import Mistake, mistake_in
from campus_wire.yaml_nodes import Node
from device_profiles import alias_words as words

Key = str | int
Convert = Callable[[Any, Mapping[str, Any]], Any]
"""Makes our value of theirs, given the mapping that holds it; None leaves the key out."""

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_NUMBER: Final[dict[str, Any]] = {"type": "number"}
_TIME: Final[dict[str, Any]] = {"anyOf": [_NUMBER, {"type": "string", "pattern": "^[0-9.]+m?s$"}]}


class Alias(NamedTuple):
    """Another name of a key."""

    canonical: str
    origin: str
    """Whose name it is."""
    convert: Convert | None = None
    schema: Mapping[str, Any] | None = None
    """What their value looks like, where it is not as ours."""


_HA: Final = "Home Assistant"
_TELEGRAF: Final = "Telegraf"


def _enum(choices: Mapping[str, Any] | tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "enum": list(choices)}


ALIASES: Final[Mapping[str, Mapping[str, Alias]]] = {
    "ModbusRead": {
        "register": Alias("input_type", _TELEGRAF),
        "table": Alias("input_type", _TELEGRAF),
        "type": Alias("data_type", _TELEGRAF),
        "order": Alias("byte_order", _TELEGRAF),
        # after the type, whose size they depend on
        "swap": Alias("byte_order", _HA, words.swapped, _enum(words.SWAPS)),
        "count": Alias("length", _HA, words.length),
        "string_register_location": Alias(
            "text", _TELEGRAF, words.text_place, _enum(words.TEXT_PLACES)
        ),
    },
    "ModbusWrite": {
        "write_type": Alias("function", _HA, words.write_function, _enum(words.WRITE_TYPES)),
        "type": Alias("data_type", _TELEGRAF),
        "order": Alias("byte_order", _TELEGRAF),
        "swap": Alias("byte_order", _HA, words.swapped, _enum(words.SWAPS)),
    },
    "ModbusPoint": {
        "field": Alias("name", _TELEGRAF),
        "unit_of_measurement": Alias("unit", _HA),
        "min_value": Alias("minimum", _HA),
        "max_value": Alias("maximum", _HA),
        "scan_interval": Alias("interval_s", _HA),
    },
    "ModbusLink": {
        "slave_id": Alias("unit_id", _TELEGRAF),
        "slave": Alias("unit_id", _HA),
        "device_address": Alias("unit_id", _HA),
        "baudrate": Alias("baud_rate", _HA),
        "bytesize": Alias("data_bits", _HA),
        "stopbits": Alias("stop_bits", _HA),
    },
    "ModbusSection": {
        "order": Alias("byte_order", _TELEGRAF),
        "message_wait_milliseconds": Alias(
            "pause_between_requests_s", _HA, words.milliseconds, _NUMBER
        ),
        "delay": Alias("pause_after_connect_s", _HA),
        "timeout": Alias("response_timeout_s", _HA, words.seconds, _TIME),
        "pause_after_connect": Alias("pause_after_connect_s", _TELEGRAF, words.seconds, _TIME),
        "pause_between_requests": Alias(
            "pause_between_requests_s", _TELEGRAF, words.seconds, _TIME
        ),
        "close_connection_after_gather": Alias("close_connection_after_poll", _TELEGRAF),
    },
}
"""By the model that has the key: other names of its keys."""

WORDS: Final[Mapping[str, Mapping[str, Convert]]] = {
    "ModbusRead": {"data_type": words.data_type, "byte_order": words.byte_order},
    "ModbusWrite": {"data_type": words.data_type, "byte_order": words.byte_order},
    "ModbusSection": {"byte_order": words.byte_order},
    "ModbusLink": {"parity": words.parity},
}
"""Keys of ours whose values may be written in other ways, too."""


def take_aliases(root: Node) -> list[Mistake]:
    """Replace the other names and words in a parsed profile, in place, and say what cannot be."""
    return [
        mistake_in(root, (*key, *below), message, remedy=remedy)
        for model, key, node in list(_mappings(root))
        for below, message, remedy in _replaced(model, node)
    ]


def _mappings(root: Node) -> Iterator[tuple[str, tuple[Key, ...], Node]]:
    """Yield the mappings of a Modbus profile that may hold aliases: model, key, node."""
    protocol = root.child("protocol")
    if protocol is None or protocol.value != "modbus":
        return
    yield from _section(root, ("modbus",))
    yield from _points(root, ("points",))
    for group in _below(root, ("groups",)):
        yield from _points(root, (*group, "points"))
    for variant in _below(root, ("variants",)):
        yield from _section(root, (*variant, "modbus"))
        yield from _points(root, (*variant, "points"))
        yield from _points(root, (*variant, "add"))


def _section(root: Node, key: tuple[Key, ...]) -> Iterator[tuple[str, tuple[Key, ...], Node]]:
    yield from _mapping(root, "ModbusSection", key)
    yield from _mapping(root, "ModbusLink", (*key, "link"))


def _points(root: Node, key: tuple[Key, ...]) -> Iterator[tuple[str, tuple[Key, ...], Node]]:
    for point in _below(root, key):
        yield from _mapping(root, "ModbusPoint", point)
        yield from _mapping(root, "ModbusRead", (*point, "read"))
        yield from _mapping(root, "ModbusWrite", (*point, "write"))


def _mapping(
    root: Node, model: str, key: tuple[Key, ...]
) -> Iterator[tuple[str, tuple[Key, ...], Node]]:
    node = _at(root, key)
    if node is not None and isinstance(node.value, dict):
        yield model, key, node


def _below(root: Node, key: tuple[Key, ...]) -> Iterator[tuple[Key, ...]]:
    """Yield the keys of what a list or mapping holds."""
    node = _at(root, key)
    value = node.value if node is not None else None
    if isinstance(value, list):
        yield from ((*key, index) for index in range(len(value)))
    elif isinstance(value, dict):
        yield from ((*key, name) for name in value)


def _at(root: Node, key: tuple[Key, ...]) -> Node | None:
    node: Node | None = root
    for part in key:
        node = node.child(part) if node is not None else None
    return node


def _replaced(model: str, node: Node) -> Iterator[tuple[tuple[Key, ...], str, str]]:
    """Replace the aliases of one mapping; yield key, message and remedy of what cannot be."""
    held = node.value
    assert isinstance(held, dict)
    for name, alias in ALIASES[model].items():
        if name not in held:
            continue
        if alias.canonical in held:
            message = f"is another name of {alias.canonical}, which is given, too"
            yield (name,), message, f"keep {alias.canonical}"
            del held[name]
            continue
        if alias.convert is not None:
            yield from _converted(node, name, alias.convert)
        if name in held:
            _rename(node, name, alias.canonical)
            yield from _worded(model, node, alias.canonical)
    for name in WORDS.get(model, {}):
        yield from _worded(model, node, name)


def _worded(model: str, node: Node, name: str) -> Iterator[tuple[tuple[Key, ...], str, str]]:
    convert = WORDS.get(model, {}).get(name)
    if convert is not None and node.child(name) is not None:
        yield from _converted(node, name, convert)


def _rename(node: Node, name: str, canonical: str) -> None:
    held = node.value
    assert isinstance(held, dict)
    held[canonical] = held.pop(name)
    node.key_places[canonical] = node.key_places[name]


def _converted(
    node: Node, name: str, convert: Convert
) -> Iterator[tuple[tuple[Key, ...], str, str]]:
    held = node.value
    assert isinstance(held, dict)
    child = held[name]
    plain = child.plain()
    try:
        value = convert(plain, node.plain())
    except words.RefusedWord as error:
        yield (name,), str(error), error.remedy
        value = None
    if value is None:
        del held[name]
    elif value is plain:
        return  # whatever it is, the model says what is wrong with it
    elif isinstance(value, dict):
        held[name] = Node(child.place, {key: Node(child.place, one) for key, one in value.items()})
    else:
        held[name] = Node(child.place, value)
