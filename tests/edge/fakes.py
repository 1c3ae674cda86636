"""Fakes at the seams of the field side: a clock, a sink, a line of devices, a small site."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from campus_wire.batch import Sample
from campus_wire.catalog import SampleClass
from campus_wire.messages import Event
from device_profiles.library import Library
from edge_agent.config import EdgeConfig
from edge_agent.inventory import Inventory, build_inventory
from edge_agent.modbus.errors import ModbusError, NoAnswerError, NotConnectedError
from edge_agent.modbus.requests import Request
from edge_agent.ports import WriteResult

LIBRARY = Library.builtin()
NAME = {"zh": "设备", "en": "device"}
S = 1_000_000_000


class FakeClock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.is_synced = True
        self.passed_ns = 1_000 * S

    def now_ns(self) -> int:
        return 1_800_000_000 * S + self.passed_ns

    def monotonic_ns(self) -> int:
        return self.passed_ns

    def advance(self, seconds: float) -> None:
        self.passed_ns += round(seconds * S)

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


class RealClock:
    is_synced = True
    now_ns = staticmethod(time.time_ns)
    monotonic_ns = staticmethod(time.monotonic_ns)


class RecordingSink:
    def __init__(self) -> None:
        self.samples: list[tuple[SampleClass, Sample]] = []

    def accept(self, samples: Sequence[Sample], sample_class: SampleClass) -> None:
        self.samples += [(sample_class, sample) for sample in samples]

    def of(self, device: int) -> list[Sample]:
        return [sample for _, sample in self.samples if sample.device == device]


class RecordingEvents:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def post(self, event: Event) -> None:
        self.events.append(event)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


class FakeActuator:
    """Takes writes; fails or waits as told."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, str, float]] = []
        self.results: list[WriteResult] = []
        self.wait: asyncio.Event | None = None
        self.shown: dict[tuple[str, str], float] = {}
        self.maximum = 1e9

    async def write(
        self, device: str, point: str, value: float, *, timeout_s: float
    ) -> WriteResult:
        del timeout_s
        self.writes.append((device, point, value))
        if self.wait is not None:
            await self.wait.wait()
        return self.results.pop(0) if self.results else WriteResult("succeeded", value)

    async def read(self, device: str, point: str, *, timeout_s: float) -> float | None:
        del timeout_s
        return self.shown.get((device, point))

    def refusal(self, device: str, point: str, value: float) -> str | None:
        del device, point
        return "above_maximum" if value > self.maximum else None

    @property
    def values(self) -> list[float]:
        return [value for _, _, value in self.writes]


Behaviour = Callable[[Request], Sequence[int]]
"""What a unit does with a request: returns registers, or raises a `ModbusError`."""


def silent(_request: Request) -> Sequence[int]:
    raise NoAnswerError("no answer in time")


def registers(*values: int) -> Behaviour:
    """A unit whose registers hold `values` from 0 on, whatever the table."""

    def behave(request: Request) -> Sequence[int]:
        address = int.from_bytes(request.pdu[1:3], "big")
        count = int.from_bytes(request.pdu[3:5], "big")
        return (values + (0,) * 200)[address : address + count]

    return behave


class FakeLine:
    """A connection with units behind it. Answers and timeouts take time."""

    def __init__(
        self,
        clock: FakeClock,
        units: Mapping[int, Behaviour],
        *,
        answer_s: float = 0.05,
        timeout_s: float = 1.0,
    ) -> None:
        self.units = dict(units)
        self.connected = False
        self.reachable = True
        self.asked: list[Request] = []
        self.connects = 0
        self.closes = 0
        self.during: Callable[[Request], None] | None = None
        self._clock = clock
        self._answer_s = answer_s
        self._timeout_s = timeout_s

    async def connect(self) -> None:
        self.connects += 1
        if not self.reachable:
            raise NotConnectedError("refused")
        self.connected = True

    async def execute(self, request: Request, timeout_s: float | None = None) -> Sequence[int]:
        if not self.connected:
            raise NotConnectedError("not connected")
        self.asked.append(request)
        if self.during is not None:
            self.during(request)
        try:
            raw = self.units.get(request.unit, silent)(request)
        except NoAnswerError:
            self._clock.advance(self._timeout_s if timeout_s is None else timeout_s)
            raise
        except ModbusError as error:
            self._clock.advance(self._answer_s)
            if isinstance(error, NotConnectedError):
                self.connected = False
            raise
        self._clock.advance(self._answer_s)
        return raw

    def close(self) -> None:
        self.closes += 1
        self.connected = False

    @property
    def units_asked(self) -> list[int]:
        return [request.unit for request in self.asked]


def modbus_device(
    device_id: str, profile: str, *, unit: int, interval_s: float = 1.0, **more: Any
) -> dict[str, Any]:
    return {
        "id": device_id,
        "profile": profile,
        "unit_id": unit,
        "area": "r1",
        "name": NAME,
        "interval_s": interval_s,
        **more,
    }


def mqtt_device(
    device_id: str, profile: str, *, interval_s: float = 60.0, **topic: str
) -> dict[str, Any]:
    return {
        "id": device_id,
        "profile": profile,
        "area": "r1",
        "name": NAME,
        "interval_s": interval_s,
        "topic": topic,
    }


def edge_config(
    *devices: dict[str, Any],
    mqtt: Sequence[dict[str, Any]] = (),
    mqtt_port: int = 1883,
    port: int = 502,
    **more: Any,
) -> EdgeConfig:
    """A gateway with one TCP bus, `bus`, and one local broker, `broker`."""
    buses = [
        {
            "id": "bus",
            "modbus": {"transport": "tcp", "host": "127.0.0.1", "port": port, "timeout_s": 0.3},
            "devices": devices,
        }
    ]
    broker = {"host": "127.0.0.1", "port": mqtt_port}
    return EdgeConfig.model_validate_json(
        orjson.dumps(
            {
                "gateway": "gw-test",
                "school": {"id": "s1", "name": NAME},
                "areas": [{"id": "r1", "kind": "classroom", "name": NAME}],
                "uplink": {"broker": {"host": "127.0.0.1"}},
                "spool": {"path": "spool.db"},
                "buses": buses if devices else [],
                "mqtt_sources": [{"id": "broker", "broker": broker, "devices": mqtt}]
                if mqtt
                else [],
                **more,
            }
        )
    )


def site(config: EdgeConfig) -> Inventory:
    return build_inventory(config, LIBRARY)
