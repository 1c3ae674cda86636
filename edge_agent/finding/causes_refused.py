"""Why a device or a gateway refuses, or takes its time (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edge_agent.finding.evidence import (
    GATEWAY_PATH,
    GATEWAY_SILENT,
    SLOW_PART,
    BusEvidence,
    Finding,
    finding,
    names_of,
)

QUICK_GATEWAY_S: Final = 0.15
"""A gateway that gives up so soon hardly let the device answer."""


def gateway(seen: BusEvidence) -> Iterator[Finding]:
    """Yield what a gateway says of the units behind it."""
    silent = [one for one in seen.units if one.refused[GATEWAY_SILENT]]
    if silent:
        partly = [one for one in silent if one.answered]
        quick = [one for one in silent if one.slowest_s < QUICK_GATEWAY_S]
        likelihood = 80 if partly or (quick and len(silent) == len(seen.units)) else 40
        yield finding(
            "gateway_timeout",
            likelihood,
            (
                f"网关报告 {names_of(silent)} 无应答(异常码 0B)" + (",且等待很短" if quick else ""),
                f"the gateway gets no answer from {names_of(silent)} (exception 0B)"
                + (", and waits only shortly" if quick else ""),
            ),
            (
                "加大网关串口侧的超时(建议 ≥ 500 ms);再检查设备地址、电源和网关的波特率",
                (
                    "Lengthen the gateway's time-out on its serial side (500 ms or more); then "
                    "check "
                    "address, power and the gateway's baud rate."
                ),
            ),
            silent,
        )
    path = [one for one in seen.units if one.refused[GATEWAY_PATH]]
    if path:
        yield finding(
            "gateway_path",
            80,
            (
                f"网关没有到 {names_of(path)} 的通路(异常码 0A)",
                f"the gateway has no path to {names_of(path)} (exception 0A)",
            ),
            (
                "检查网关的串口是否启用、地址映射表是否包含该地址",
                "Is the gateway's serial port enabled, and does its address table hold the unit?",
            ),
            path,
        )


def refusals(seen: BusEvidence) -> Iterator[Finding]:
    """Yield why a device refuses."""
    for one in seen.units:
        illegal = one.refused[1] + one.refused[2]
        if illegal and not one.answered:
            yield finding(
                "wrong_profile",
                75,
                (
                    f"{one.title} 在线,但拒绝配置文件 {one.profile} 的寄存器:型号或固件不符",
                    (
                        f"{one.title} is there and refuses the registers of {one.profile}: another "
                        "model or firmware"
                    ),
                ),
                (
                    f"运行 campus edge scan --units {one.unit} 看它是什么型号",
                    f"See which model it is: campus edge scan --units {one.unit}",
                ),
                [one],
            )
        if one.refused[4]:
            yield finding(
                "device_failure",
                60,
                (
                    f"{one.title} 报告自身故障(异常码 04)",
                    f"{one.title} reports a fault (exception 04)",
                ),
                ("断电重启该设备;检查其传感器", "Restart it; check its sensors."),
                [one],
            )
        if one.refused[5] + one.refused[6]:
            yield finding(
                "busy",
                45,
                (f"{one.title} 忙(异常码 05/06)", f"{one.title} is busy (exception 05 or 06)"),
                (
                    "降低读取频率,或检查是否有别的主站在访问",
                    "Ask it less often; see whether another master talks to it.",
                ),
                [one],
            )


def slow_answers(seen: BusEvidence) -> Iterator[Finding]:
    """Yield that answers come close to the time-out."""
    slow = [
        one
        for one in seen.units
        if one.answered and not one.silent and one.slowest_s > SLOW_PART * seen.timeout_s
    ]
    if slow:
        yield finding(
            "timeout_tight",
            35,
            (
                f"{names_of(slow)} 的应答接近超时",
                f"{names_of(slow)} answers just before the time-out",
            ),
            ("加大 timeout_s", "Lengthen timeout_s."),
            slow,
        )
