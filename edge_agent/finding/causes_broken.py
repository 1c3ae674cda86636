"""Why answers come broken, or from somebody else (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.finding.evidence import (
    BusEvidence,
    Finding,
    finding,
)


def two_units(seen: BusEvidence) -> Iterator[Finding]:
    """Yield that two devices have one address."""
    for one in seen.units:
        others_fine = any(o.answered and not o.garbled for o in seen.units if o is not one)
        if one.two_answers:
            likelihood = 92
        elif one.garbled == one.asked and not one.answered and others_fine:
            likelihood = 70
        elif one.garbled and one.answered < one.asked and others_fine:
            likelihood = 45  # bytes around answers that are all there are noise
        else:
            continue
        yield finding(
            "duplicate_address",
            likelihood,
            (
                f"地址 {one.unit} 上很可能有两台设备同时应答",
                f"two devices probably answer at address {one.unit}",
            ),
            (
                f"断开 {one.title} 后再问地址 {one.unit}:若仍有应答,即另有一台同地址设备",
                (
                    f"Disconnect {one.title} and ask unit {one.unit} again: if it still answers, "
                    "another device has that address."
                ),
            ),
            [one],
        )


def broken_answers(seen: BusEvidence) -> Iterator[Finding]:
    """Yield why answers come with wrong checksums."""
    broken = [one for one in seen.units if one.garbled]
    if not broken or seen.kind == "tcp":
        return
    asked = [one for one in seen.units if one.asked]
    good = [one for one in asked if one.answered]
    if not good and all(one.garbled for one in asked):
        yield finding(
            "serial_settings",
            80,
            (
                f"所有应答都无法识别:波特率或校验位很可能不是 {seen.setting}",
                f"every answer is garbled: baud rate or parity is probably not {seen.setting}",
            ),
            (
                "核对设备的波特率、校验位、停止位,或运行 campus edge scan",
                "Check baud rate, parity and stop bits at the devices, or run campus edge scan.",
            ),
            broken,
        )
    if good and len(broken) > 1 and len(broken) < len(asked) and broken == asked[-len(broken) :]:
        yield finding(
            "termination",
            75,
            (
                "只有远端设备的应答出错:终端电阻或偏置电阻缺失",
                "only the far devices' answers break: termination or bias is missing",
            ),
            (
                "在总线两端各接 120 Ω,且只在两端;检查偏置、星形接线和电缆型号",
                "Put 120 Ω at both ends and nowhere else; check bias, star wiring and the cable.",
            ),
            broken,
        )
    elif len(broken) > 1 or (good and (len(asked) == 1 or broken[0].answered == broken[0].asked)):
        yield finding(
            "noise",
            60,
            (
                "应答时有校验错误或杂散字节:线路受干扰或终端电阻不对",
                "checksum errors or stray bytes beside answers: noise, or wrong termination",
            ),
            (
                "检查终端电阻(两端各 120 Ω)、屏蔽单端接地、与动力线的距离;降低波特率试试",
                (
                    "Check termination (120 Ω at both ends), the shield (grounded at one end) "
                    "and the "
                    "distance to power cables; try a lower baud rate."
                ),
            ),
            broken,
        )
    elif len(broken) == 1 and not broken[0].answered and len(asked) > 1 and good:
        one = broken[0]
        yield finding(
            "serial_settings_of_one",
            55,
            (
                f"{one.title} 的应答无法识别:它的波特率或校验位可能与总线不同",
                f"{one.title} answers garbage: its baud rate or parity may differ from the line's",
            ),
            (
                f"核对该设备的通讯参数,应为 {seen.setting}",
                f"Check its communication settings; they must be {seen.setting}.",
            ),
            [one],
        )


def wrong_units(seen: BusEvidence) -> Iterator[Finding]:
    """Yield why another unit answers than was asked."""
    for one in seen.units:
        if not one.wrong_units:
            continue
        other, _ = one.wrong_units.most_common(1)[0]
        known = other in {each.unit for each in seen.units}
        yield finding(
            "late_answers" if known else "wrong_unit",
            70,
            (
                f"问 {one.unit} 时 {other} 应答" + (":上一台应答太晚" if known else ""),
                f"unit {other} answers when {one.unit} is asked"
                + (": it answers too late" if known else ""),
            ),
            (
                "加大 timeout_s" if known else "检查网关的地址映射,或是否还有别的主站",
                "Lengthen timeout_s."
                if known
                else "Check the gateway's address mapping, and "
                "whether another master is on the line.",
            ),
            [one],
        )
