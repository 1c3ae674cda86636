"""Ten thousand bad replies against framing, client and decoder: no wrong value may ever look good.

    python -m tests.campaigns.bus_garbage --cases 10000 --seed 7

Seven lines (TCP; RTU and ASCII without an echo, with one that is found out, and with one that is
configured) get spoilt, foreign, late, cut and repeated frames in place of their replies, or around
them. What passes is compared with what the registers hold, by code that the product has no part in.
After each case a clean request must be served. Exit code 1 when anything wrong was believed.

What no receiver can tell: bytes spoilt at random that happen to make another perfect reply (CRC-16
lets 1 of 65,536 through, the checksum of ASCII 1 of 256). They are found by counting the formally
perfect frames in what was sent, and reported as `collisions`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from typing import Final

from campus_wire.quality import Quality
from device_profiles.decoding import ReplyDecoder
from device_profiles.library import parse_profile
from device_profiles.model import ModbusProfile
from device_profiles.planning import plan_reads
from edge_agent.modbus.ascii_framing import AsciiFraming
from edge_agent.modbus.client import ModbusClient
from edge_agent.modbus.echo import Echo
from edge_agent.modbus.errors import ModbusError, NotConnectedError
from edge_agent.modbus.framing import Framing, MbapFraming, RtuFraming
from edge_agent.modbus.requests import Request, read_request, write_request
from tests.campaigns import garbage_kinds as kinds
from tests.campaigns.garbage_kinds import CLOSE, Asked, FramingName, Play
from tests.campaigns.garbage_world import TABLES, UNITS, Devices, profile_document, truth_of

TIMEOUT_S: Final = 0.02
QUIET: Final = 2.2
"""After so many response times nothing of a case is on its way any more."""


@dataclass
class Tally:
    """What came of a campaign."""

    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    values: int = 0
    collisions: int = 0
    wrong: list[str] = field(default_factory=list)
    """What was believed and is not true, or not served though it was right."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.cases + other.cases,
            self.outcomes + other.outcomes,
            self.values + other.values,
            self.collisions + other.collisions,
            self.wrong + other.wrong,
        )


class HostileLink:
    """A link in memory whose far end does what it is told (`edge_agent.modbus.links.Link`)."""

    place = "the campaign"
    character_s = 0.0
    silence_s = 0.0

    def __init__(self, answer: Callable[[bytes], Play], *, echo: bool) -> None:
        self.answer = answer
        self.heard = b""
        self._echo = echo

    async def open(self, receiver: asyncio.Protocol) -> asyncio.Transport:
        return _Transport(receiver, self)

    def play(self, sent: bytes, deliver: Callable[[float, bytes], None]) -> None:
        play = self.answer(sent)
        chunks = list(play.chunks)
        if self._echo:
            chunks.insert(0, (0.0, sent))
        self.heard = b"".join(part for _, part in chunks if part is not CLOSE)
        for when, part in chunks:
            deliver(when * TIMEOUT_S, part)


class _Transport(asyncio.Transport):
    def __init__(self, receiver: asyncio.Protocol, link: HostileLink) -> None:
        super().__init__()
        self._receiver = receiver
        self._link = link
        self._is_open = True
        self._loop = asyncio.get_running_loop()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._link.play(bytes(data), self._deliver)

    def _deliver(self, after_s: float, part: bytes) -> None:
        if after_s:
            self._loop.call_later(after_s, self._arrive, part)
        else:
            self._loop.call_soon(self._arrive, part)

    def _arrive(self, part: bytes) -> None:
        if not self._is_open:
            return
        if part is CLOSE:
            self._is_open = False
            self._receiver.connection_lost(None)
        else:
            self._receiver.data_received(part)

    def close(self) -> None:
        self._is_open = False

    abort = close


@dataclass(frozen=True)
class Line:
    """One line of the campaign."""

    name: str
    framing: FramingName
    make: Callable[[], Framing]
    echo: bool = False


def lines(sabotage: str | None = None) -> list[Line]:
    """Return all lines; what they learn of their echo begins anew."""
    return [
        Line("tcp", "mbap", _Careless if sabotage == "step" else MbapFraming),
        *_serial_lines("rtu", _RTU.get(sabotage, RtuFraming), deaf=sabotage == "echo"),
        *_serial_lines("ascii", _ASCII.get(sabotage, AsciiFraming), deaf=sabotage == "echo"),
    ]


