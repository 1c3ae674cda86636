"""The judge of the end-to-end garbage campaign: truth logs against what was stored.

Shares no code with the product, and reads what the simulated devices, the speaking sensors and the
relays wrote down. `tests/campaigns/test_garbage_checker.py` plants a violation of each kind.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from tests.campaigns.evidence import Json, StoredRow

SECOND_NS: Final = 1_000_000_000
TOLERANCE_NS: Final = 2 * SECOND_NS
"""Stored time is within 2 s of true time (invariant 8)."""
RECOVERY_S: Final = 5.0
"""A device is back after as long as it was not heard and this: who is silent is asked after 1, 2,
4… s, so the last wait is shorter than the silence before it."""
QUIET_S: Final = 8.0
"""At the end, when nothing has gone wrong for long, the last good sample is no older than this."""
PAUSE_MAX_S: Final = 2.0
"""Between two good samples of a steady device; it speaks every 0.3 s, and once a bad payload is
refused the next good one is to be handled within 1 s."""
MEMORY_GROWTH_MAX_KIB: Final = 12 * 1024
_RELATIVE: Final = 1e-6
_QUALITY: Final = "_q"


class Vitals(NamedTuple):
    """The agent's process at an instant: resident memory, open files, tasks of the kernel."""

    memory_kib: int
    files: int
    threads: int


@dataclass(frozen=True)
class Evidence:
    """What the witnesses of a run say.

    Args:
        truth: lines `{"t", "device", "values"}` and `{"t", "device", "change"}` of all witnesses.
        stored: every sample of the store.
        devices: who should be heard at the end.
        steady: those of them that say something good after each bad thing.
        begin_ns, end_ns: when the troubles began, and when the agent was told to end.
        vitals: of the agent, before the troubles and after.
        problems: what the campaign itself noticed.
    """

    truth: Sequence[Json]
    stored: Sequence[StoredRow]
    devices: Sequence[str]
    begin_ns: int
    end_ns: int
    vitals: tuple[Vitals, Vitals]
    problems: Sequence[str] = field(default=())
    steady: Sequence[str] = ()


@dataclass
class Verdict:
    """The violations, and how much there was to judge."""

    violations: list[str] = field(default_factory=list)
    good_values: int = 0
    bad_values: int = 0
    troubles: Counter[str] = field(default_factory=Counter)
    recoveries_s: list[float] = field(default_factory=list)
    """Of every device from the end of a trouble to its next good sample."""
    cut_short: int = 0
    """Recoveries that the next trouble interrupted; the device was heard later."""


def judge(evidence: Evidence) -> Verdict:
    """Return what is wrong with a run."""
    verdict = Verdict(list(evidence.problems))
    _values_are_true(evidence, verdict)
    _devices_recover(evidence, verdict)
    _all_are_heard_at_the_end(evidence, verdict)
    _steady_are_never_away(evidence, verdict)
    _nothing_grows(evidence, verdict)
    return verdict


# --- no wrong value -----------------------------------------------------------------------------


