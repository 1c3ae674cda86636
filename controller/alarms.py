"""Alarms in the state: from an outcome of the rules to rows, in the caller's transaction.

Every true transition makes exactly one outbox row for each channel it is routed to: repeats change
nothing, and the keys of the outbox are unique.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson
from sqlalchemy import Connection, Row, func, insert, select

from campus_rules.signals import TransitionKind
from controller import alarm_life, audit
from controller.alarm_life import AlarmState, Life, LifeEvent
from controller.errors import RefusedError
from controller.notify.notice import Notice, dump_about, dump_notice, parse_about
from controller.outcome import About, Outcome, RuleTransition, StateChange
from controller.state.dialect import insert_new, upsert
from controller.state.schema import alarms, outbox, rule_states, transitions
from controller.system_alarms import LATE_DATA, PREFIX, UNDELIVERED

FIND_MAX: Final = 1_000
_NOTE_CHARS_MAX: Final = 1_000


class Route(Protocol):
    """What the routing needs of a channel's settings (`controller.config.Channel`)."""

    @property
    def id(self) -> str:
        """The channel's id."""

    @property
    def severities(self) -> Sequence[str]:
        """The severities it is told of."""


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm as it stands."""

    id: str
    about: About
    life: Life
    value: float | None
    updated_ns: int

    @property
    def state(self) -> AlarmState:
        """What people see."""
        return self.life.state


@dataclass(frozen=True, slots=True)
class TransitionView:
    """One step of an alarm's life: `time_ns` is the event's, `recorded_ns` the controller's."""

    id: int
    alarm: str
    kind: LifeEvent
    time_ns: int
    recorded_ns: int
    value: float | None
    by: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class AlarmQuery:
    """Which alarms; absent conditions select all. Newest first, `before` continues a page."""

    open_only: bool = False
    states: tuple[AlarmState, ...] = ()
    school: str | None = None
    schools: tuple[str, ...] | None = None
    area: str | None = None
    device: str | None = None
    rule: str | None = None
    severity: str | None = None
    before: tuple[int, str] | None = None
    """(raised_ns, id) of the last alarm seen."""
    limit: int = 100


