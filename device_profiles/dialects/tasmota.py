"""Tasmota: its discovery (`tasmota/discovery/<mac>/config` and `/sensors`), or what it just says.

Topics and commands: https://tasmota.github.io/docs/MQTT/ and https://tasmota.github.io/docs/Commands/.
A device that was set up without discovery (`SetOption19`) is described by its ordinary messages, as
far as these go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from device_profiles.dialects.device import About, device
from device_profiles.dialects.documents import number, read_object, text
from device_profiles.dialects.found import FoundDevice
from device_profiles.dialects.naming import topic_level
from device_profiles.dialects.points import Part, Points
from device_profiles.dialects.tasmota_points import add_sensors, add_state, add_switches

_CONFIG: Final = re.compile(r"tasmota/discovery/(?P<mac>[0-9A-Fa-f]{12})/config")
_HEARD: Final = (
    re.compile(r"(?P<prefix>tele|stat)/(?P<topic>[^/]+)/(?P<what>[A-Z0-9_]+)"),
    re.compile(r"(?P<topic>[^/]+)/(?P<prefix>tele|stat)/(?P<what>[A-Z0-9_]+)"),
)
_POWER: Final = re.compile(r"POWER\d{0,2}")
_RELAY, _LIGHT = 1, 2
"""Of the list `rl`, a number for each output (`xdrv_12_discovery.ino`); 3 is half a shutter."""

_SOURCES: Final = (
    ("https://tasmota.github.io/docs/MQTT/", "documentation of the firmware: topics"),
    (
        "https://tasmota.github.io/docs/Commands/",
        "documentation of the firmware: commands; the points are what the device says",
    ),
)


@dataclass(slots=True)
class _Board:
    """One device as far as it is known."""

    topic: str
    full_topic: str = "%prefix%/%topic%/"
    prefixes: tuple[str, str, str] = ("cmnd", "stat", "tele")
    mac: str = ""
    host: str = ""
    name: str = ""
    model: str = ""
    words: tuple[str, str] = ("OFF", "ON")
    availability: tuple[str, str] = ("Online", "Offline")
    outputs: tuple[int, ...] = ()
    sleeps: bool = False
    """Deep sleep: its last will says nothing of its health."""
    sensors: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    powers: set[str] = field(default_factory=set)
    """Names of outputs that were heard: POWER, POWER1 …"""

    def pattern(self, prefix: str) -> str | None:
        """Return the topic up to its last level, with the device's own topic as a capture."""
        filled = (
            self.full_topic.replace("%prefix%", prefix)
            .replace("%hostname%", self.host)
            .replace("%id%", self.mac[-6:])
        )
        if "{" in filled or "}" in filled or re.search(r"[#+%]", filled.replace("%topic%", "")):
            return None
        return filled.rstrip("/").replace("%topic%", "{topic}") + "/"


def describe(heard: Mapping[str, bytes]) -> list[FoundDevice]:
    """Return the devices that the messages describe."""
    boards: dict[str, _Board] = {}
    for topic, payload in heard.items():
        match = _CONFIG.fullmatch(topic)
        board = _discovered(match["mac"], read_object(payload)) if match else None
        if match and board is not None:
            sensors = read_object(heard.get(topic.removesuffix("config") + "sensors", b""))
            board.sensors = _object(sensors.get("sn"))
            boards[board.topic] = board
    for topic, payload in heard.items():
        _listen(boards, topic, payload)
    found = (_device(board) for board in boards.values())
    return [one for one in found if one is not None]


def _discovered(mac: str, config: dict[str, Any]) -> _Board | None:
    topic = text(config.get("t"))
    if not topic_level(topic):
        return None
    prefixes = config.get("tp")
    names = [text(one) for one in prefixes] if isinstance(prefixes, list) else []
    outputs = config.get("rl")
    words = config.get("state")
    said = [text(one) for one in words[:2]] if isinstance(words, list) else []
    friendly = config.get("fn")
    names_given = [text(one) for one in friendly] if isinstance(friendly, list) else []
    board = _Board(
        topic,
        full_topic=text(config.get("ft"), "%prefix%/%topic%/"),
        mac=mac,
        host=text(config.get("hn")),
        name=text(config.get("dn")) or next(iter(names_given), "") or topic,
        model=text(config.get("md")),
        availability=(text(config.get("onln"), "Online"), text(config.get("ofln"), "Offline")),
        outputs=tuple(int(number(one) or 0) for one in outputs[:32])
        if isinstance(outputs, list)
        else (),
    )
    board.sleeps = bool(number(config.get("dslp")))
    if len(names) == 3 and all(names):
        board.prefixes = (names[0], names[1], names[2])
    if len(said) == 2 and all(said) and said[0] != said[1]:
        board.words = (said[0], said[1])
    return board


def _listen(boards: dict[str, _Board], topic: str, payload: bytes) -> None:
    """Add to a board what an ordinary message tells of it."""
    for number_, pattern in enumerate(_HEARD):
        match = pattern.fullmatch(topic)
        if match is None or not topic_level(match["topic"]):
            continue
        board = boards.get(match["topic"])
        if board is None:
            full = "%topic%/%prefix%/" if number_ else "%prefix%/%topic%/"
            board = boards[match["topic"]] = _Board(match["topic"], full_topic=full)
        what, document = match["what"], read_object(payload)
        if what == "SENSOR":
            board.sensors = {**board.sensors, **document}
        elif what == "STATE":
            board.state = {**board.state, **document}
        elif what == "RESULT":
            board.powers |= {key for key in document if _POWER.fullmatch(key)}
        elif _POWER.fullmatch(what):
            board.powers.add(what)
        return


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _device(board: _Board) -> FoundDevice | None:
    command, stat, tele = (board.pattern(prefix) for prefix in board.prefixes)
    if command is None or stat is None or tele is None:
        return None
    points = Points()
    for output in _outputs(board):
        add_switches(points, output, board.words, command=command, stat=stat, tele=tele)
    add_sensors(points, board.sensors, command=command)
    add_state(points, board.state, tele=tele, stat=stat, command=command)
    online, offline = board.availability
    availability: tuple[Part, ...] = ()
    if online != offline and not board.sleeps:
        availability = ({"topic": f"{tele}LWT", "online": online, "offline": offline},)
    about = About(
        "tasmota",
        board.mac or board.topic,
        board.name or board.topic,
        "Tasmota",
        board.model or board.topic,
        f"{tele}SENSOR",
        {"topic": board.topic} if "{topic}" in tele else {},
        _SOURCES,
        availability,
    )
    if "electricity_meter" in points.hints and "relay" in points.hints:
        about = replace(about, category="smart_plug")
    return device(about, points)


def _outputs(board: _Board) -> Iterator[str]:
    """Yield the names of relays and lights as Tasmota's messages have them."""
    powers = board.powers | {key for key in board.state if _POWER.fullmatch(key)}
    switched = [at for at, kind in enumerate(board.outputs) if kind in (_RELAY, _LIGHT)]
    if len(board.outputs) - board.outputs.count(0) > 1:
        powers |= {f"POWER{at + 1}" for at in switched}
    elif switched and not powers:
        powers = {"POWER"}  # the only one bears no number
    yield from sorted(powers, key=lambda name: int(name[5:] or 0))
