"""Alarms that the system raises about itself, with all their words."""

from __future__ import annotations

from typing import Final

from campus_rules.model import RESERVED_PREFIX, AlarmClass, Severity
from campus_wire.catalog import Label
from controller.outcome import About

PREFIX: Final = RESERVED_PREFIX
GATEWAY_SILENT: Final = "system.gateway-silent"
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
