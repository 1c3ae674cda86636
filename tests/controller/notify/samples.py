"""A notice to work with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from campus_rules.model import AlarmClass, Severity
from campus_wire.catalog import Label
from controller.alarm_life import LifeEvent
from controller.notify.notice import Notice
from controller.outcome import About

S: Final = 1_000_000_000
T0: Final = 1_763_700_000 * S  # 2025-11-21 12:40:00 in Shanghai

ABOUT: Final = About(
    rule="nh3-high",
    instance="gw-1/gas-1/nh3",
    severity=Severity.CRITICAL,
    alarm_class=AlarmClass.SAFETY,
    name=Label(zh="氨气浓度过高", en="Ammonia too high"),
    consequence=Label(zh="刺激呼吸道，浓度继续升高会中毒。", en="Irritates, then poisons."),
    action=Label(zh="勿进入，开启通风柜。", en="Keep out; switch the fume fan on."),
    gateway="gw-1",
    school="sunrise",
    building="b1",
    area="chem",
    device="gas-1",
    point="nh3",
    category="gas-detector",
    school_name=Label(zh="朝阳小学", en="Sunrise Primary"),
    area_names=(Label(zh="一号楼", en="Building 1"), Label(zh="药品库", en="Chemical store")),
    device_name=Label(zh="氨气探测器", en="Ammonia detector"),
    point_label=Label(zh="氨气浓度", en="Ammonia"),
    unit="mg/m³",
    limit=30.0,
    basis=Label(zh="GBZ 2.1-2019 PC-STEL", en="GBZ 2.1-2019 PC-STEL"),
)

RAISED: Final = Notice(
    alarm="a1b2c3",
    kind=LifeEvent.RAISED,
    about=ABOUT,
    condition_ns=T0,
    raised_ns=T0 + 5 * S,
    value=42.25,
)
CLEARED: Final = replace(
    RAISED, kind=LifeEvent.CLEARED, cleared_ns=T0 + 3_725 * S, value=18.0, acked_by="王老师"
)
ACKNOWLEDGED: Final = replace(
    RAISED,
    kind=LifeEvent.ACKNOWLEDGED,
    acked_ns=T0 + 60 * S,
    acked_by="王老师",
    note="已开窗通风",
)


def about(**changes: Any) -> About:
    """Return a variation of the sample."""
    return replace(ABOUT, **changes)
