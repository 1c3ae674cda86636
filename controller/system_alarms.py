"""Alarms that the system raises about itself, with all their words."""

from __future__ import annotations

from typing import Final

from campus_rules.model import RESERVED_PREFIX, AlarmClass, Severity
from campus_wire.catalog import Label
from controller.outcome import About, LateData

PREFIX: Final = RESERVED_PREFIX
GATEWAY_SILENT: Final = "system.gateway-silent"
"""Rule id; the instance is the gateway."""
LATE_DATA: Final = "system.late-data"
"""Rule id; the instance is the gateway. A digest: raised and over at once, with one notice."""
GATEWAY_CLOCK: Final = "system.gateway-clock"
"""Rule id; the instance is the gateway."""
GATEWAY_TWINS: Final = "system.gateway-twins"
"""Rule id; the instance is the gateway."""
UNDELIVERED: Final = "system.notice-undelivered"
"""Rule id; the instance is the channel, which is not told of it."""


def gateway_silent(gateway: str, *, school: str = "", school_name: Label | None = None) -> About:
    """Return the alarm that nothing comes from a gateway; one for all its devices."""
    return About(
        rule=GATEWAY_SILENT,
        instance=gateway,
        severity=Severity.CRITICAL,
        alarm_class=AlarmClass.DIAGNOSTIC,
        name=Label(zh="网关失联", en="Gateway silent"),
        consequence=Label(
            zh="该网关下的设备暂时无法监测和远程控制；现场联锁仍然有效，数据保存在网关中。",
            en="Its devices cannot be watched or commanded from here; interlocks on site go on, "
            "and the gateway keeps the data.",
        ),
        action=Label(
            zh="检查网关的电源和网络；如停电或断网，请联系学校或运营商。",
            en="Check the gateway's power and network; in an outage call the school or the "
            "network provider.",
        ),
        gateway=gateway,
        school=school,
        school_name=school_name,
        device_name=Label(zh=f"网关 {gateway}", en=f"gateway {gateway}"),
    )


def late_data(data: LateData, *, school: str = "", school_name: Label | None = None) -> About:
    """Return the digest of what came in after an outage of a gateway's link."""
    minutes = max(1, round((data.last_ns - data.first_ns) / 60e9))
    beyond_zh = f"其中 {data.beyond} 个样本超过报警限值" if data.beyond else "均未超过报警限值"
    beyond_en = (
        f"{data.beyond} of them were beyond the limit of an alarm"
        if data.beyond
        else "none of them was beyond the limit of an alarm"
    )
    return About(
        rule=LATE_DATA,
        instance=data.gateway,
        severity=Severity.WARNING if data.beyond else Severity.INFO,
        alarm_class=AlarmClass.DIAGNOSTIC,
        name=Label(zh="断网期间的数据已补齐", en="Data of an outage has arrived"),
        consequence=Label(
            zh=f"补存 {data.samples} 个样本，时间跨度 {minutes} 分钟；{beyond_zh}。"
            "迟到的数据不触发报警和控制。",
            en=f"{data.samples} samples of {minutes} min were stored; {beyond_en}. Late data "
            "raises no alarm and commands nothing.",
        ),
        action=Label(
            zh="如有样本超限，请查看该时段的历史曲线并检查现场。"
            if data.beyond
            else "无需处理；需要时可查看该时段的历史曲线。",
            en="See the history of that time and look at the place."
            if data.beyond
            else "Nothing; the history of that time is there to see.",
        ),
        gateway=data.gateway,
        school=school,
        school_name=school_name,
        device_name=Label(zh=f"网关 {data.gateway}", en=f"gateway {data.gateway}"),
    )


def gateway_clock(gateway: str, *, school: str = "", school_name: Label | None = None) -> About:
    """Return the alarm that a gateway's clock differs from the controller's."""
    return About(
        rule=GATEWAY_CLOCK,
        instance=gateway,
        severity=Severity.CRITICAL,
        alarm_class=AlarmClass.DIAGNOSTIC,
        name=Label(zh="网关时钟错误", en="Gateway clock is wrong"),
        consequence=Label(
            zh="该网关的数据时间有误；相差超过 5 分钟时，平台不再据此报警和控制。",
            en="Its data has wrong times; from five minutes on nothing here raises an alarm or "
            "commands upon it.",
        ),
        action=Label(
            zh="检查网关和平台服务器的对时（NTP）。",
            en="Check the time synchronisation (NTP) of the gateway and of the controller.",
        ),
        gateway=gateway,
        school=school,
        school_name=school_name,
        device_name=Label(zh=f"网关 {gateway}", en=f"gateway {gateway}"),
    )


def gateway_twins(gateway: str, *, school: str = "", school_name: Label | None = None) -> About:
    """Return the alarm that two agents run as one gateway."""
    return About(
        rule=GATEWAY_TWINS,
        instance=gateway,
        severity=Severity.WARNING,
        alarm_class=AlarmClass.MAINTENANCE,
        name=Label(zh="两个网关使用同一编号", en="Two agents run as one gateway"),
        consequence=Label(
            zh="两者轮流断线，数据混在一起，命令可能送错设备。",
            en="They throw each other out in turns, their data is mixed, and commands may reach "
            "the wrong one.",
        ),
        action=Label(
            zh="为每个网关设置各自的编号和账号，停用多余的一个。",
            en="Give each its own id and account, and stop the one that is too many.",
        ),
        gateway=gateway,
        school=school,
        school_name=school_name,
        device_name=Label(zh=f"网关 {gateway}", en=f"gateway {gateway}"),
    )


def undelivered(channel: str) -> About:
    """Return the alarm that a channel does not deliver; it goes to the other channels."""
    return About(
        rule=UNDELIVERED,
        instance=channel,
        severity=Severity.CRITICAL,
        alarm_class=AlarmClass.MAINTENANCE,
        name=Label(zh="通知无法送达", en="Notices are not delivered"),
        consequence=Label(
            zh="只通过该渠道接收报警的人员将收不到通知。",
            en="People who are told through this channel alone learn of no alarm.",
        ),
        action=Label(
            zh="检查该渠道的地址、密钥和网络，并直接查看报警列表。",
            en="Check the channel's address, secret and network, and look at the list of alarms.",
        ),
        gateway="",
        device_name=Label(zh=f"通知渠道 {channel}", en=f"channel {channel}"),
    )
