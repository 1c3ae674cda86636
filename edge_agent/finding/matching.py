"""Which profile a device has, from what it says of itself and from what its registers hold (pure).

Every profile is scored in bits against the assumption that it is none of them. Reads are chosen one
by one: the next is the one about which the profiles still in question disagree the most, so few are
needed, and profiles with nearly the same map are told apart.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from campus_wire.catalog import Label
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import Table
from edge_agent.finding.candidates import BUSY, ILLEGAL_FUNCTION, Candidate, Seen, Wanted
from edge_agent.finding.identity import IdentityMatch, match_identity
from edge_agent.finding.plausibility import ODD_ZERO, Spot, Verdict

READS_MAX: Final = 16
"""A device is asked no more than this to find its profile,"""
SEARCH_READS_MAX: Final = 60
"""or than this while nothing is likely: it refuses what others have, which costs little."""
PROPOSALS_MAX: Final = 3
CERTAIN: Final = 0.995
_LIKELY: Final = 0.8
_SCORE_MIN: Final = 2
_UNKNOWN_PRIOR: Final = 3.0
"""Bits that a profile must gather before it is likelier than a device nobody has described."""
_INSIDE_MAX: Final = 4.0
_VALUES_MAX: Final = 10.0
_DOUBT: Final = 0.6
"""Scores count for so much when the next read is chosen: what seems sure is looked at again."""
_ANSWERED_OUTSIDE, _ZERO_OUTSIDE = -1.0, -0.1
_SUNSPEC_FOUND, _SUNSPEC_MISSING = 16.0, -20.0
_SUNSPEC_MODEL: Final = 4.0
_NOWHERE: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A profile that may fit."""

    profile: str
    score: int
    """0 to 100: how sure, among all profiles and none of them."""
    reasons: tuple[Label, ...]
    against: tuple[Label, ...]


class Matcher:
    """The profiles to tell apart; prepared once, used for every device.

    Args:
        profiles: of Modbus devices. Those without evidence are left out: their maps are invented,
            to be copied, so a device that fits one does so by chance.
    """

    def __init__(self, profiles: Iterable[ModbusProfile]) -> None:
        self.candidates = [Candidate(one) for one in profiles if one.evidence != "none"]
        pool = dict.fromkeys(
            wanted for one in self.candidates for wanted in (*one.windows, *one.singles)
        )
        self.pool: list[tuple[Wanted, tuple[int, ...]]] = [
            (wanted, tuple(at for at, one in enumerate(self.candidates) if one.covers(wanted)))
            for wanted in pool
        ]
        self.whole_values = {
            wanted
            for one in self.candidates
            if one.profile.modbus.one_request_per_field
            for wanted in (*one.windows, *one.singles)
        }
        """Reads that may succeed although a part of them alone was refused."""
        self.knows_sunspec = any(one.has_sunspec for one in self.candidates)
        self.sunspec_addresses: tuple[int, ...] = tuple(
            dict.fromkeys(
                address
                for one in self.candidates
                if one.profile.modbus.sunspec is not None
                for address in one.profile.modbus.sunspec.marker_addresses
            )
        ) or (40_000, 50_000, 0)

    def case(self) -> Case:
        """Return a device that nothing is known of yet."""
        return Case(self)