class AlarmBook:
    """Writes alarms and their notices.

    Args:
        channels: who is told; a severity of its list and a channel gets a row.
    """

    def __init__(self, channels: Sequence[Route] = ()) -> None:
        self._channels = tuple(channels)

    def record(self, connection: Connection, outcome: Outcome, now_ns: int) -> int:
        """Write rule states, transitions, alarms and outbox rows; return how many outbox rows."""
        save_states(connection, outcome.states, now_ns)
        return sum(self._apply(connection, one, now_ns) for one in outcome.transitions)

    def raise_system(
        self, connection: Connection, about: About, now_ns: int, condition_ns: int | None = None
    ) -> int:
        """Raise an alarm of the system itself (a silent gateway); return how many outbox rows."""
        since_ns = now_ns if condition_ns is None else condition_ns
        change = RuleTransition(about, TransitionKind.RAISED, now_ns, since_ns)
        return self._apply(connection, change, now_ns)

    def clear_system(self, connection: Connection, about: About, now_ns: int) -> int:
        """Clear an alarm of the system itself; return how many outbox rows."""
        change = RuleTransition(about, TransitionKind.CLEARED, now_ns, now_ns)
        return self._apply(connection, change, now_ns)

    def acknowledge(
        self, connection: Connection, alarm_id: str, by: str, note: str | None, now_ns: int
    ) -> AlarmView:
        """Write down that a person has seen the alarm; everybody who was told of it hears so.

        Raises:
            RefusedError: `alarm_unknown`, or `already_acknowledged` (and by whom).
        """
        view = get(connection, alarm_id)
        life = alarm_life.acknowledged(view.life, by=by, time_ns=now_ns)
        if life is None:
            raise RefusedError(
                "already_acknowledged",
                f"{view.life.acked_by} has acknowledged this alarm",
                place=alarm_id,
            )
        text = None if note is None else note[:_NOTE_CHARS_MAX]
        view = AlarmView(view.id, view.about, life, view.value, now_ns)
        self._write(connection, view, LifeEvent.ACKNOWLEDGED, time_ns=now_ns, note=text)
        audit.append(
            connection,
            time_ns=now_ns,
            who=by,
            action="alarm_acknowledged",
            target=alarm_id,
            detail={"note": text},
        )
        return view

    def retire(self, connection: Connection, rules: Iterable[str], now_ns: int) -> int:
        """Clear active alarms of rules that are no more; `rules` are the ids there still are.

        Alarms of the system itself stay.
        """
        known = list(rules)
        active = [AlarmState.ACTIVE_ACKNOWLEDGED, AlarmState.ACTIVE_UNACKNOWLEDGED]
        statement = select(alarms).where(
            alarms.c.state.in_(active),
            alarms.c.rule.not_in(known),
            alarms.c.rule.not_like(f"{PREFIX}%"),
        )
        views = [_view(row) for row in connection.execute(statement)]
        return sum(self.clear_system(connection, view.about, now_ns) for view in views)

    def _apply(self, connection: Connection, change: RuleTransition, now_ns: int) -> int:
        about = change.about
        before = _open_alarm(connection, about.rule, about.instance)
        life = None if before is None else before.life
        if change.kind is TransitionKind.RAISED:
            after = alarm_life.raised(
                life, condition_ns=change.condition_ns, time_ns=change.time_ns
            )
            if about.rule == LATE_DATA and after is not None:  # news, not a condition that lasts
                after = alarm_life.cleared(after, time_ns=change.time_ns)
            event = LifeEvent.RAISED
        else:
            after = alarm_life.cleared(life, time_ns=change.time_ns)
            event = LifeEvent.CLEARED
        if after is None:
            return 0
        alarm_id = _new_id(change) if before is None else before.id
        told = about if before is None or event is LifeEvent.RAISED else before.about
        view = AlarmView(alarm_id, told, after, change.value, now_ns)
        return self._write(connection, view, event, time_ns=change.time_ns)

    def _write(
        self,
        connection: Connection,
        view: AlarmView,
        event: LifeEvent,
        *,
        time_ns: int,
        note: str | None = None,
    ) -> int:
        upsert(connection, alarms, [_row(view)], keys=("id",))
        row = {
            "alarm": view.id,
            "kind": str(event),
            "time_ns": time_ns,
            "recorded_ns": view.updated_ns,
            "value": view.value,
            "by": view.life.acked_by if event is LifeEvent.ACKNOWLEDGED else None,
            "note": note,
        }
        statement = insert(transitions).values(row).returning(transitions.c.id)
        number = connection.execute(statement).scalar_one()
        notice = _notice(view, event, note)
        rows = [
            _outbox_row(notice, channel.id, transition=number, now_ns=view.updated_ns)
            for channel in self._routed(view.about)
        ]
        insert_new(connection, outbox, rows)
        return len(rows)

    def _routed(self, about: About) -> list[Route]:
        return [
            channel
            for channel in self._channels
            if str(about.severity) in channel.severities
            and not (about.rule == UNDELIVERED and about.instance == channel.id)
        ]


def save_states(connection: Connection, states: Sequence[StateChange], now_ns: int) -> None:
    """Write rule states."""
    rows = [
        {"rule": one.rule, "instance": one.instance, "body": one.body, "updated_ns": now_ns}
        for one in states
    ]
    upsert(connection, rule_states, rows, keys=("rule", "instance"))


def load_states(connection: Connection) -> list[StateChange]:
    """Return all rule states, for `RuleEngine.restore`."""
    columns = (rule_states.c.rule, rule_states.c.instance, rule_states.c.body)
    return [StateChange(*row) for row in connection.execute(select(*columns))]


def get(connection: Connection, alarm_id: str) -> AlarmView:
    """Return one alarm.

    Raises:
        RefusedError: there is no such alarm (reason `alarm_unknown`).
    """
    row = connection.execute(select(alarms).where(alarms.c.id == alarm_id)).one_or_none()
    if row is None:
        raise RefusedError("alarm_unknown", "there is no such alarm", place=alarm_id[:64])
    return _view(row)


def find(connection: Connection, query: AlarmQuery) -> list[AlarmView]:
    """Return the alarms a query selects, newest first."""
    statement = select(alarms).order_by(alarms.c.raised_ns.desc(), alarms.c.id.desc())
    if query.open_only:
        statement = statement.where(alarms.c.state != AlarmState.CLOSED)
    if query.states:
        statement = statement.where(alarms.c.state.in_(query.states))
    if query.schools is not None:
        statement = statement.where(alarms.c.school.in_(query.schools))
    for column in ("school", "area", "device", "rule", "severity"):
        wanted = getattr(query, column)
        if wanted is not None:
            statement = statement.where(alarms.c[column] == wanted)
    if query.before is not None:
        raised_ns, alarm_id = query.before
        older = (alarms.c.raised_ns < raised_ns) | (
            (alarms.c.raised_ns == raised_ns) & (alarms.c.id < alarm_id)
        )
        statement = statement.where(older)
    limit = max(1, min(query.limit, FIND_MAX))
    return [_view(row) for row in connection.execute(statement.limit(limit))]


