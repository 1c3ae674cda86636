"""A serial line that takes real byte times, in a process of its own; see `edge_rtu_cycle`.

    python -m benchmarks.paced_line BAUD BITS TURNAROUND_S UNITS [DEAD_UNIT…]

Prints the path of its pseudo-terminal, then serves until its input closes, then prints one line of
JSON: how many requests, how often the master broke the silence of 3.5 characters, and when which
write was complete at its device (CLOCK_MONOTONIC, which all processes share).

A pseudo-terminal hands over at once what was written, so time is kept here: a request is heard when
its last byte would have come, and an answer's bytes are handed over a few at a time, as by the
buffer of a UART, each few when the last of them would have come. Waits end at absolute times: by
sleeping, then by spinning for the last of it.
"""

from __future__ import annotations

import json
import os
import select
import struct
import sys
import time
import tty
from dataclasses import dataclass, field

REQUEST_BYTES = 8
FIFO_BYTES = 8
SPIN_S = 0.000_2


@dataclass
class Line:
    """The line and everybody on it. Register n of unit u holds 100 u + n until it is written."""

    fd: int
    character_s: float
    silence_s: float
    turnaround_s: float
    units: int
    dead: frozenset[int]
    requests: int = 0
    early: int = 0
    writes: list[tuple[int, int, int, float]] = field(default_factory=list)
    free_s: float = 0.0
    written: dict[tuple[int, int], int] = field(default_factory=dict)

    def serve(self) -> None:
        """Answer until standard input closes."""
        buffer = b""
        while True:
            ready, _, _ = select.select([self.fd, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            heard_s = time.monotonic()
            buffer += os.read(self.fd, 4096)
            while len(buffer) >= REQUEST_BYTES:
                self._handle(buffer[:REQUEST_BYTES], heard_s)
                buffer = buffer[REQUEST_BYTES:]

    def _handle(self, frame: bytes, heard_s: float) -> None:
        unit, function, address, count = struct.unpack_from(">BBHH", frame)
        assert frame[-2:] == _crc(frame[:-2]), "the master sends broken frames"
        self.requests += 1
        self.early += heard_s < self.free_s + self.silence_s
        end_s = heard_s + REQUEST_BYTES * self.character_s
        self.free_s = end_s
        if not 1 <= unit <= self.units or unit in self.dead:
            return
        if function == 6:
            self.writes.append((unit, address, count, end_s))
            self.written[unit, address] = count
            body = frame[:-2]
        else:
            values = [
                self.written.get((unit, at), (100 * unit + at) & 0xFFFF)
                for at in range(address, address + count)
            ]
            body = struct.pack(f">BBB{count}H", unit, function, 2 * count, *values)
        self._answer(body + _crc(body), end_s + self.silence_s + self.turnaround_s)

    def _answer(self, frame: bytes, begin_s: float) -> None:
        sent = 0
        while sent < len(frame):
            few = frame[sent : sent + FIFO_BYTES]
            sent += len(few)
            _wait_until(begin_s + sent * self.character_s)
            os.write(self.fd, few)
        self.free_s = begin_s + sent * self.character_s


def _wait_until(due_s: float) -> None:
    rest_s = due_s - time.monotonic() - SPIN_S
    if rest_s > 0:
        time.sleep(rest_s)
    while time.monotonic() < due_s:
        pass


def _crc(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


def main() -> None:
    baud, bits, turnaround_s, units = sys.argv[1:5]
    fd, far_end = os.openpty()
    tty.setraw(far_end)
    print(os.ttyname(far_end), flush=True)
    character_s = int(bits) / int(baud)
    silence_s = 3.5 * character_s if int(baud) <= 19_200 else 0.00175
    dead = frozenset(int(unit) for unit in sys.argv[5:])
    line = Line(fd, character_s, silence_s, float(turnaround_s), int(units), dead)
    line.serve()
    print(json.dumps({"requests": line.requests, "early": line.early, "writes": line.writes}))


if __name__ == "__main__":
    main()
