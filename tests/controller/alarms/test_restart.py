"""Rules, alarms and state together, across a restart."""

from pathlib import Path

from sqlalchemy import Connection, func, select

from controller.alarms import AlarmBook, AlarmQuery, find, load_states
from controller.frames import CatalogTable
from controller.outcome import Outcome
from controller.rule_engine import RuleEngine
from controller.rule_instances import rule_ids
from controller.state.database import visit
from controller.state.schema import outbox
from tests.controller.alarms.test_book import BOOK
from tests.controller.rules.school import T0, Maker, S, catalog, rules


class Process:
    """One life of a controller: its engine, on the state that the last one left."""

    def __init__(self, connection: Connection, start_s: int) -> None:
        self.connection = connection
        self.book: AlarmBook = BOOK
        self.engine = RuleEngine(rules())
        self.engine.restore(load_states(connection))
        self.table = CatalogTable.of(catalog())
        self.make = Maker(self.table)
        self.book.retire(connection, rule_ids(rules()), T0 + start_s * S)
        self.keep(self.engine.set_catalog(self.table, now_ns=T0 + start_s * S), start_s)

    def keep(self, outcome: Outcome, second: int) -> int:
        return self.book.record(self.connection, outcome, T0 + second * S)

    def gas(self, second: int, value: float | None) -> int:
        now_ns = T0 + second * S
        frame = self.make.frame(("nh3", "status"), [("gas-1", now_ns, (value, 0))])
        made = self.keep(self.engine.evaluate([frame], now_ns=now_ns), second)
        return made + self.keep(self.engine.tick(now_ns=now_ns), second)


def notices(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(outbox)).scalar_one()


def test_a_restart_pages_nobody_again_and_clears_what_it_should(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with visit(url) as connection:
        first = Process(connection, 0)
        assert first.gas(1, 30.0) == 2
        [alarm] = find(connection, AlarmQuery())
        first.book.acknowledge(connection, alarm.id, "王老师", None, T0 + 2 * S)
        before = notices(connection)

    with visit(url) as connection:
        second = Process(connection, 10)
        # what was not acked comes again, and newer values too
        assert [second.gas(at, 30.0) for at in (1, 11, 12, 13)] == [0, 0, 0, 0]
        assert notices(connection) == before
        [alarm] = find(connection, AlarmQuery())
        assert (alarm.state, alarm.life.acked_by) == ("active_acknowledged", "王老师")

        made = [second.gas(at, 5.0) for at in range(14, 40)]
        assert sum(made) == 2
        [alarm] = find(connection, AlarmQuery())
        assert alarm.state == "closed"


def test_a_running_delay_goes_on_after_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with visit(url) as connection:
        first = Process(connection, 0)
        first.gas(1, 30.0)
        for second in range(2, 12):
            first.gas(second, 5.0)

    with visit(url) as connection:
        again = Process(connection, 12)
        made = {second: again.gas(second, 5.0) for second in range(12, 30)}

    assert [second for second, rows in made.items() if rows] == [22]


def test_a_failed_transaction_is_recorded_again_without_evaluating_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with visit(url) as connection:
        process = Process(connection, 0)
        now_ns = T0 + S
        frame = process.make.frame(("nh3", "status"), [("gas-1", now_ns, (30.0, 0))])
        outcome = process.engine.evaluate([frame], now_ns=now_ns)
        point = connection.begin_nested()
        assert process.keep(outcome, 1) == 2
        point.rollback()

        assert notices(connection) == 0
        assert process.keep(outcome, 1) == 2
        assert process.keep(outcome, 1) == 0
