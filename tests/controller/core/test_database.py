"""The state database: migrations, transactions, and what it says when it cannot."""

import asyncio
import os
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, select, text

from controller.errors import StateBusyError, StateError
from controller.state.database import Database, visit
from controller.state.dialect import insert_new, upsert
from controller.state.schema import gaps, metadata, ranges

GAP = {"gateway": "gw-1", "epoch": "e", "first": 1, "last": 2, "reason": "cap", "time_ns": 3}


def url(path: Path) -> str:
    return f"sqlite:///{path / 'state.db'}"


async def test_migrations_make_exactly_the_schema(tmp_path: Path) -> None:
    database = Database(url(tmp_path))
    await database.start()

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    assert await database.read(differences) == []
    await database.close()


async def test_starting_again_keeps_what_is_there(tmp_path: Path) -> None:
    for _ in range(2):
        database = Database(url(tmp_path))
        await database.start()
        await database.write(lambda connection: insert_new(connection, gaps, [GAP]))
        rows = await database.read(lambda connection: connection.execute(select(gaps)).all())
        await database.close()

    assert len(rows) == 1


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    database = Database(url(tmp_path))
    await database.start()
    await database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num='9999'")))

    with pytest.raises(StateError) as caught:
        await database.start()

    assert caught.value.reason == "state_version"
    await database.close()


async def test_work_that_fails_leaves_nothing(tmp_path: Path) -> None:
    database = Database(url(tmp_path))
    await database.start()

    def work(connection: Connection) -> None:
        connection.execute(insert(gaps).values(GAP))
        raise KeyError

    with pytest.raises(KeyError):
        await database.write(work)

    assert await database.read(lambda connection: connection.execute(select(gaps)).all()) == []
    await database.close()


async def test_readers_cannot_write(tmp_path: Path) -> None:
    database = Database(url(tmp_path))
    await database.start()

    with pytest.raises((StateError, StateBusyError)):
        await database.read(lambda connection: connection.execute(insert(gaps).values(GAP)))

    await database.close()


async def test_upsert_sets_the_other_columns(tmp_path: Path) -> None:
    database = Database(url(tmp_path))
    await database.start()
    row = {"gateway": "g", "epoch": "e", "processed": "[]", "stored": "[]", "refused": "[]"}
    keys = ("gateway", "epoch")
    for time_ns, processed in ((1, "[]"), (2, "[[1, 5]]")):
        rows = [row | {"updated_ns": time_ns, "processed": processed}]
        await database.write(partial(upsert, table=ranges, rows=rows, keys=keys))

    [kept] = await database.read(lambda connection: connection.execute(select(ranges)).all())

    assert (kept.updated_ns, kept.processed) == (2, "[[1, 5]]")
    await database.close()


async def test_a_locked_database_is_a_passing_failure(tmp_path: Path) -> None:
    database = Database(url(tmp_path), busy_timeout_s=0.05)
    await database.start()
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StateBusyError):
        await database.write(lambda connection: connection.execute(insert(gaps).values(GAP)))
    other.execute("ROLLBACK")
    other.close()

    await database.write(lambda connection: connection.execute(insert(gaps).values(GAP)))
    await database.close()


async def test_a_cancelled_caller_does_not_undo_its_transaction(tmp_path: Path) -> None:
    database = Database(url(tmp_path))
    await database.start()

    def slow(connection: Connection) -> None:
        connection.execute(insert(gaps).values(GAP))

    task = asyncio.create_task(database.write(slow))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    rows = await database.write(lambda connection: connection.execute(select(gaps)).all())
    assert len(rows) == 1
    await database.close()


async def test_a_visitor_writes_beside_the_running_controller(tmp_path: Path) -> None:
    database = Database(url(tmp_path))
    await database.start()

    with visit(url(tmp_path)) as connection:
        connection.execute(insert(gaps).values(GAP))

    assert len(await database.read(lambda c: c.execute(select(gaps)).all())) == 1
    await database.close()


@pytest.mark.parametrize(
    "bad", ["", "nonsense", "sqlite://", "mysql://host/db", "sqlite:////no/such/dir/s.db"]
)
async def test_a_url_that_cannot_be_used_is_said(bad: str) -> None:
    with pytest.raises(StateError) as caught:
        await Database(bad).start()

    assert caught.value.reason in {"state_url", "state_open"}


async def test_a_second_controller_is_refused_and_may_have_it_afterwards(tmp_path: Path) -> None:
    first, second = Database(url(tmp_path)), Database(url(tmp_path))
    await first.claim()

    with pytest.raises(StateError) as caught:
        await second.claim()

    assert caught.value.reason == "state_claimed"
    assert str(os.getpid()) in str(caught.value)
    await first.close()
    await second.claim()
    await second.close()


async def test_a_claim_that_cannot_be_made_is_said() -> None:
    with pytest.raises(StateError) as caught:
        await Database("sqlite:////no/such/dir/s.db").claim()

    assert caught.value.reason == "state_open"
