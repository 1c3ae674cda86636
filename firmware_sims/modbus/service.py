"""What a TCP endpoint and a serial line have in common: units, faults and the truth log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from firmware_sims.device import Answer, ModbusDevice
from firmware_sims.faults import FaultKind
from firmware_sims.modbus import pdu as protocol
from firmware_sims.modbus.spoil import Framing, spoil
from firmware_sims.truth import TruthLog

Frame = Callable[[int, bytes], bytes]
"""Makes an envelope from unit id and answer."""
Send = Callable[[bytes], None]

_FUNCTIONS_WRITING = frozenset({5, 6, 15, 16})


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """What every service of a run shares.

    Args:
        elapsed_s: seconds since the run began.
    """

    elapsed_s: Callable[[], float]
    truth: TruthLog


class UnitService:
    """The devices behind one endpoint, and how they answer.

    Args:
        turnaround_s: time between a request's end and its answer.
        answers_for_missing: with an exception "gateway target device failed to respond" for a unit
            that is not there, as gateways do; else with silence, as a serial line does.
        unit_ids_of_lone_device: further unit ids that reach a device which is alone here.
    """

    def __init__(
        self,
        devices: Iterable[ModbusDevice],
        context: ServiceContext,
        *,
        framing: Framing,
        turnaround_s: float = 0.0,
        answers_for_missing: bool = False,
        unit_ids_of_lone_device: Iterable[int] = (),
    ) -> None:
        self.devices: Mapping[int, ModbusDevice] = {device.unit_id: device for device in devices}
        if len(self.devices) == 1:
            (lone,) = self.devices.values()
            self.devices = {**dict.fromkeys(unit_ids_of_lone_device, lone), **self.devices}
        self.requests = 0
        self._context = context
        self._framing = framing
        self._turnaround_s = turnaround_s
        self._answers_for_missing = answers_for_missing

    def handle(self, unit_id: int, pdu: bytes, frame: Frame, send: Send) -> None:
        """Answer one request through `send`, now or later.

        The whole common case is in this function, because it runs for every request.
        """
        self.requests += 1
        device = self.devices.get(unit_id)
        if device is None:
            self._handle_missing(unit_id, pdu, frame, send)
            return
        if device.faults.wire or self._turnaround_s:
            self._handle_slowly(device, unit_id, pdu, frame, send)
            return
        context = self._context
        answer = device.respond(pdu, context.elapsed_s())
        now_ns = time.time_ns()
        if answer.written is not None:
            context.truth.written(device.id, now_ns, answer.written)
        send(frame(unit_id, answer.pdu))
        if answer.value_count:
            context.truth.reading(device.id, now_ns, answer.values, answer.value_count)

    def broadcast(self, pdu: bytes) -> None:
        """Let every device act on a write to unit 0; none answers (serial line guide, 2.2)."""
        self.requests += 1
        if not pdu or pdu[0] not in _FUNCTIONS_WRITING:
            return
        for device in self.devices.values():
            if device.faults.wire.keys() & {FaultKind.SILENCE, FaultKind.EXCEPTION}:
                continue
            answer = device.respond(pdu, self._context.elapsed_s())
            if answer.written is not None:
                self._context.truth.written(device.id, time.time_ns(), answer.written)

    def _handle_missing(self, unit_id: int, pdu: bytes, frame: Frame, send: Send) -> None:
        if self._answers_for_missing:
            send(frame(unit_id, protocol.exception_pdu(pdu[0], protocol.GATEWAY_TARGET_SILENT)))

    def _handle_slowly(
        self, device: ModbusDevice, unit_id: int, pdu: bytes, frame: Frame, send: Send
    ) -> None:
        faults = dict(device.faults.wire)
        if FaultKind.SILENCE in faults:
            return
        if FaultKind.EXCEPTION in faults:
            code = int(faults[FaultKind.EXCEPTION].value)
            answer = Answer(protocol.exception_pdu(pdu[0], code))
        else:
            answer = device.respond(pdu, self._context.elapsed_s())
        if answer.written is not None:
            self._context.truth.written(device.id, time.time_ns(), answer.written)
        spoilt = spoil(frame(unit_id, answer.pdu), faults, self._framing, salt=self.requests)
        last = len(spoilt.chunks) - 1
        for index, (after_s, chunk) in enumerate(spoilt.chunks):
            delay_s = self._turnaround_s + after_s
            if index < last:
                self._later(delay_s, send, chunk)
            else:
                self._later(delay_s, self._finish, device, answer, spoilt.broken, chunk, send)

    def _finish(
        self, device: ModbusDevice, answer: Answer, broken: str, chunk: bytes, send: Send
    ) -> None:
        send(chunk)
        if answer.value_count:
            mark = f',"broken":"{broken}"' if broken else ""
            self._context.truth.reading(
                device.id, time.time_ns(), answer.values, answer.value_count, mark=mark
            )

    def _later(self, delay_s: float, call: Callable[..., None], *arguments: object) -> None:
        if delay_s <= 0:
            call(*arguments)
        else:
            asyncio.get_running_loop().call_later(delay_s, call, *arguments)