def _serial_lines(
    name: FramingName, framing: Callable[[Echo], Framing], *, deaf: bool
) -> Iterator[Line]:
    for said, echo in ((None, False), (None, True), (True, True)):
        label = f"{name}, echo {'found out' if said is None else 'configured'}: {echo}"
        yield Line(label, name, partial(framing, Echo(False if deaf else said)), echo)


# --- the product broken on purpose, to see that the campaign finds it ----------------------------


class _Careless(MbapFraming):
    """Goes on after half a frame."""

    @property
    def in_step(self) -> bool:
        return True


class _WithoutCrc(RtuFraming):
    def _frame(self, start: int, frame_bytes: int) -> bytes | None:
        frame = bytes(self._buffer[start : start + frame_bytes])
        return frame[1:-2] if len(frame) == frame_bytes else None


class _Confused(RtuFraming):
    """Takes a late answer for that to another question."""

    def confuses(self, overdue: Request, request: Request) -> bool:
        del overdue, request
        return False


class _Gullible(RtuFraming):
    """Takes the answer that another master got."""

    def _answers_another(self, start: int) -> bool:
        del start
        return False


class _GullibleAscii(AsciiFraming):
    def _take(self, line: bytes, request: Request) -> bytes | None:
        self._before = b""
        return super()._take(line, request)


SABOTAGES: Final = ("crc", "late", "foreign", "echo", "step")
_RTU: Final[dict[str | None, Callable[[Echo], Framing]]] = {
    "crc": _WithoutCrc,
    "late": _Confused,
    "foreign": _Gullible,
}
_ASCII: Final[dict[str | None, Callable[[Echo], Framing]]] = {"foreign": _GullibleAscii}


