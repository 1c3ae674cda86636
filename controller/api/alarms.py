"""Alarms: what is open, how each came about, and acknowledging."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from campus_wire.catalog import Label
from campus_wire.limits import TIME_NS_MAX
from controller import alarms as alarm_rows
from controller.alarm_life import AlarmState
from controller.alarms import AlarmQuery, AlarmView, TransitionView
from controller.api.access import Operator, ServicesDep, Viewer
from controller.api.models import Answer, Names, Page
from controller.api.places import names
from controller.api.problems import ProblemError

router = APIRouter(tags=["alarms"])
_TIME_DIGITS_MAX = 19
Id = Annotated[str | None, Query(max_length=64)]


class AlarmOut(Answer):
    """An alarm as it stands: what, where, how bad, since when, and what to do."""

    id: str
    rule: str
    severity: str
    alarm_class: str
    state: str
    name: Names
    consequence: Names
    action: Names
    gateway: str
    school: str
    building: str
    area: str
    device: str
    point: str
    place: Names
    value: float | None
    limit: float | None
    above: bool
    unit: str
    condition_ns: int
    raised_ns: int
    cleared_ns: int | None
    acked_ns: int | None
    acked_by: str | None
    occurrence: int


class AlarmsOut(Page):
    """Alarms, newest first."""

    alarms: list[AlarmOut]


class TransitionOut(Answer):
    """One step of an alarm's life."""

    kind: str
    time_ns: int
    recorded_ns: int
    value: float | None
    by: str | None
    note: str | None


class AlarmDetailOut(AlarmOut):
    """An alarm with its life so far."""

    transitions: list[TransitionOut]


class AcknowledgeIn(BaseModel):
    """What to note with an acknowledgement; who it was is the token's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: str | None = Field(None, max_length=1000)


@router.get("/alarms")
async def alarms(
    have: ServicesDep,
    _who: Viewer,
    *,
    open_only: Annotated[bool, Query(alias="open")] = True,
    state: Annotated[list[AlarmState] | None, Query()] = None,
    school: Id = None,
    area: Id = None,
    device: Id = None,
    rule: Id = None,
    severity: Id = None,
    after: Annotated[str, Query(max_length=100, description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=alarm_rows.FIND_MAX - 1)] = 100,
) -> AlarmsOut:
    """List alarms, newest first; only open ones unless `open=false`."""
    query = AlarmQuery(
        open_only=open_only and not state,
        states=tuple(state or ()),
        school=school,
        area=area,
        device=device,
        rule=rule,
        severity=severity,
        before=_position(after),
        limit=limit + 1,
    )
    found = await have.database.read(lambda connection: alarm_rows.find(connection, query))
    last = found[limit - 1] if len(found) > limit else None
    more = None if last is None else f"{last.life.raised_ns}-{last.id}"
    return AlarmsOut(alarms=[AlarmOut(**_plain(view)) for view in found[:limit]], next=more)


@router.get("/alarms/{alarm_id}")
async def alarm(alarm_id: str, have: ServicesDep, _who: Viewer) -> AlarmDetailOut:
    """Show an alarm with every step of its life."""

    def read(connection: Connection) -> tuple[AlarmView, list[TransitionView]]:
        view = alarm_rows.get(connection, alarm_id)
        return view, alarm_rows.transitions_of(connection, alarm_id)

    view, life = await have.database.read(read)
    steps = [TransitionOut.model_validate(step, from_attributes=True) for step in life]
    return AlarmDetailOut(**_plain(view), transitions=steps)


@router.post("/alarms/{alarm_id}/acknowledge")
async def acknowledge(
    alarm_id: str, said: AcknowledgeIn, have: ServicesDep, who: Operator
) -> AlarmOut:
    """Acknowledge an alarm; everybody who was told of it is told who did."""
    now_ns = time.time_ns()
    view = await have.database.write(
        lambda connection: have.alarms.acknowledge(
            connection, alarm_id, who.name, said.note, now_ns
        )
    )
    have.wake_notifier()
    return AlarmOut(**_plain(view))


def _position(after: str) -> tuple[int, str] | None:
    if not after:
        return None
    raised, dash, alarm_id = after.partition("-")
    is_number = raised.isascii() and raised.isdigit() and len(raised) <= _TIME_DIGITS_MAX
    if not dash or not is_number or int(raised) > TIME_NS_MAX:
        detail = "`after` is not the `next` of a page before"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "validation", detail)
    return int(raised), alarm_id


def _plain(view: AlarmView) -> dict[str, Any]:
    about, life = view.about, view.life
    return {
        "id": view.id,
        "rule": about.rule,
        "severity": str(about.severity),
        "alarm_class": str(about.alarm_class),
        "state": str(view.state),
        "name": names(about.name),
        "consequence": names(about.consequence),
        "action": names(about.action),
        "gateway": about.gateway,
        "school": about.school,
        "building": about.building,
        "area": about.area,
        "device": about.device,
        "point": about.point,
        "place": _place(about.school_name, about.area_names),
        "value": view.value,
        "limit": about.limit,
        "above": about.above,
        "unit": about.unit,
        "condition_ns": life.condition_ns,
        "raised_ns": life.raised_ns,
        "cleared_ns": life.cleared_ns,
        "acked_ns": life.acked_ns,
        "acked_by": life.acked_by,
        "occurrence": life.occurrence,
    }


def _place(school: Label | None, areas: tuple[Label, ...]) -> Names:
    path = [*([school] if school else []), *areas]
    return Names(zh=" ".join(label.zh for label in path), en=", ".join(label.en for label in path))
