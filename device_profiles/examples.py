"""Checking the examples that a profile carries (pure)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import orjson

from device_profiles.errors import GivenDataError, ProfilesError
from device_profiles.given_frames import hex_bytes
from device_profiles.model import ModbusProfile, MqttProfile
from device_profiles.model_examples import Example
from device_profiles.register_dump import dump_of
from device_profiles.trying import Outcome, try_message, try_registers

_RELATIVE: Final = 1e-6
_ABSOLUTE: Final = 1e-9

ReadFile = Callable[[str], bytes]
"""Returns the content of a file beside the profile's own."""


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """What became of one example."""

    number: int
    """From 1 on, as they stand in the file."""
    note: str
    problems: tuple[str, ...]
    checked: int
    """How many values and texts were compared."""

    @property
    def passed(self) -> bool:
        """Whether everything was as recorded."""
        return not self.problems


def check_examples(
    profile: ModbusProfile | MqttProfile, read_file: ReadFile
) -> list[ExampleResult]:
    """Decode every example of a profile and compare.

    Args:
        profile: with its examples.
        read_file: returns the content of a file beside the profile; raises GivenDataError.
    """
    return [
        _check(profile, example, number, read_file)
        for number, example in enumerate(profile.examples, start=1)
    ]


def _check(
    profile: ModbusProfile | MqttProfile, example: Example, number: int, read_file: ReadFile
) -> ExampleResult:
    checked = len(example.values) + len(example.texts)
    try:
        outcome = _outcome(profile, example, read_file)
    except ProfilesError as error:
        problems = [str(error)]
    else:
        problems = [*_value_problems(example, outcome), *_text_problems(example, outcome)]
    return ExampleResult(number, example.note or "", tuple(problems), checked)


def _outcome(
    profile: ModbusProfile | MqttProfile, example: Example, read_file: ReadFile
) -> Outcome:
    if isinstance(profile, ModbusProfile):
        if not example.registers:
            raise GivenDataError("format", "a Modbus example gives registers")
        return try_registers(profile, dump_of(example.registers, profile.modbus))
    if example.topic is None:
        raise GivenDataError("format", "an MQTT example gives topic and payload")
    return try_message(profile, example.topic, _payload(example, read_file), example.captures)


def _payload(example: Example, read_file: ReadFile) -> bytes:
    if example.payload_hex is not None:
        return hex_bytes(example.payload_hex) if example.payload_hex.strip() else b""
    if example.payload_file is not None:
        return read_file(example.payload_file)
    if isinstance(example.payload, str):
        return example.payload.encode()
    return orjson.dumps(example.payload)


def _value_problems(example: Example, outcome: Outcome) -> list[str]:
    problems = []
    reasons = {one.point: one.reason for one in outcome.undecoded}
    for point, expected in example.values.items():
        tried = outcome.value_of(point)
        if tried is None:
            problems.append(f"{point}: {reasons.get(point, 'nothing is said of it')}")
        elif expected is None:
            if tried.value is not None:
                problems.append(f"{point}: {tried.value:g}, expected no value")
        elif tried.value is None:
            problems.append(f"{point}: {tried.quality.name.lower()}, expected {expected:g}")
        elif not math.isclose(tried.value, expected, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE):
            problems.append(f"{point}: {tried.value:.10g}, expected {expected:.10g}")
    if example.time is not None:
        times = {one.time_ns for one in outcome.values if one.time_ns is not None}
        if times != {round(example.time * 1e9)}:
            said = ", ".join(f"{one / 1e9:.3f}" for one in sorted(times)) or "none"
            problems.append(f"time: {said}, expected {example.time:.3f}")
    return problems


def _text_problems(example: Example, outcome: Outcome) -> list[str]:
    problems = []
    for point, expected in example.texts.items():
        text = outcome.text_of(point)
        if text != expected:
            problems.append(f"{point}: {text!r}, expected {expected!r}")
    return problems