class Campaign:
    """Cases on one line.

    Args:
        line: which.
        random: draws everything.
    """

    def __init__(self, line: Line, random: Random) -> None:
        self._line = line
        self._random = random
        self._devices = Devices()
        self._kind: kinds.Kind = kinds.good
        self._play = Play([])
        self._asked: Asked | None = None
        self._link = HostileLink(self._answer, echo=line.echo)
        self._client = ModbusClient(self._link, line.make, timeout_s=TIMEOUT_S)
        text = json.dumps(profile_document())
        profile = parse_profile(text, path=Path("garbage-probe.yaml"))
        assert isinstance(profile, ModbusProfile)
        self._profile = profile
        self.tally = Tally()

    def _answer(self, sent: bytes) -> Play:
        unit, pdu = _opened(self._line.framing, sent)
        acted = len(self._devices.acted)
        asked = Asked(self._line.framing, sent, unit, pdu, self._devices.answer(unit, pdu))
        play = self._kind(self._random, asked)
        if not play.acts:
            del self._devices.acted[acted:]
        self._asked, self._play = asked, play
        return play

    async def run(self, cases: int) -> Tally:
        """Play so many cases, a clean request after each."""
        await self._clean("the first request")
        for _ in range(cases):
            kind = self._random.choice(kinds.KINDS)
            await self._case(kind)
            if any(when > 1 for when, _ in self._play.chunks):
                await self._clean(kind.__name__, exchange=self._read_elsewhere)
                await asyncio.sleep(QUIET * TIMEOUT_S)
            await self._clean(kind.__name__)
        self._client.close()
        return self.tally

    async def _case(self, kind: kinds.Kind) -> None:
        self._kind = kind
        self.tally.cases += 1
        try:
            await self._exchange()
        except ModbusError as error:
            self.tally.outcomes[error.reason] += 1
            if self._play.must_serve:
                self._wrong(f"not served: {error}")
        else:
            self.tally.outcomes["served"] += 1

    async def _clean(
        self, after: str, exchange: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        exchange = exchange or self._exchange
        self._kind = kinds.good
        try:
            if not self._client.connected:
                await self._client.connect()
            try:
                await exchange()
            except NotConnectedError:  # told by this very request; a bus does the same
                await self._client.connect()
                await exchange()
        except ModbusError as error:
            self._wrong(f"a clean request after {after} is not served: {error}")

    async def _exchange(self) -> None:
        if self._random.random() < 0.25:
            await self._write()
        else:
            await self._read()

    async def _read(self) -> None:
        unit = self._random.choice(UNITS)
        table = self._random.choice("hsuliicd")
        points = [point for point in self._profile.points if point.name[0] == table]
        chosen = points[: self._random.randint(1, len(points))]
        [asked, *_] = plan_reads(self._profile, chosen)
        request = read_request(unit, asked.table, address=asked.address, count=asked.count)
        raw = await self._client.execute(request)
        decoder = ReplyDecoder(self._profile, asked)
        values, qualities = decoder.decode(raw)
        for name, value, quality in zip(decoder.points, values, qualities, strict=True):
            if quality != Quality.GOOD:
                continue
            self.tally.values += 1
            if value != truth_of(unit, name):
                self._believed(f"unit {unit} {name}: {value} for {truth_of(unit, name)}")
                return

    async def _read_elsewhere(self) -> None:
        """Ask what a late answer could pass for: the same unit for as much of the same table."""
        assert self._asked is not None
        unit, pdu = self._asked.unit, self._asked.pdu
        if pdu[0] not in TABLES:
            await self._exchange()
            return
        self._kind = kinds.slowly
        address, count = 0x500, int.from_bytes(pdu[3:5], "big")
        request = read_request(unit, TABLES[pdu[0]], address=address, count=count)
        raw = await self._client.execute(request)
        right = request.unpack(self._devices.answer(unit, request.pdu))
        if list(raw) != list(right):
            self._believed(f"unit {unit}: a late answer to another question")

    async def _write(self) -> None:
        request = self._a_write()
        before = len(self._devices.acted)
        await self._client.execute(request)
        if (request.unit, request.pdu) not in self._devices.acted[before:]:
            self._believed(f"a write that did nothing: {request.pdu.hex(' ')}")

    def _a_write(self) -> Request:
        function = self._random.choice([5, 6, 15, 16])
        count = 1 if function < 15 else self._random.randint(1, 8)
        values = [
            self._random.randrange(2 if function in {5, 15} else 65_536) for _ in range(count)
        ]
        address = self._random.randrange(0x400)
        return write_request(self._random.choice(UNITS), function, address=address, values=values)

    def _believed(self, what: str) -> None:
        assert self._asked is not None
        if self._play.by_chance and self._asked.holds_frame(self._link.heard):
            self.tally.collisions += 1
            self.tally.outcomes[f"collision: {self._kind.__name__}"] += 1
            return
        self._wrong(what)

    def _wrong(self, what: str) -> None:
        sent = self._asked.sent.hex(" ") if self._asked is not None else ""
        heard = self._link.heard[:80].hex(" ")
        self.tally.wrong.append(f"{self._line.name}: {what}; asked {sent}; heard {heard}")


def _opened(framing: FramingName, sent: bytes) -> tuple[int, bytes]:
    match framing:
        case "mbap":
            return sent[6], sent[7:]
        case "rtu":
            return sent[0], sent[1:-2]
        case _:
            body = bytes.fromhex(sent[1:-2].decode())
            return body[0], body[1:-1]


async def play_all(
    cases: int, seed: int, *, made: Sequence[Line] | None = None
) -> dict[str, Tally]:
    """Play so many cases, shared among the lines; return what came of each line."""
    made = lines() if made is None else made
    campaigns = [Campaign(line, Random(f"{seed} {line.name}")) for line in made]
    shares = [cases // len(made) + (at < cases % len(made)) for at in range(len(made))]
    async with asyncio.TaskGroup() as group:
        for campaign, share in zip(campaigns, shares, strict=True):
            group.create_task(campaign.run(share))
    return {line.name: one.tally for line, one in zip(made, campaigns, strict=True)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--sabotage", choices=SABOTAGES, help="break the product on purpose")
    options = parser.parse_args(arguments)
    seed = SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"{options.cases} cases, --seed {seed}", flush=True)
    made = lines(options.sabotage)
    tallies = asyncio.run(play_all(options.cases, seed, made=made))
    for name, tally in tallies.items():
        print(
            f"{name}: {tally.cases} cases, {tally.values} values compared, "
            f"{tally.collisions} collisions, {dict(tally.outcomes.most_common())}"
        )
    wrong = [one for tally in tallies.values() for one in tally.wrong]
    for one in wrong[:20]:
        print(f"WRONG {one}")
    print(f"{len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
