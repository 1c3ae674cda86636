"""What a TCP endpoint and a serial line have in common: units, faults and the truth log."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from firmware_sims.device import Answer, ModbusDevice
from firmware_sims.faults import Fault, FaultKind
from firmware_sims.modbus import pdu as protocol
from firmware_sims.modbus.spoil import Chunk, Exchange, Frame, Framing, spoil
from firmware_sims.truth import TruthLog

Send = Callable[[bytes], None]
Finish = Callable[[bytes, Send], None]

_FUNCTIONS_WRITING = frozenset({5, 6, 15, 16})
_NOT_NOW = {FaultKind.BUSY: protocol.DEVICE_BUSY, FaultKind.NOT_READY: protocol.ACKNOWLEDGE}


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
        self._connected_s = -math.inf
        self._refused: Counter[tuple[str, FaultKind]] = Counter()
        self._deaf_until_s: dict[str, float] = {}
        self._is_speaking = False
        self._waiting: list[Callable[[], None]] = []

    def connected(self) -> None:
        """A client has just connected: some devices want a moment."""
        self._connected_s = self._context.elapsed_s()

    def handle(self, unit_id: int, pdu: bytes, frame: Frame, send: Send) -> None:
        """Answer one request through `send`, now or later.

        The whole common case is in this function, because it runs for every request.
        """
        self.requests += 1
        device = self.devices.get(unit_id)
        if device is None:
            self._handle_missing(unit_id, pdu, frame, send)
            return
        if device.faults.wire or self._turnaround_s or not device.temper.is_easy:
            self._handle_slowly(device, unit_id, pdu, frame, send)
            return
        context = self._context
        answer = device.respond(pdu, context.elapsed_s())
        now_ns = time.time_ns()
        if answer.written is not None:
            context.truth.written(device.id, now_ns, answer.written)
        send(frame(unit_id, answer.pdu))
        if answer.value_count or answer.texts:
            context.truth.reading(
                device.id, now_ns, answer.values, answer.value_count, texts=answer.texts
            )

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
        if FaultKind.SILENCE in faults or self._is_deaf(device):
            return
        code = self._refusal(device, faults)
        if code is not None:
            answer = Answer(protocol.exception_pdu(pdu[0], code))
        else:
            answer = device.respond(pdu, self._context.elapsed_s())
        if answer.written is not None:
            self._context.truth.written(device.id, time.time_ns(), answer.written)
        exchange = Exchange(unit_id, answer.pdu, pdu, frame, self._framing, self.requests)
        spoilt = spoil(exchange, faults)
        wait_s = self._turnaround_s + device.temper.answer_delay_s
        begin_s = spoilt.chunks[0][0]
        pieces = [(after_s - begin_s, chunk) for after_s, chunk in spoilt.chunks]
        finish = partial(self._finish, device, answer, spoilt.broken)
        self._later(wait_s + begin_s, self._speak, pieces, finish, send)

    def _speak(self, pieces: Sequence[Chunk], finish: Finish, send: Send) -> None:
        """Send an answer in its pieces; in a stream no other answer comes between two of them."""
        if self._framing != "tcp" or (len(pieces) == 1 and not self._is_speaking):
            end = finish
        elif self._is_speaking:
            self._waiting.append(partial(self._speak, pieces, finish, send))
            return
        else:
            self._is_speaking = True
            end = partial(self._end, finish)
        for after_s, piece in pieces[:-1]:
            self._later(after_s, send, piece)
        after_s, piece = pieces[-1]
        self._later(after_s, end, piece, send)

    def _end(self, finish: Finish, piece: bytes, send: Send) -> None:
        finish(piece, send)
        self._is_speaking = False
        waiting, self._waiting = self._waiting, []
        for speak in waiting:
            speak()

    def _is_deaf(self, device: ModbusDevice) -> bool:
        """Whether the device is not listening now, because it was not given its pause."""
        now_s = self._context.elapsed_s()
        if now_s < self._connected_s + device.temper.wakes_after_s:
            return True
        return now_s < self._deaf_until_s.get(device.id, 0.0)

    def _refusal(self, device: ModbusDevice, faults: Mapping[FaultKind, Fault]) -> int | None:
        """The exception code of a fault, or None for a real answer."""
        if FaultKind.EXCEPTION in faults:
            return int(faults[FaultKind.EXCEPTION].value)
        for kind, code in _NOT_NOW.items():
            if kind not in faults:
                continue
            key = (device.id, kind)
            self._refused[key] += 1
            if self._refused[key] <= faults[kind].value:
                return code
            self._refused[key] = 0
        return None

    def _finish(
        self, device: ModbusDevice, answer: Answer, broken: str, chunk: bytes, send: Send
    ) -> None:
        send(chunk)
        self._deaf_until_s[device.id] = self._context.elapsed_s() + device.temper.pause_s
        if answer.value_count or answer.texts:
            mark = f',"broken":"{broken}"' if broken else ""
            self._context.truth.reading(
                device.id,
                time.time_ns(),
                answer.values,
                answer.value_count,
                mark=mark,
                texts=answer.texts,
            )

    def _later(self, delay_s: float, call: Callable[..., None], *arguments: object) -> None:
        if delay_s <= 0:
            call(*arguments)
        else:
            asyncio.get_running_loop().call_later(delay_s, call, *arguments)
