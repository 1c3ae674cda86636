"""Why some on a bus do not answer, or not always (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge_agent.finding.evidence import (
    GATEWAY_SILENT,
    SLOW_PART,
    BusEvidence,
    Finding,
    UnitEvidence,
    finding,
    names_of,
)


def some_silent(seen: BusEvidence) -> Iterator[Finding]:
    """Yield why some never answer while others do."""
    silent = [one for one in seen.units if one.is_silent]
    there = [one for one in seen.units if one.is_there]
    if not silent:
        return
    if seen.strangers and seen.kind != "tcp":
        yield from _moved(seen, silent)
    if not there:
        return
    tail = _tail(seen.units)
    if seen.kind != "tcp" and len(tail) >= 2 and len(there) >= 2:
        last = seen.units[len(seen.units) - len(tail) - 1]
        yield finding(
            "cable_cut",
            65,
            (
                f"{last.title} 之后的设备全部无应答:线路可能在它之后断开",
                f"everybody after {last.title} is silent: the cable is probably cut behind it",
            ),
            (
                f"检查 {last.title} 的出线端子和下一段电缆(以配置顺序即接线顺序为前提)",
                (
                    f"Check the outgoing terminals of {last.title} and the next piece of cable "
                    "(taking "
                    "the order of the configuration for that of the cable)."
                ),
            ),
            tail,
        )
    for one in silent:
        if one.refused[GATEWAY_SILENT]:
            continue
        yield finding(
            "address_switch",
            50,
            (
                f"只有 {one.title} 无应答:地址设置不符,或未通电",
                (
                    f"{one.title} is silent while others answer: its address is another, or it "
                    "has no "
                    "power"
                ),
            ),
            (
                f"核对拨码开关是否为 {one.unit}(注意高低位方向和是否需断电重启),检查电源",
                (
                    f"Is its address switch at {one.unit} (mind which end is the lowest bit, and "
                    "that "
                    "many read it only at power-on)? Has it power?"
                ),
            ),
            [one],
        )


def _tail(units: Sequence[UnitEvidence]) -> list[UnitEvidence]:
    tail: list[UnitEvidence] = []
    for one in reversed(units):
        if not one.is_silent:
            break
        tail.insert(0, one)
    return tail


def _moved(seen: BusEvidence, silent: Sequence[UnitEvidence]) -> Iterator[Finding]:
    for stranger, profile in seen.strangers.items():
        fitting = [one for one in silent if profile and one.profile == profile]
        likely = fitting or (list(silent) if len(silent) == 1 else [])
        if likely:
            one = likely[0]
            yield finding(
                "address_switch",
                94 if fitting else 75,
                (
                    (
                        f"{one.title} 无应答,"
                        f"而未配置的地址 {stranger} 有应答:地址拨码很可能是 {stranger}"
                    ),
                    (
                        f"{one.title} is silent, and unit {stranger}, which is not configured, "
                        f"answers: its address switch is probably at {stranger}"
                    ),
                ),
                (
                    f"把设备地址改为 {one.unit},或把配置改为 {stranger}",
                    f"Set the device to {one.unit}, or the configuration to {stranger}.",
                ),
                [one],
            )
        else:
            yield finding(
                "stranger",
                40,
                (
                    f"未配置的地址 {stranger} 有应答",
                    f"unit {stranger} answers and is not configured",
                ),
                (
                    f"运行 campus edge scan --units {stranger} 看它是什么",
                    f"See what it is: campus edge scan --units {stranger}",
                ),
            )


def sometimes_silent(seen: BusEvidence) -> Iterator[Finding]:
    """Yield why some answer now and then only."""
    weak = [one for one in seen.units if one.answered and one.silent]
    if weak:
        slow = [one for one in weak if one.slowest_s > SLOW_PART * seen.timeout_s]
        yield finding(
            "timeout_too_short" if slow else "weak_line",
            70 if slow else 50,
            (
                f"{names_of(weak)} 时有时无" + ("且应答很慢" if slow else ""),
                f"{names_of(weak)} answers only now and then" + (", and late" if slow else ""),
            ),
            (
                "加大 timeout_s" if slow else "检查接线端子、终端电阻(两端各 120 Ω)和屏蔽",
                "Lengthen timeout_s."
                if slow
                else "Check terminals, the 120 Ω resistors at both ends, and the shield.",
            ),
            weak,
        )