def count_open(connection: Connection) -> dict[tuple[str, str], int]:
    """Return how many alarms are open by (severity, state), for metrics."""
    statement = (
        select(alarms.c.severity, alarms.c.state, func.count())
        .where(alarms.c.state != AlarmState.CLOSED)
        .group_by(alarms.c.severity, alarms.c.state)
    )
    return {(severity, state): count for severity, state, count in connection.execute(statement)}


def transitions_of(connection: Connection, alarm_id: str) -> list[TransitionView]:
    """Return the life of an alarm, oldest first."""
    statement = (
        select(transitions).where(transitions.c.alarm == alarm_id).order_by(transitions.c.id)
    )
    return [
        TransitionView(
            id=row.id,
            alarm=row.alarm,
            kind=LifeEvent(row.kind),
            time_ns=row.time_ns,
            recorded_ns=row.recorded_ns,
            value=row.value,
            by=row.by,
            note=row.note,
        )
        for row in connection.execute(statement)
    ]


def _open_alarm(connection: Connection, rule: str, instance: str) -> AlarmView | None:
    statement = select(alarms).where(
        alarms.c.rule == rule,
        alarms.c.instance == instance,
        alarms.c.state != AlarmState.CLOSED,
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else _view(row)


def _new_id(change: RuleTransition) -> str:
    # Made of what the alarm is, so that the same transition, recorded twice, is the same alarm.
    text = f"{change.about.rule}\n{change.about.instance}\n{change.time_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def _view(row: Row[Any]) -> AlarmView:
    state = AlarmState(row.state)
    life = Life(
        active=state in {AlarmState.ACTIVE_ACKNOWLEDGED, AlarmState.ACTIVE_UNACKNOWLEDGED},
        acked=state in {AlarmState.ACTIVE_ACKNOWLEDGED, AlarmState.CLOSED},
        condition_ns=row.condition_ns,
        raised_ns=row.raised_ns,
        cleared_ns=row.cleared_ns,
        acked_ns=row.acked_ns,
        acked_by=row.acked_by,
        occurrence=row.occurrence,
        latched=row.latched,
        suppressed_by=tuple(orjson.loads(row.suppressed_by)),
    )
    return AlarmView(row.id, parse_about(row.body), life, row.value, row.updated_ns)


def _row(view: AlarmView) -> dict[str, Any]:
    about, life = view.about, view.life
    return {
        "id": view.id,
        "rule": about.rule,
        "instance": about.instance,
        "gateway": about.gateway,
        "school": about.school,
        "building": about.building,
        "area": about.area,
        "device": about.device,
        "point": about.point,
        "category": about.category,
        "severity": str(about.severity),
        "alarm_class": str(about.alarm_class),
        "state": str(life.state),
        "latched": life.latched,
        "suppressed_by": orjson.dumps(life.suppressed_by).decode(),
        "condition_ns": life.condition_ns,
        "raised_ns": life.raised_ns,
        "cleared_ns": life.cleared_ns,
        "acked_ns": life.acked_ns,
        "acked_by": life.acked_by,
        "occurrence": life.occurrence,
        "value": view.value,
        "limit_value": about.limit,
        "unit": about.unit,
        "body": dump_about(about),
        "updated_ns": view.updated_ns,
    }


def _notice(view: AlarmView, event: LifeEvent, note: str | None) -> Notice:
    return Notice(
        alarm=view.id,
        kind=event,
        about=view.about,
        condition_ns=view.life.condition_ns,
        raised_ns=view.life.raised_ns,
        occurrence=view.life.occurrence,
        value=view.value,
        cleared_ns=view.life.cleared_ns,
        acked_ns=view.life.acked_ns,
        acked_by=view.life.acked_by,
        note=note,
    )


def _outbox_row(notice: Notice, channel: str, *, transition: int, now_ns: int) -> dict[str, Any]:
    return {
        "alarm": notice.alarm,
        "transition": transition,
        "channel": channel,
        "key": f"{notice.key}.{channel}",
        "body": dump_notice(notice),
        "state": "pending",
        "attempts": 0,
        "next_try_ns": now_ns,
        "created_ns": now_ns,
    }
