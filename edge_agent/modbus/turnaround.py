"""What a request costs on which line, and what it was measured to cost a device (pure).

A read of k registers on a serial line takes `8 Tc + Tslave + (5 + 2k) Tc + 2 T3.5`, with Tc the
time of a character (Modbus over Serial Line V1.02, sections 2.2 and 2.5.1.1). So one more request
costs as much as reading `(13 Tc + 2 T3.5 + Tslave) / 2 Tc` registers in vain: the break-even hole.

Tslave differs from device to device and over TCP nothing of this is known beforehand: it is
measured with every answer.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Final

REQUEST_CHARACTERS: Final = 8
"""Unit, function, address, count, checksum."""
REPLY_CHARACTERS: Final = 5
"""Unit, function, byte count, checksum: a reply without its registers."""
OVERHEAD_CHARACTERS: Final = REQUEST_CHARACTERS + REPLY_CHARACTERS
CHARACTERS_PER_REGISTER: Final = 2
TURNAROUND_S: Final = 0.005
"""Until it is measured: what a quick device takes to answer. JUMO documents 5 to 35 ms."""
TCP_ROUND_TRIP_S: Final = 0.002
TCP_REGISTER_S: Final = 0.000_02
"""What one more register takes of an endpoint that reads its own memory."""
TCP_REGISTER_S_MIN: Final = 0.000_005
BRIDGE_ON_TCP: Final = 32
"""Tried while nothing is known yet of how the time of an answer grows with its length."""
WIDER_AFTER_LOOKS: Final = 12
"""And so many answers later, whatever is possible."""
BRIDGE_MAX: Final = 120
_WIDE: Final = (8, 10, 12, 15, 18, 22, 27, 33, 40, 48, 58, 70, 84, 100)
LEVELS: Final[tuple[int, ...]] = (*range(7), *_WIDE, BRIDGE_MAX)
"""Break-even holes that plans are made for, so that a little more or less changes no plan."""

FIRST_LOOKS: Final = 3
"""So many answers of one length before it counts."""
LENGTHS_APART: Final = 8
"""Registers between a short and a long answer from which the cost of one is told."""
_FIRST_STEP: Final = 0.4
_LAST_STEP: Final = 0.03


@dataclass(frozen=True, slots=True)
class LineCost:
    """What a line itself costs; times of 0 where that does not matter."""

    character_s: float = 0.0
    silence_s: float = 0.0
    pause_s: float = 0.0
    """Kept before each request on top of the silence."""

    @property
    def is_serial(self) -> bool:
        """Whether characters take time that is known beforehand."""
        return self.character_s > 0

    @property
    def register_s(self) -> float:
        """What one more register costs, as far as the line alone tells."""
        return CHARACTERS_PER_REGISTER * self.character_s or TCP_REGISTER_S

    def overhead_s(self, turnaround_s: float = TURNAROUND_S) -> float:
        """Return what a request costs beside its registers."""
        if not self.is_serial:
            return TCP_ROUND_TRIP_S + self.pause_s
        on_line_s = OVERHEAD_CHARACTERS * self.character_s + 2 * self.silence_s
        return on_line_s + turnaround_s + self.pause_s

    def request_s(self, registers: float, *, turnaround_s: float = TURNAROUND_S) -> float:
        """Return what reading so many registers at once takes, T(k) and the pause."""
        return self.overhead_s(turnaround_s) + registers * self.register_s

    def break_even(self, turnaround_s: float = TURNAROUND_S) -> int:
        """Return the widest hole that costs no more time than another request."""
        return min(int(self.overhead_s(turnaround_s) / self.register_s), BRIDGE_MAX)


class Median:
    """A running median that steps towards what it sees: one wild value moves it by one step."""

    __slots__ = ("_step", "looks", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.looks = 0
        self._step = _FIRST_STEP

    def see(self, value: float) -> None:
        """Take one more value, greater than 0."""
        self.looks += 1
        if self.looks == 1:
            self.value = value
            return
        step = self._step
        if abs(value - self.value) > step * self.value:
            self.value *= 1 + step if value > self.value else 1 / (1 + step)
        else:
            self.value += (value - self.value) * step
        if step > _LAST_STEP:
            self._step = step * 0.8


class Turnaround:
    """What requests to one device were measured to cost, and the break-even hole that follows.

    Args:
        line: what is known of the line.
        fixed: a break-even hole that is not to be measured.
    """

    __slots__ = (
        *("_fixed", "_line", "_long", "_long_registers", "_short", "_short_registers"),
        "bridge",
    )

    def __init__(self, line: LineCost, *, fixed: int | None = None) -> None:
        self._line = line
        self._fixed = fixed
        self._short, self._long = Median(), Median()
        self._short_registers = self._long_registers = -1.0
        self.bridge = 0
        """What plans are made for, in registers."""
        if fixed is not None:
            self.bridge = fixed
        elif line.is_serial:
            self.bridge = _level(line.break_even())

    @property
    def overhead_s(self) -> float:
        """What a request takes beside its registers, from its turn on the line to its answer."""
        if not self._short.looks:
            return self._line.overhead_s()
        return max(self._short.value - self._short_registers * self.register_s, 0.0)

    @property
    def register_s(self) -> float:
        """What one more register takes."""
        apart = self._long_registers - self._short_registers
        if self._line.is_serial or not self._tells_length:
            return self._line.register_s
        return max((self._long.value - self._short.value) / apart, TCP_REGISTER_S_MIN)

    @property
    def turnaround_s(self) -> float:
        """What the device itself takes to answer on a serial line."""
        line = self._line
        return max(self.overhead_s - line.overhead_s(0.0), 0.0)

    @property
    def _tells_length(self) -> bool:
        return (
            self._long_registers - self._short_registers >= LENGTHS_APART
            and min(self._short.looks, self._long.looks) >= FIRST_LOOKS
        )

    def note(self, elapsed_s: float, registers: float) -> bool:
        """Take one measurement; True when plans are to be made for another `bridge`.

        Args:
            elapsed_s: from the request's turn on the line, silence before it included, to its
                whole answer.
            registers: that the answer carried.
        """
        if self._fixed is not None:
            return False
        if self._line.is_serial:
            elapsed_s -= registers * self._line.register_s
            registers = 0.0
        self._see(max(elapsed_s, 1e-6), registers)
        bridge = self._wanted()
        at, before = bisect_left(LEVELS, self.bridge), self.bridge
        if bridge < LEVELS[max(at - 1, 0)] or bridge > LEVELS[min(at + 1, len(LEVELS) - 1)]:
            self.bridge = _level(bridge)
        return self.bridge != before

    def _see(self, elapsed_s: float, registers: float) -> None:
        if registers <= self._short_registers or self._short_registers < 0:
            if registers != self._short_registers:
                self._short, self._short_registers = Median(), registers
            self._short.see(elapsed_s)
        elif registers >= self._long_registers:
            if registers != self._long_registers:
                self._long, self._long_registers = Median(), registers
            self._long.see(elapsed_s)

    def _wanted(self) -> float:
        """Return the break-even hole as measured."""
        if not self._line.is_serial and not self._tells_length:
            # Short answers first, then longer ones: only both together tell what a register costs.
            if self._short.looks < FIRST_LOOKS:
                return 0
            # A map whose holes are all wider teaches nothing until one of them was read over.
            tried = self._short.looks + self._long.looks >= WIDER_AFTER_LOOKS
            return BRIDGE_MAX if tried else BRIDGE_ON_TCP
        if self._short.looks < FIRST_LOOKS:
            return self.bridge
        return min(self.overhead_s / self.register_s, BRIDGE_MAX)


def _level(bridge: float) -> int:
    """Return the widest level that is not above."""
    return LEVELS[bisect_right(LEVELS, bridge) - 1]
