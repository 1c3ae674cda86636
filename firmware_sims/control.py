"""Live orders to a running school: one JSON object a line in, one back.

    {"do": "leak", "area": "store-1", "ppm_per_s": 12, "for_s": 20}
    {"do": "leak", "area": "store-1", "ppm_per_s": 0}
    {"do": "fault", "device": "th-101", "kind": "silence", "for_s": 30}
    {"do": "clear", "device": "th-101"}
    {"do": "set", "device": "meter-1", "point": "active_energy", "value": 5000}
    {"do": "area", "area": "r101", "control": "leak", "value": 1}
    {"do": "state"}
    {"do": "stop"}

Each answer is `{"ok": true, …}` or `{"ok": false, "reason": …, "message": …}`. Orders come by a TCP
port on the loopback address, where each line must also hold the run's `token`: other users of
the machine can reach the port but not read the file with the token.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from campus_wire.errors import CampusError
from firmware_sims.faults import FaultKind

LINE_BYTES_MAX = 64 * 1024
CONNECTIONS_MAX = 16
IDLE_TIMEOUT_S = 3600.0

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Number = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]


class _Order(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str = ""


class LeakOrder(_Order):
    """Let gas leak; 0 closes the leak."""

    do: Literal["leak"]
    area: str
    ppm_per_s: Annotated[float, Field(ge=0, le=10_000)] | None = None
    for_s: Seconds | None = None


class FaultOrder(_Order):
    """Let a fault begin."""

    do: Literal["fault"]
    device: str
    kind: FaultKind
    value: Number | None = None
    point: str | None = None
    for_s: Seconds | None = None


class ClearOrder(_Order):
    """End a fault, or all of a device."""

    do: Literal["clear"]
    device: str
    kind: FaultKind | None = None


class SetOrder(_Order):
    """Let a point hold a number; null lets it live again."""

    do: Literal["set"]
    device: str
    point: str
    value: Number | None


class AreaOrder(_Order):
    """Set a control of an area."""

    do: Literal["area"]
    area: str
    control: str
    value: Number


class StateOrder(_Order):
    """Ask what runs and what is shown; with `device`, of one alone."""

    do: Literal["state"]
    device: str | None = None


class StopOrder(_Order):
    """End the run."""

    do: Literal["stop"]


Order = Annotated[
    LeakOrder | FaultOrder | ClearOrder | SetOrder | AreaOrder | StateOrder | StopOrder,
    Field(discriminator="do"),
]
_ORDERS: TypeAdapter[Any] = TypeAdapter(Order)


class Running(Protocol):
    """A running school or district."""

    def begin_fault(
        self,
        device_id: str,
        kind: FaultKind,
        *,
        value: float | None = None,
        point: str | None = None,
    ) -> None:
        """Let a fault begin."""

    def end_fault(self, device_id: str, kind: FaultKind | None = None) -> Sequence[FaultKind]:
        """End a fault, or all."""

    def begin_leak(self, area_id: str, *, ppm_per_s: float | None = None) -> float:
        """Let gas leak; return the rate."""

    def end_leak(self, area_id: str) -> None:
        """Close the leak."""

    def set_point(self, device_id: str, point: str, number: float | None) -> None:
        """Let a point hold a number."""

    def control_area(self, area_id: str, control: str, number: float) -> None:
        """Set a control of an area."""

    def state(self, device_id: str | None = None) -> dict[str, object]:
        """What runs and what is shown."""


class Controller:
    """Carries out orders.

    Args:
        school: the running school or district.
        stop: called when the run shall end.
    """

    def __init__(self, school: Running, stop: Callable[[], None]) -> None:
        self._school = school
        self._stop = stop

    def carry_out(self, line: bytes, *, token: str | None = None) -> dict[str, object]:
        """Carry out one order, and return what to answer.

        Args:
            line: a JSON object.
            token: what the order must hold; None where the channel itself is trusted.
        """
        try:
            order = _ORDERS.validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            return _refusal("malformed", f"{place}: {first['msg']}" if place else first["msg"])
        if token is not None and not hmac.compare_digest(order.token.encode(), token.encode()):
            return _refusal("token", "the token is not that of this run")
        try:
            return {"ok": True, **self._act(order)}
        except CampusError as error:
            return _refusal(error.reason, str(error))

    def _act(self, order: _Order) -> Mapping[str, object]:
        school = self._school
        match order:
            case LeakOrder():
                return self._leak(order)
            case FaultOrder():
                school.begin_fault(order.device, order.kind, value=order.value, point=order.point)
                self._after(order.for_s, lambda: school.end_fault(order.device, order.kind))
            case ClearOrder():
                ended = school.end_fault(order.device, order.kind)
                return {"ended": [kind.value for kind in ended]}
            case SetOrder():
                school.set_point(order.device, order.point, order.value)
            case AreaOrder():
                school.control_area(order.area, order.control, order.value)
            case StateOrder():
                return school.state(order.device)
            case _:
                self._stop()
        return {}

    def _leak(self, order: LeakOrder) -> Mapping[str, object]:
        rate = self._school.begin_leak(order.area, ppm_per_s=order.ppm_per_s)
        self._after(order.for_s, lambda: self._school.end_leak(order.area))
        return {"ppm_per_s": rate}

    @staticmethod
    def _after(for_s: float | None, end: Callable[[], object]) -> None:
        if for_s is not None:
            asyncio.get_running_loop().call_later(for_s, end)


def _refusal(reason: str, message: str) -> dict[str, object]:
    return {"ok": False, "reason": reason, "message": message}


class ControlServer:
    """The loopback port for orders.

    Args:
        controller: carries them out.
        path: file to write `{"host", "port", "token"}` to, readable by this user alone.
    """

    def __init__(self, controller: Controller, path: Path) -> None:
        self._controller = controller
        self._path = path
        self._token = secrets.token_urlsafe(24)
        self._server: asyncio.Server | None = None
        self._connections = 0
        self.port = 0

    async def start(self) -> None:
        """Listen, and write the file."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=LINE_BYTES_MAX)
        self.port = self._server.sockets[0].getsockname()[1]
        text = json.dumps({"host": "127.0.0.1", "port": self.port, "token": self._token})
        # Written beside and renamed, so that who waits for the file never sees half of it.
        beside = self._path.with_name(f".{self._path.name}.new")
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text + "\n")
        beside.replace(self._path)

    async def stop(self) -> None:
        """Stop listening and remove the file."""
        self._path.unlink(missing_ok=True)
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connections >= CONNECTIONS_MAX:
            writer.close()
            return
        self._connections += 1
        try:
            await self._answer_lines(reader, writer)
        except (TimeoutError, ValueError, OSError):
            pass  # idle, a line too long, or gone: this connection is over, and no order was lost
        finally:
            self._connections -= 1
            writer.close()

    async def _answer_lines(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                line = await reader.readline()
            if not line:
                return
            answer = self._controller.carry_out(line, token=self._token)
            writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                await writer.drain()


async def send_order(
    path: Path, order: Mapping[str, object], *, timeout_s: float = 10.0
) -> dict[str, Any]:
    """Give one order to the run whose control file this is; return its answer.

    Raises:
        OSError: the file cannot be read or the run is gone.
        TimeoutError: no answer in time.
    """
    contact = json.loads(await asyncio.to_thread(path.read_text, "utf-8"))
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_connection(
            contact["host"], contact["port"], limit=16 * 1024 * 1024
        )
        try:
            writer.write(json.dumps({**order, "token": contact["token"]}).encode() + b"\n")
            line = await reader.readline()
        finally:
            writer.close()
    answer = json.loads(line)
    assert isinstance(answer, dict)
    return answer
