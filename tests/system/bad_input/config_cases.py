"""Bad configuration, by name: the shipped examples with one mistake each, and broken texts."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from campus_rules.load import load_rules
from controller.config import load_config as load_controller
from device_profiles.library import load_profile
from edge_agent.config_check import load_config as load_edge
from firmware_sims.school import load_school

ROOT: Final = Path(__file__).parents[3]
GOOD: Final[dict[str, Path]] = {
    "edge": ROOT / "examples" / "edge.yaml",
    "controller": ROOT / "examples" / "controller.yaml",
    "rules": ROOT / "examples" / "rules.yaml",
    "profile": ROOT / "device_profiles" / "library" / "haier-ycj-a002.yaml",
    "school": ROOT / "examples" / "demo-school.yaml",
}
LOADERS: Final[dict[str, Callable[[Path], object]]] = {
    "edge": load_edge,
    "controller": load_controller,
    "rules": lambda path: load_rules([path]),
    "profile": load_profile,
    "school": load_school,
}
_ABSENT: Final = object()
Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class ConfigCase:
    """A file that must be refused; `kind` says who reads it."""

    kind: str
    name: str
    text: bytes

    @property
    def id(self) -> str:
        """What to call the case in a report."""
        return f"{self.kind}-config-{self.name.replace(' ', '-')}"


_CHANGES: Final[tuple[tuple[str, str, Key, Any], ...]] = (
    ("edge", "gateway absent", ("gateway",), _ABSENT),
    ("edge", "gateway in upper case", ("gateway",), "Sunrise-1"),
    ("edge", "gateway climbing", ("gateway",), "../sunrise"),
    ("edge", "gateway with a wildcard", ("gateway",), "sunrise-+"),
    ("edge", "gateway of 33 letters", ("gateway",), "a" * 33),
    ("edge", "gateway a number", ("gateway",), 12345),
    ("edge", "unknown key", ("gatewey",), "sunrise-1"),
    ("edge", "school without Chinese", ("school", "name"), {"en": "x"}),
    ("edge", "areas an object", ("areas",), {"b1": {}}),
    ("edge", "area twice", ("areas", 1, "id"), "b1"),
    ("edge", "area in nothing", ("areas", 1, "parent"), "b9"),
    ("edge", "area in itself", ("areas", 1, "parent"), "r101"),
    ("edge", "area id with a slash", ("areas", 1, "id"), "b1/r1"),
    ("edge", "no uplink", ("uplink",), _ABSENT),
    ("edge", "uplink host a list", ("uplink", "broker", "host"), ["a"]),
    ("edge", "uplink port 70000", ("uplink", "broker", "port"), 70_000),
    ("edge", "uplink port as text", ("uplink", "broker", "port"), "mqtt"),
    ("edge", "password over a network without TLS", ("uplink", "broker", "tls"), _ABSENT),
    ("edge", "password in the file", ("uplink", "broker", "password"), "secret"),
    ("edge", "certificate without key", ("uplink", "broker", "tls", "cert_file"), "/a.pem"),
    ("edge", "backlog rate 0", ("uplink", "backlog_batches_per_s"), 0),
    ("edge", "backlog rate infinite", ("uplink", "backlog_batches_per_s"), float("inf")),
    ("edge", "backlog rate NaN", ("uplink", "backlog_batches_per_s"), float("nan")),
    ("edge", "spool without a path", ("spool", "path"), _ABSENT),
    ("edge", "spool of no size", ("spool", "max_mb"), 0),
    ("edge", "spool size negative", ("spool", "max_mb"), -1),
    ("edge", "unknown clock", ("clock", "source"), "sundial"),
    ("edge", "bus twice", ("buses", 1, "id"), "line-1"),
    ("edge", "bus without a transport", ("buses", 0, "modbus", "transport"), _ABSENT),
    ("edge", "unknown transport", ("buses", 0, "modbus", "transport"), "udp"),
    ("edge", "baud rate 0", ("buses", 0, "modbus", "baud_rate"), 0),
    ("edge", "unknown parity", ("buses", 0, "modbus", "parity"), "X"),
    ("edge", "timeout negative", ("buses", 0, "modbus", "timeout_s"), -1),
    ("edge", "timeout as text", ("buses", 0, "modbus", "timeout_s"), "soon"),
    ("edge", "TCP port 0", ("buses", 1, "modbus", "port"), 0),
    ("edge", "serial port on a TCP bus", ("buses", 1, "modbus", "baud_rate"), 9600),
    ("edge", "device twice", ("buses", 0, "devices", 1, "id"), "th-101"),
    ("edge", "device on two buses", ("buses", 1, "devices", 0, "id"), "th-101"),
    ("edge", "unit twice", ("buses", 0, "devices", 1, "unit_id"), 1),
    ("edge", "unit 248", ("buses", 0, "devices", 0, "unit_id"), 248),
    ("edge", "unit 0", ("buses", 0, "devices", 0, "unit_id"), 0),
    ("edge", "unknown profile", ("buses", 0, "devices", 0, "profile"), "xy-md2"),
    ("edge", "profile climbing", ("buses", 0, "devices", 0, "profile"), "../../etc/passwd"),
    ("edge", "profile of another protocol", ("buses", 0, "devices", 0, "profile"),
     "z2m-door-contact"),
    ("edge", "device in no area", ("buses", 0, "devices", 0, "area"), "r999"),
    ("edge", "interval 0", ("buses", 0, "devices", 0, "interval_s"), 0),
    ("edge", "interval true", ("buses", 0, "devices", 0, "interval_s"), True),
    ("edge", "unknown point", ("buses", 0, "devices", 0, "points"), ["temprature"]),
    ("edge", "device id with a newline", ("buses", 0, "devices", 0, "id"), "th\n101"),
    ("edge", "device id in Chinese", ("buses", 0, "devices", 0, "id"), "温度"),
    ("edge", "name too long", ("buses", 0, "devices", 0, "name", "en"), "a" * 201),
    ("edge", "topic with a wildcard", ("mqtt_sources", 0, "devices", 0, "topic", "friendly_name"),
     "door/#"),
    ("edge", "topic parameter missing", ("mqtt_sources", 0, "devices", 0, "topic"), {}),
    ("edge", "topic parameter unknown", ("mqtt_sources", 0, "devices", 0, "topic", "x"), "y"),
    ("edge", "interlock on an unknown device", ("interlocks", 0, "when", "device"), "gas-2"),
    ("edge", "interlock on an unknown point", ("interlocks", 0, "when", "point"), "ppm"),
    ("edge", "interlock with two limits", ("interlocks", 0, "when", "at_or_below"), 5),
    ("edge", "interlock that releases above", ("interlocks", 0, "when", "release_below"), 30),
    ("edge", "interlock writes a read-only point", ("interlocks", 0, "then"),
     {"device": "gas-1", "point": "concentration", "value": 1}),
    ("edge", "interlock writes no state", ("interlocks", 0, "then", "value"), 7),
    ("edge", "interlock without a word on a lost sensor", ("interlocks", 0, "on_sensor_lost"),
     _ABSENT),
    ("controller", "no broker", ("broker",), _ABSENT),
    ("controller", "unknown key", ("brokers",), {}),
    ("controller", "broker port negative", ("broker", "port"), -1),
    ("controller", "keepalive 0", ("broker", "keepalive_s"), 0),
    ("controller", "password over a network without TLS", ("broker", "tls"), _ABSENT),
    ("controller", "store of an unknown kind", ("store", "url"), "postgres://x/y"),
    ("controller", "store timeout 0", ("store", "timeout_s"), 0),
    ("controller", "API abroad without TLS", ("api", "tls"), _ABSENT),
    ("controller", "API port 0", ("api", "port"), 0),
    ("controller", "API certificate without key", ("api", "tls"), {"cert_file": "a.pem"}),
    ("controller", "rules a text", ("rules",), "rules.yaml"),
    ("controller", "channel of an unknown kind", ("notices", "channels", 0, "kind"), "pigeon"),
    ("controller", "channel twice", ("notices", "channels", 1, "id"), "duty"),
    ("controller", "channel without a secret", ("notices", "channels", 1, "secret_file"), _ABSENT),
    ("controller", "webhook by FTP", ("notices", "channels", 1, "url"), "ftp://x.example/"),
    ("controller", "webhook with a newline", ("notices", "channels", 1, "url"),
     "https://x.example/\r\nHost: y"),
    ("controller", "webhook with a space", ("notices", "channels", 1, "url"), "https://x y/"),
    ("controller", "unknown severity", ("notices", "channels", 1, "severities"), ["dire"]),
    ("controller", "unknown language", ("notices", "language"), "fr"),
    ("controller", "page address a script", ("notices", "page_url"), "javascript:alert(1)"),
    ("controller", "command life an hour", ("commands",), {"life_s": 3600}),
    ("controller", "silence of 1 s", ("liveness",), {"silent_after_s": 1}),
    ("controller", "samples from an hour ahead", ("ingest",), {"ahead_s_max": 3600}),
    ("rules", "rule twice", ("rules", 1, "id"), "ammonia-high"),
    ("rules", "unknown kind", ("rules", 0, "kind"), "treshold"),
    ("rules", "unknown key", ("rules", 0, "at_or_abov"), 25),
    ("rules", "two limits", ("rules", 0, "above"), 25),
    ("rules", "no limit", ("rules", 0, "at_or_above"), _ABSENT),
    ("rules", "limit as text", ("rules", 0, "at_or_above"), "25 ppm"),
    ("rules", "limit NaN", ("rules", 0, "at_or_above"), float("nan")),
    ("rules", "limit infinite", ("rules", 0, "at_or_above"), float("inf")),
    ("rules", "limit true", ("rules", 0, "at_or_above"), True),
    ("rules", "deadband negative", ("rules", 0, "deadband"), -1),
    ("rules", "delay negative", ("rules", 0, "off_delay_s"), -1),
    ("rules", "no points", ("rules", 0, "applies_to", "points"), _ABSENT),
    ("rules", "points empty", ("rules", 0, "applies_to", "points"), []),
    ("rules", "unknown severity", ("rules", 0, "severity"), "catastrophic"),
    ("rules", "unknown class", ("rules", 0, "alarm_class"), "fun"),
    ("rules", "name in one language", ("rules", 0, "name"), {"zh": "氨"}),
    ("rules", "no action", ("rules", 0, "action"), _ABSENT),
    ("rules", "id with a space", ("rules", 0, "id"), "ammonia high"),
    ("rules", "rules an object", ("rules",), {"ammonia": {}}),
    ("profile", "unknown category", ("category",), "air_conditoner"),
    ("profile", "unknown protocol", ("protocol",), "bacnet"),
    ("profile", "no sources", ("sources",), []),
    ("profile", "labels in one language", ("labels",), {"en": "x"}),
    ("profile", "address base 2", ("modbus", "address_base"), 2),
    ("profile", "point twice", ("points", 1, "name"), "power_on"),
    ("profile", "point name with capitals", ("points", 1, "name"), "Temperature"),
    ("profile", "unknown unit", ("points", 1, "unit"), "degC"),
    ("profile", "minimum above maximum", ("points", 1, "minimum"), 90),
    ("profile", "address negative", ("points", 1, "read", "address"), -1),
    ("profile", "address 65536", ("points", 1, "read", "address"), 65_536),
    ("profile", "unknown data type", ("points", 1, "read", "data_type"), "int17"),
    ("profile", "unknown table", ("points", 1, "read", "input_type"), "holdings"),
    ("profile", "scale 0", ("points", 1, "read", "scale"), 0),
    ("profile", "unknown byte order", ("points", 1, "read", "byte_order"), "ABDC"),
    ("profile", "write with function 3", ("points", 1, "write", "function"), 3),
    ("profile", "write without bounds", ("points", 1, "write"), {"function": 6}),
    ("profile", "safe value out of bounds", ("points", 1, "write", "safe_value"), 99),
    ("profile", "state that is no number", ("points", 2, "states"),
     {"on": {"zh": "开", "en": "on"}}),
    ("profile", "id unlike the file", ("id",), "haier-other"),
    ("school", "no gateways", ("gateways",), []),
    ("school", "compression 0", ("compression",), 0),
    ("school", "start with a zone", ("start",), "2026-03-02T08:05:00+08:00"),
    ("school", "unknown fault", ("faults",), [{"device": "gas-1", "kind": "tired", "at_s": 1}]),
    ("school", "fault of an unknown device", ("faults",),
     [{"device": "gas-9", "kind": "silence", "at_s": 1}]),
    ("school", "leak in an unknown area", ("leaks",), [{"area": "moon", "at_s": 1}]),
    ("school", "area twice", ("areas", 1, "id"), "b1"),
    ("school", "lesson at 25 o'clock", ("timetable",), [{"begin": "25:00", "end": "26:00"}]),
    ("school", "humidity 200", ("outdoor", "relative_humidity"), 200),
    ("school", "unknown key", ("gatewys",), []),
)  # fmt: skip


def _texts(good: str) -> Iterator[tuple[str, bytes]]:
    """Yield broken texts that every reader must refuse."""
    text = good.encode()
    first_key = good.lstrip("# \n").splitlines()[0].split(":")[0]
    bomb = "a: &a [x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(20)
    )
    yield "empty", b""
    yield "only a comment", b"# nothing\n"
    yield "a list", b"- a\n- b\n"
    yield "a word", b"hello\n"
    yield "a tab", b"\tgateway: x\n" + text
    yield "an open quote", text + b'\nlast: "open\n'
    yield "an open bracket", text + b"\nlast: [open\n"
    yield "two documents", text + b"\n---\n" + text
    yield "alias bomb", bomb.encode() + text
    yield "depth 10000", b"deep: " + b"[" * 10_000 + b"]" * 10_000 + b"\n"
    yield "GBK bytes", text + "\nlast: 教室\n".encode("gbk")
    yield "UTF-16", good.encode("utf-16")
    yield "NUL", text + b"\nlast: a\0b\n"
    yield "16 MiB", text + b"#" * (16 * 1024 * 1024)
    yield "Python object", b"!!python/object/apply:os.system ['true']\n"
    yield "key twice", text + f"\n{first_key}: again\n".encode()


def _changed(plain: Any, key: Key, value: Any) -> Any:
    document = copy.deepcopy(plain)
    at = document
    for step in key[:-1]:
        at = at[step]
    if value is _ABSENT:
        del at[key[-1]]
    else:
        at[key[-1]] = value
    return document


def _dumped(document: Any) -> bytes:
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_unicode = True
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue().encode()


def _all() -> Iterator[ConfigCase]:
    reader = YAML(typ="safe", pure=True)
    plain = {kind: reader.load(path.read_text("utf-8")) for kind, path in GOOD.items()}
    for kind, path in GOOD.items():
        for name, text in _texts(path.read_text("utf-8")):
            yield ConfigCase(kind, name, text)
    for kind, name, key, value in _CHANGES:
        yield ConfigCase(kind, name, _dumped(_changed(plain[kind], key, value)))


CONFIG_CASES: Final[tuple[ConfigCase, ...]] = tuple(_all())
