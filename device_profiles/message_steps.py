"""The steps from what was found in a message to a value: prepared once, run for each message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from device_profiles import codec_text, durations, listed
from device_profiles.codec_text import UNREADABLE, TextPattern
from device_profiles.envelopes import from_base64, from_hex
from device_profiles.errors import MessageRefusedError
from device_profiles.json_depth import DEPTH_MAX, depth_is_allowed
from device_profiles.json_path import ABSENT, as_word, fill_path, look_up, parse_path
from device_profiles.model_message import Step
from device_profiles.timestamps import S, TimeForm, parse_time

Run = Callable[[Any], Any]
_PASS: Final = (ABSENT, UNREADABLE, None)


def prepare_steps(steps: Sequence[Step], parameters: Mapping[str, str]) -> Run:
    """Return a function that takes what was found to what the steps make of it.

    It returns ABSENT where a path leads nowhere or a pattern does not fit, and UNREADABLE where
    something is not written as the profile says; it never raises.

    Raises:
        TopicParameterError: a capture of a path is not given.
    """
    runs = [_prepare(step, parameters) for step in steps]

    def run(found: Any) -> Any:
        for one in runs:
            if found is ABSENT or found is UNREADABLE or found is None:
                break
            found = one(found)
        return found

    return run


def _prepare(step: Step, parameters: Mapping[str, str]) -> Run:
    if step.path is not None:
        path = fill_path(parse_path(step.path), parameters)
        return lambda found: look_up(found, path)
    if step.to == "object":
        names, values = (
            fill_path(parse_path(path or ""), parameters) for path in (step.names, step.values)
        )
        return lambda found: listed.joined(look_up(found, names), look_up(found, values))
    return _plain(step) or _from_text(_of_text(step))


def _plain(step: Step) -> Run | None:
    """Return what takes numbers, bytes and lists too; None for notations of texts."""
    form = TimeForm(step.format, step.utc_offset)
    known: dict[str | None, Run] = {
        "time": lambda found: _seconds(found, form),
        "base64": lambda found: _bytes(found, from_base64),
        "hex": lambda found: _bytes(found, from_hex),
        "number": lambda found: _number(found, step),
        "duration": _duration,
        "senml": listed.senml,
    }
    return known.get(step.to)


def _from_text(of_text: Run) -> Run:
    def run(found: Any) -> Any:
        text = as_text(found)
        return UNREADABLE if text is None else of_text(text)

    return run


def _of_text(step: Step) -> Callable[[str], Any]:
    known: dict[str | None, Callable[[str], Any]] = {
        "json": parse_json_text,
        "csv": lambda text: codec_text.cells(text, step.separator or ",", step.columns),
        "lines": codec_text.lines,
        "influx": listed.influx_lines,
        "key_value": lambda text: codec_text.pairs(text, step.separator, step.assign),
        "hex_number": codec_text.hex_number,
        "text": lambda text: text,
    }
    return known[step.to] if step.to != "pattern" else TextPattern.of(step.pattern or "").match


def as_text(found: Any) -> str | None:
    """Return the text that was found: of bytes their UTF-8, of a number how it is written."""
    if isinstance(found, bytes):
        try:
            return found.decode()
        except UnicodeDecodeError:
            return None
    return as_word(found)


def parse_json_text(text: str) -> Any:
    """Return the JSON document in a text, or UNREADABLE."""
    payload = text.encode("utf-8", "replace")
    if not depth_is_allowed(payload, DEPTH_MAX):
        return UNREADABLE
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return UNREADABLE


def _bytes(found: Any, decode: Callable[[str | bytes], bytes]) -> Any:
    if not isinstance(found, str | bytes):
        return UNREADABLE
    try:
        return decode(found)
    except MessageRefusedError:
        return UNREADABLE


def _number(found: Any, step: Step) -> Any:
    if isinstance(found, int | float):
        return found
    text = as_text(found)
    if text is None:
        return UNREADABLE
    return codec_text.number_in_text(text, step.decimal, step.units)


def _duration(found: Any) -> Any:
    if isinstance(found, int | float) and not isinstance(found, bool):
        return found
    seconds = durations.parse_duration(found) if isinstance(found, str) else None
    return UNREADABLE if seconds is None else seconds


def _seconds(found: Any, form: TimeForm) -> Any:
    instant_ns = parse_time(found, form)
    if instant_ns is None:
        return UNREADABLE
    return instant_ns // S if instant_ns % S == 0 else instant_ns / S
