"""Why nobody on a bus answers (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge_agent.finding.evidence import (
    GATEWAY_SILENT,
    BusEvidence,
    Finding,
    UnitEvidence,
    finding,
)


def all_silent(seen: BusEvidence) -> Iterator[Finding]:
    """Yield why nobody answers."""
    asked = [one for one in seen.units if one.asked]
    if not asked or not all(one.is_silent for one in asked):
        return
    if seen.kind == "tcp":
        yield from _silent_tcp(seen, asked)
        return
    if seen.answering_settings:
        best = seen.answering_settings[0]
        yield finding(
            "serial_settings",
            95,
            (
                f"按 {seen.setting} 无人应答,按 {best} 有应答:波特率或校验位设错",
                (
                    f"nobody answers at {seen.setting}, somebody does at {best}: baud rate or "
                    "parity "
                    "is wrong"
                ),
            ),
            (
                f"把总线改为 {best},或把设备改为 {seen.setting}",
                f"Set the bus to {best}, or the devices to {seen.setting}.",
            ),
            asked,
        )
        return
    if seen.strangers:
        return  # told by the rule about addresses
    if seen.answers_tcp:
        yield finding(
            "wrong_protocol",
            95,
            (
                f"{seen.place} 只应答 Modbus TCP,而不是 RTU",
                f"{seen.place} speaks Modbus TCP, not RTU frames",
            ),
            ("把 transport 改为 tcp", "Set transport: tcp."),
            asked,
        )
        return
    yield from _unexplained(seen, asked)


def _unexplained(seen: BusEvidence, asked: Sequence[UnitEvidence]) -> Iterator[Finding]:
    yield finding(
        "ab_swapped",
        60 if len(asked) > 1 else 45,
        ("所有设备都无应答:最可能是 A/B 线接反", "all are silent: A and B are probably swapped"),
        (
            "在适配器处对调 A 和 B 再试(各厂家标法不同);这样做不会损坏设备",
            (
                "Swap A and B at the adapter and try again (makers label them differently); it "
                "does "
                "no harm."
            ),
        ),
        asked,
    )
    yield finding(
        "no_power_or_cable",
        40 if len(asked) > 1 else 50,
        ("设备未通电,或总线在适配器附近断开", "no power, or the line is cut near the adapter"),
        (
            "检查电源灯;在第一台设备处测量 A-B 电压(空闲时约 0.2 V 以上)",
            "Look at the power lights; measure A to B at the first device (idle: above 0.2 V).",
        ),
        asked,
    )
    if seen.kind == "serial":
        yield finding(
            "serial_settings",
            35,
            (
                f"波特率或校验位可能不是 {seen.setting}",
                f"baud rate or parity may not be {seen.setting}",
            ),
            (
                "运行 campus edge scan --port … 逐一尝试各种设置",
                "Let campus edge scan --port … try the settings.",
            ),
            asked,
        )


def _silent_tcp(seen: BusEvidence, asked: Sequence[UnitEvidence]) -> Iterator[Finding]:
    if any(one.refused[GATEWAY_SILENT] for one in asked):
        return  # a gateway speaks, so the endpoint is right
    if seen.answers_rtu:
        yield finding(
            "wrong_protocol",
            95,
            (
                f"{seen.place} 只应答 RTU 帧:它是透传转换器,不是 Modbus TCP 网关",
                f"{seen.place} answers RTU frames: it is a plain converter, not Modbus TCP",
            ),
            (
                "把 transport 改为 rtu_over_tcp,或在转换器上启用 Modbus TCP 模式",
                "Set transport: rtu_over_tcp, or switch the converter to Modbus TCP.",
            ),
            asked,
        )
        return
    if seen.strangers:
        units = ", ".join(map(str, seen.strangers))
        yield finding(
            "unit_id_tcp",
            92,
            (
                f"{seen.place} 对单元号 {units} 有应答,对配置的单元号没有",
                f"{seen.place} answers to unit {units}, not to the configured one",
            ),
            (f"把 unit_id 改为 {units}", f"Set unit_id to {units}."),
            asked,
        )
        return
    yield finding(
        "tcp_silent",
        60,
        (
            f"{seen.place} 接受连接但不应答",
            f"{seen.place} takes the connection and does not answer",
        ),
        (
            "确认端口确实是 Modbus(不是配置网页);网关后面的设备可能未通电;试 unit_id 1、255、0",
            (
                "Is the port really Modbus, not a web page? Are the devices behind a gateway "
                "powered? "
                "Try unit ids 1, 255 and 0."
            ),
        ),
        asked,
    )