class _Shown:
    """What a point showed, in order of time."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[float] = []

    def held(self, value: float, time_ns: int) -> bool:
        """Say whether the point showed this value about then."""
        at = bisect_left(self.times, time_ns - TOLERANCE_NS)
        while at < len(self.times) and self.times[at] <= time_ns + TOLERANCE_NS:
            if abs(self.values[at] - value) <= _RELATIVE * max(abs(value), 1.0):
                return True
            at += 1
        return False


def _shown(truth: Iterable[Json]) -> Mapping[tuple[str, str], _Shown]:
    found: dict[tuple[str, str], _Shown] = defaultdict(_Shown)
    lines = [line for line in truth if "values" in line and "broken" not in line]
    for line in sorted(lines, key=lambda one: int(one["t"])):
        for point, value in line["values"].items():
            if value is not None:
                shown = found[line["device"], point]
                shown.times.append(line["t"])
                shown.values.append(value)
    return found


def _values_are_true(evidence: Evidence, verdict: Verdict) -> None:
    shown = _shown(evidence.truth)
    for row in evidence.stored:
        verdict.bad_values += sum(name.endswith(_QUALITY) for name in row.values)
        for point, value in _good_values(row).items():
            verdict.good_values += 1
            known = shown.get((row.device, point))
            if known is None or not known.held(value, row.time_ns):
                verdict.violations.append(
                    f"wrong value with good quality: {row.device} {point} = {value} "
                    f"at {row.time_ns} (seq {row.seq})"
                )


def _good_values(row: StoredRow) -> dict[str, float]:
    return {
        name: value
        for name, value in row.values.items()
        if not name.endswith(_QUALITY) and name + _QUALITY not in row.values
    }


# --- no dead task -------------------------------------------------------------------------------


def _troubles(truth: Iterable[Json], verdict: Verdict) -> dict[str, list[tuple[int, int]]]:
    """Return when each device was in trouble: disjoint spans in order, in ns."""
    open_since: dict[tuple[str, str], int] = {}
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for line in sorted(truth, key=lambda one: int(one["t"])):
        change = line.get("change", {})
        if "fault" not in change:
            continue
        key = (line["device"], str(change["fault"]))
        if change["active"]:
            name = key[1]
            if name == "exception":
                name = f"exception {change['value']:g}"
            verdict.troubles[name] += 1
            open_since[key] = line["t"]
        elif key in open_since:
            spans[key[0]].append((open_since.pop(key), line["t"]))
    for (device, fault), begin_ns in open_since.items():
        verdict.violations.append(f"{fault} of {device} never ended, since {begin_ns}")
    return {device: _merged(found) for device, found in spans.items()}


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin_ns, end_ns in sorted(spans):
        if merged and begin_ns <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_ns))
        else:
            merged.append((begin_ns, end_ns))
    return merged


def _good_times(stored: Iterable[StoredRow]) -> dict[str, list[int]]:
    """Return when each device had a sample all of whose values are good."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in stored:
        if row.values and not any(name.endswith(_QUALITY) for name in row.values):
            found[row.device].append(row.time_ns)
    return {device: sorted(times) for device, times in found.items()}


def _devices_recover(evidence: Evidence, verdict: Verdict) -> None:
    good = _good_times(evidence.stored)
    for device, spans in _troubles(evidence.truth, verdict).items():
        times = good.get(device, [])
        for number, (begin_ns, end_ns) in enumerate(spans):
            at = bisect_left(times, end_ns)
            back_ns = times[at] if at < len(times) else None
            next_ns = spans[number + 1][0] if number + 1 < len(spans) else evidence.end_ns
            # between two troubles it may not have been heard
            unheard_since_ns = min(begin_ns, times[at - 1] if at else begin_ns)
            limit_s = (end_ns - unheard_since_ns) / SECOND_NS + RECOVERY_S
            if back_ns is not None and back_ns <= next_ns:
                took_s = (back_ns - end_ns) / SECOND_NS
                verdict.recoveries_s.append(took_s)
                is_late = took_s > limit_s
            else:
                took_s = (next_ns - end_ns) / SECOND_NS
                is_late = took_s > limit_s
                verdict.cut_short += not is_late
            if is_late:
                verdict.violations.append(
                    f"{device} was not heard for {took_s:.1f} s after its trouble had ended at "
                    f"{end_ns}, and for {limit_s - RECOVERY_S:.1f} s before"
                )


def _all_are_heard_at_the_end(evidence: Evidence, verdict: Verdict) -> None:
    good = _good_times(evidence.stored)
    for device in evidence.devices:
        last_ns = good.get(device, [0])[-1]
        if last_ns < evidence.end_ns - QUIET_S * SECOND_NS:
            verdict.violations.append(f"{device} is not heard at the end; last at {last_ns}")


def _steady_are_never_away(evidence: Evidence, verdict: Verdict) -> None:
    good = _good_times(evidence.stored)
    for device in evidence.steady:
        times = [at for at in good.get(device, []) if evidence.begin_ns < at < evidence.end_ns]
        edges = [evidence.begin_ns, *times, evidence.end_ns]
        pause_s = max(b - a for a, b in pairwise(edges)) / SECOND_NS
        if pause_s > PAUSE_MAX_S:
            verdict.violations.append(f"{device} was not heard for {pause_s:.1f} s")


# --- nothing grows without bound ----------------------------------------------------------------


def _nothing_grows(evidence: Evidence, verdict: Verdict) -> None:
    before, after = evidence.vitals
    if after.memory_kib - before.memory_kib > MEMORY_GROWTH_MAX_KIB:
        verdict.violations.append(f"the agent's memory grew: {before} → {after}")
    if after.files > before.files + 8 or after.threads > before.threads + 8:
        verdict.violations.append(f"the agent's files or threads grew: {before} → {after}")
