"""Why a bus cannot be reached, or carries what nobody asked for (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.finding.evidence import (
    BusEvidence,
    Finding,
    finding,
)


def not_connected(seen: BusEvidence) -> Finding:
    """Return why the port or the connection could not be opened."""
    why = seen.not_connected
    if seen.kind == "serial":
        return finding(
            "port_not_opened",
            95,
            (f"串口 {seen.place} 打不开:{why}", f"the port {seen.place} cannot be opened: {why}"),
            (
                "适配器是否插好?串口名是否变了(用 /dev/serial/by-id/)?是否有采集程序正在占用?",
                (
                    "Is the adapter plugged in? Has the port's name changed (use "
                    "/dev/serial/by-id/)? "
                    "Does the agent, or another program, hold it?"
                ),
            ),
        )
    return finding(
        "endpoint_not_reached",
        95,
        (f"连接不上 {seen.place}:{why}", f"{seen.place} cannot be reached: {why}"),
        (
            "检查电源、网线、IP 地址和端口(通常为 502);设备可能只允许一个连接,且已被占用",
            (
                "Check power, network cable, IP address and port (mostly 502). Some devices take "
                "one "
                "connection only, and somebody else may have it."
            ),
        ),
    )


def closed(seen: BusEvidence) -> Iterator[Finding]:
    """Yield that the other end closes connections."""
    if seen.closed and seen.kind != "serial":
        yield finding(
            "connection_closed",
            70,
            (
                f"{seen.place} 接受连接后又关闭({seen.closed} 次)",
                f"{seen.place} accepts the connection and closes it ({seen.closed} times)",
            ),
            (
                "设备可能只允许一个连接:停止采集程序或其他主站后再试",
                (
                    "The device may take one connection only: stop the agent or other clients, and "
                    "try again."
                ),
            ),
        )


def echo(seen: BusEvidence) -> Iterator[Finding]:
    """Yield that the adapter hears itself."""
    if seen.echoed and not seen.echo_expected:
        silent = all(one.is_silent for one in seen.units)
        yield finding(
            "echo",
            75 if silent else 30,
            (
                "适配器把自己发出的数据又收回来(回声)",
                "the adapter hears its own requests (echo)",
            ),
            (
                (
                    "如总线正常可忽略;若无任何应答,说明数据只回到自身:检查 A/B 接线和终端电阻,"
                    "或关闭适配器的回声"
                ),
                (
                    "Harmless while devices answer. If nobody does, nothing leaves the adapter: "
                    "check "
                    "A/B and the cable, or switch the adapter's echo off."
                ),
            ),
        )


def other_master(seen: BusEvidence) -> Iterator[Finding]:
    """Yield that something is heard that nobody asked for."""
    if seen.unasked_frames:
        yield finding(
            "second_master",
            88,
            (
                f"未发请求时已听到 {seen.unasked_frames} 帧:总线上还有别的主站",
                (
                    f"{seen.unasked_frames} frames were heard before anything was asked: another "
                    "master is on the line"
                ),
            ),
            (
                "停止采集程序、触摸屏、PLC 等另一个主站;一条 RS-485 总线只能有一个主站",
                "Stop the other master (the agent, a panel, a PLC): a line has one only.",
            ),
        )
    elif seen.unasked_bytes:
        yield finding(
            "noise",
            55,
            (
                f"未发请求时已收到 {seen.unasked_bytes} 字节杂乱数据",
                f"{seen.unasked_bytes} stray bytes were heard before anything was asked",
            ),
            (
                "偏置电阻缺失、屏蔽未接地或有别的主站;逐段断开总线查找干扰源",
                (
                    "Missing bias resistors, an unconnected shield, or another master; "
                    "disconnect the "
                    "line piece by piece to find it."
                ),
            ),
        )