class Case:
    """One device, and how well each profile fits what was seen of it."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._scores = [0.0] * len(matcher.candidates)
        self._identity: list[IdentityMatch | None] = [None] * len(matcher.candidates)
        self._known: dict[tuple[Table, int], int] = {}
        self._missing: set[tuple[Table, int]] = set()
        self._asked: set[Wanted] = set()
        self._without: set[Table] = set()
        self._verdicts: list[dict[Spot, Verdict]] = [{} for _ in matcher.candidates]
        self._values = [0.0] * len(matcher.candidates)
        self.seen: list[Seen] = []
        self.has_sunspec: bool | None = None

    def identify(self, texts: Iterable[str]) -> None:
        """Note what the device says it is."""
        said = [text for text in texts if text.strip()]
        for at, one in enumerate(self._matcher.candidates):
            match = match_identity(one.profile.vendor, one.profile.model, one.profile.id, said)
            self._identity[at] = match
            self._scores[at] += match.bits

    def saw_sunspec(self, *, found: bool, models: Collection[int] = ()) -> None:
        """Note whether the SunSpec marker was found, and the models that follow the common one."""
        self.has_sunspec = found
        for at, one in enumerate(self._matcher.candidates):
            if one.has_sunspec:
                self._scores[at] += _SUNSPEC_FOUND if found else _SUNSPEC_MISSING
                if models:
                    fits = not one.models.isdisjoint(models)
                    self._scores[at] += _SUNSPEC_MODEL if fits else -_SUNSPEC_MODEL

    def saw(self, seen: Seen) -> None:
        """Note what a read brought."""
        self._asked.add(seen.asked)
        if seen.code == ILLEGAL_FUNCTION:
            if seen.asked.table in self._without:
                return
            self._without.add(seen.asked.table)
        self.seen.append(seen)
        if seen.words is None:
            if seen.asked.count == 1:
                self._missing.add((seen.asked.table, seen.asked.address))
            share = self._share(refused=True)
            for at, one in enumerate(self._matcher.candidates):
                self._scores[at] += one.bits_of_refusal(seen, share)
            return
        self._learn(seen.asked, seen.words)

    def _share(self, *, refused: bool) -> float:
        """Return which part of the reads before the last one came out so, a little smoothed."""
        before = self.seen[:-1]
        return (sum((one.words is None) is refused for one in before) + 1) / (len(before) + 2)

    def _learn(self, asked: Wanted, words: Sequence[int]) -> None:
        """Count what is new: a register that is read twice speaks only once."""
        table = asked.table
        new = {
            address: word
            for address, word in enumerate(words, asked.address)
            if (table, address) not in self._known
        }
        self._known.update(((table, address), word) for address, word in new.items())
        if not new:
            return
        # A device that refuses nearly all it is asked answers where its map is.
        inside_bits = min(_INSIDE_MAX, -math.log2(self._share(refused=False)))
        for at, one in enumerate(self._matcher.candidates):
            mapped = one.mapped.get(table, _NOWHERE)
            outside = [word for address, word in new.items() if address not in mapped]
            if len(outside) < len(new):
                self._scores[at] += inside_bits
            if outside:
                self._scores[at] += _ANSWERED_OUTSIDE if any(outside) else _ZERO_OUTSIDE
            bits = [self._judge(at, spot) for spot in one.about(table, new)]
            # Points that are not in use all read zero: that is one oddity, not many.
            odd = [one for one in bits if one == ODD_ZERO]
            self._add_values(at, sum(bits) - sum(odd[1:]))

    def _add_values(self, at: int, bits: float) -> None:
        """Count what values say; neighbours are alike, so many good ones say little more."""
        before = self._values[at]
        self._values[at] = before + bits
        self._scores[at] += min(before + bits, _VALUES_MAX) - min(before, _VALUES_MAX)

    def _judge(self, at: int, spot: Spot) -> float:
        words = [self._known.get((spot.table, one)) for one in range(spot.first, spot.end)]
        known = [word for word in words if word is not None]
        if len(known) != spot.count or spot in self._verdicts[at]:
            return 0.0
        verdict = self._verdicts[at][spot] = spot.judge(known)
        return verdict.bits

    def next_read(self) -> Wanted | None:
        """Return the read that tells most; None when enough is known, or nothing helps."""
        weights = self._weights(_DOUBT)
        total = sum(weights) + 2.0 ** (_UNKNOWN_PRIOR * _DOUBT)
        likely = max(weights, default=0.0) / total > _LIKELY
        if len(self.seen) >= (READS_MAX if likely else SEARCH_READS_MAX):
            return None
        best, best_use = None, 0.004
        surest = max(weights, default=0.0) / total
        enough = surest >= CERTAIN
        for wanted, covering in self._matcher.pool:
            if self._is_vain(wanted):
                continue
            share = sum(weights[at] for at in covering) / total
            if share <= 0.0:
                continue
            use = share * (1 - share) + 0.05 * share * (not enough)
            if use > best_use:
                best, best_use = wanted, use
        return best

    def _is_vain(self, wanted: Wanted) -> bool:
        """Say whether a read can bring nothing new: known, or refused for certain."""
        if wanted in self._asked or wanted.table in self._without:
            return True
        table, first = wanted.table, wanted.address
        places = [(table, address) for address in range(first, first + wanted.count)]
        if all(one in self._known for one in places):
            return True
        return wanted not in self._matcher.whole_values and not self._missing.isdisjoint(places)

    def proposals(self, limit: int = PROPOSALS_MAX) -> list[Proposal]:
        """Return the profiles that fit best, the likeliest first."""
        weights = self._weights()
        total = sum(weights) + 2.0**_UNKNOWN_PRIOR
        order = sorted(range(len(weights)), key=lambda at: -weights[at])
        best = [self._proposal(at, weights[at] / total) for at in order[:limit]]
        return [one for one in best if one.score >= _SCORE_MIN and one.reasons]

    def _weights(self, by: float = 1.0) -> list[float]:
        return [2.0 ** min(max(score * by, -60.0), 120.0) for score in self._scores]

    def _proposal(self, at: int, share: float) -> Proposal:
        candidate = self._matcher.candidates[at]
        identity = self._identity[at]
        reasons = list(identity.reasons) if identity is not None else []
        against = list(identity.against) if identity is not None else []
        if self.has_sunspec and candidate.has_sunspec:
            reasons.append(Label(zh="找到 SunSpec 标记", en="the SunSpec marker is there"))
        good, bad = _told_by(self._verdicts[at])
        reasons += good
        against += bad + [_refused_label(one) for one in self.seen if _is_against(candidate, one)]
        return Proposal(
            candidate.profile.id, min(99, int(share * 100)), tuple(reasons), tuple(against)
        )


def _is_against(candidate: Candidate, seen: Seen) -> bool:
    return seen.words is None and seen.code not in BUSY and candidate.covers(seen.asked)


def _refused_label(seen: Seen) -> Label:
    where = seen.asked.text
    zh = f"{where} 拒绝读取" if seen.code else f"{where} 无应答"
    return Label(zh=zh, en=f"{where} {'refused' if seen.code else 'silent'}")


def _told_by(verdicts: Mapping[Spot, Verdict]) -> tuple[list[Label], list[Label]]:
    """Return what the values say for a profile, neighbours together, and what against it."""
    bad = []
    runs: list[Wanted] = []
    order = sorted(verdicts, key=lambda spot: (spot.table, spot.first, spot.end))
    for spot in order:
        bits = verdicts[spot].bits
        if bits < 0:
            name = f"{spot.point.name} ({spot.table} {spot.first})"
            odd = bits == ODD_ZERO
            zh, en = ("读数为 0", "reads 0") if odd else ("读数不合理", "reads out of range")
            bad.append(Label(zh=f"{name} {zh}", en=f"{name} {en}"))
        elif bits > 0:
            last = runs[-1] if runs else None
            joins = last is not None and last.table is spot.table
            if last is not None and joins and spot.first <= last.address + last.count:
                end = max(spot.end, last.address + last.count)
                runs[-1] = Wanted(last.table, last.address, end - last.address)
            else:
                runs.append(Wanted(spot.table, spot.first, spot.count))
    good = [Label(zh=f"{one.text} 读数合理", en=f"{one.text} in range") for one in runs]
    return good, bad


__all__ = [
    "Case",
    "Matcher",
    "Proposal",
    "Seen",
    "Wanted",
]
