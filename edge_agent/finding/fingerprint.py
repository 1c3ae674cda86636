"""Finding out what a unit is that answered: a handful of reading requests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from device_profiles.model_modbus import Table
from edge_agent.finding.asks import Ask, identification_ask, read_ask, server_id_ask
from edge_agent.finding.envelopes import Outcome
from edge_agent.finding.identification import (
    COMMON_MODEL,
    COMMON_REGISTERS,
    SUNSPEC_MARKER,
    Identity,
    parse_common_model,
    parse_identification,
    parse_server_id,
)
from edge_agent.finding.line import Exchange, Line
from edge_agent.finding.matching import Matcher, Proposal, Seen, Wanted

SILENCES_MAX: Final = 3
"""So many unanswered requests in a row end the questions to a device."""
_IDENTIFICATION_ROUNDS_MAX: Final = 4
_SUNSPEC_MODELS_MAX: Final = 3
"""So many models after the common one tell what kind of device it is."""
_PATIENCE: Final = 4.0
"""A device that is there is given so many times what it took the first time."""
_TIMEOUT_MIN_S: Final = 0.06
_BREATH_S: Final = 0.15
"""Some devices ignore what comes sooner than 100 ms after their last answer."""


@dataclass(slots=True)
class Fingerprint:
    """What is known of one unit."""

    unit: int
    latency_s: float
    identity: Identity = field(default_factory=Identity)
    has_sunspec: bool = False
    proposals: list[Proposal] = field(default_factory=list)
    requests: int = 0
    took_s: float = 0.0
    trouble: dict[str, int] = field(default_factory=dict)
    """Answers that were garbled, of another unit or missing, by their kind."""


class Fingerprinter:
    """Asks units what they are.

    Args:
        line: where they are.
        matcher: the profiles to tell apart.
        timeout_s: how long a unit may take to answer.
    """

    def __init__(self, line: Line, matcher: Matcher, *, timeout_s: float) -> None:
        self._line = line
        self._matcher = matcher
        self._timeout_s = timeout_s

    async def examine(self, first: Exchange, asked: Wanted) -> Fingerprint:
        """Find out what the unit is that gave this first answer.

        Raises:
            NotConnectedError: the connection broke.
        """
        latency_s = first.first_byte_s or 0.0
        print_ = Fingerprint(first.ask.unit, latency_s)
        inquiry = _Inquiry(self._line, print_, self._patience_s(latency_s))
        case = self._matcher.case()
        case.saw(_seen(asked, first))
        await self._identify(inquiry)
        await self._look_for_sunspec(inquiry)
        print_.has_sunspec = bool(inquiry.sunspec_at is not None)
        if self._matcher.knows_sunspec and inquiry.sunspec_known:
            case.saw_sunspec(found=print_.has_sunspec, models=inquiry.sunspec_models)
        case.identify(print_.identity.telling)
        while inquiry.silences < SILENCES_MAX and (wanted := case.next_read()) is not None:
            case.saw(await inquiry.read(wanted))
        print_.proposals = case.proposals()
        return print_

    def _patience_s(self, latency_s: float) -> float:
        # A device that stays silent instead of refusing must not cost the full time-out each time.
        return min(max(_PATIENCE * latency_s, _TIMEOUT_MIN_S), max(self._timeout_s, latency_s * 2))

    async def _identify(self, inquiry: _Inquiry) -> None:
        texts = inquiry.print_.identity.texts
        next_object: int | None = 0
        for _ in range(_IDENTIFICATION_ROUNDS_MAX):
            if next_object is None:
                break
            ask = identification_ask(inquiry.print_.unit, object_id=next_object)
            exchange = await inquiry.ask(ask)
            if exchange.outcome is not Outcome.ANSWERED:
                break
            found, next_object = parse_identification(exchange.pdu)
            texts.update(found)
        if not texts and self._line.envelope != "tcp":
            exchange = await inquiry.ask(server_id_ask(inquiry.print_.unit))
            if exchange.outcome is Outcome.ANSWERED:
                texts.update(parse_server_id(exchange.pdu))

    async def _look_for_sunspec(self, inquiry: _Inquiry) -> None:
        if not self._matcher.knows_sunspec:
            return
        for address in self._matcher.sunspec_addresses:
            if inquiry.silences >= SILENCES_MAX:
                return
            seen = await inquiry.read(Wanted(Table.HOLDING, address, 2))
            if seen.words == SUNSPEC_MARKER:
                inquiry.sunspec_at = address
                break
            if seen.code == 1:
                break  # no holding registers at all
        inquiry.sunspec_known = True
        if inquiry.sunspec_at is None:
            return
        await self._read_models(inquiry, inquiry.sunspec_at + 2)

    async def _read_models(self, inquiry: _Inquiry, address: int) -> None:
        """Read the common model at this address, and which models follow it."""
        head = await inquiry.read(Wanted(Table.HOLDING, address, 2))
        if head.words is None or head.words[0] != COMMON_MODEL:
            return
        count = min(head.words[1], COMMON_REGISTERS)
        body = await inquiry.read(Wanted(Table.HOLDING, address + 2, count))
        if body.words is not None:
            inquiry.print_.identity.texts.update(parse_common_model(body.words))
        following = address + 2 + head.words[1]
        while len(inquiry.sunspec_models) < _SUNSPEC_MODELS_MAX and following <= 0xFFFE:
            head = await inquiry.read(Wanted(Table.HOLDING, following, 2))
            if head.words is None or head.words[0] in (0, 0xFFFF):
                return
            inquiry.sunspec_models.append(head.words[0])
            following += 2 + head.words[1]


class _Inquiry:
    """The requests to one unit."""

    def __init__(self, line: Line, print_: Fingerprint, timeout_s: float) -> None:
        self.print_ = print_
        self.silences = 0
        self.sunspec_at: int | None = None
        self.sunspec_known = False
        self.sunspec_models: list[int] = []
        self._line = line
        self._timeout_s = timeout_s
        self._pause_s = 0.0
        self._tried_slowly = False

    async def ask(self, ask: Ask) -> Exchange:
        exchange = await self._once(ask)
        if exchange.outcome is Outcome.WRONG_UNIT:  # somebody's late answer came instead
            exchange = await self._once(ask)
        if exchange.outcome is Outcome.SILENT and not self._tried_slowly:
            exchange = await self._slowly(ask)
        if exchange.is_somebody:
            self.silences = 0
        else:
            self.silences += 1
            kind = exchange.outcome.value
            self.print_.trouble[kind] = self.print_.trouble.get(kind, 0) + 1
        return exchange

    async def _slowly(self, ask: Ask) -> Exchange:
        """Ask once more after a pause, and keep it from now on if it helped."""
        self._tried_slowly = True
        self._pause_s = _BREATH_S
        exchange = await self._once(ask)
        if not exchange.is_somebody:
            self._pause_s = 0.0
        return exchange

    async def _once(self, ask: Ask) -> Exchange:
        await asyncio.sleep(self._pause_s)
        exchange = await self._line.ask(ask, timeout_s=self._timeout_s)
        self.print_.requests += 1
        self.print_.took_s += exchange.took_s
        return exchange

    async def read(self, wanted: Wanted) -> Seen:
        ask = read_ask(self.print_.unit, wanted.table, wanted.address, wanted.count)
        return _seen(wanted, await self.ask(ask))


def _seen(wanted: Wanted, exchange: Exchange) -> Seen:
    if exchange.outcome is Outcome.REFUSED:
        return Seen(wanted, None, exchange.understood.code)
    if exchange.outcome is not Outcome.ANSWERED:
        return Seen(wanted)
    return Seen(wanted, tuple(words_of(exchange, wanted)))


def words_of(exchange: Exchange, wanted: Wanted) -> list[int]:
    """Return the registers or bits of an answer to a read."""
    data = exchange.pdu[2:]
    if wanted.table.holds_bits:
        packed = int.from_bytes(data, "little")
        return [packed >> at & 1 for at in range(wanted.count)]
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
