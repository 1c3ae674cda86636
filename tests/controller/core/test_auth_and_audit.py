"""Tokens are kept as hashes only; the audit chain shows what was done to it."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, select, text, update

from controller import audit, auth
from controller.auth import Role
from controller.errors import ConfigError, RefusedError
from controller.keys import load_or_create_secret, load_secret
from controller.state.database import visit
from controller.state.schema import audit as audit_table
from controller.state.schema import tokens


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with visit(f"sqlite:///{tmp_path / 'state.db'}") as connection:
        yield connection


def test_a_token_is_found_by_itself_and_kept_nowhere(connection: Connection) -> None:
    entry, token = auth.create(connection, "duty", Role.OPERATOR, now_ns=1, who="test")

    assert auth.find(connection, token) == auth.Principal(entry.id, "duty", Role.OPERATOR)
    assert auth.find(connection, token + "x") is None
    [row] = connection.execute(select(tokens)).mappings()
    assert token not in [str(value) for value in row.values()]


def test_the_first_token_is_made_once(connection: Connection) -> None:
    first = auth.create_first(connection, now_ns=1)

    assert first is not None
    principal = auth.find(connection, first)
    assert principal is not None
    assert principal.role is Role.ADMIN
    assert auth.create_first(connection, now_ns=2) is None


def test_a_revoked_token_is_nobody(connection: Connection) -> None:
    auth.create_first(connection, now_ns=1)
    entry, token = auth.create(connection, "duty", Role.VIEWER, now_ns=1, who="test")
    auth.revoke(connection, "duty", now_ns=2, who="test")

    assert auth.find(connection, token) is None
    with pytest.raises(RefusedError, match="no valid token"):
        auth.revoke(connection, entry.id, now_ns=3, who="test")


def test_the_last_administrator_stays(connection: Connection) -> None:
    auth.create_first(connection, now_ns=1)

    with pytest.raises(RefusedError, match="last administrator"):
        auth.revoke(connection, "first", now_ns=2, who="test")


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "taken"])
def test_bad_names_are_refused(connection: Connection, name: str) -> None:
    auth.create(connection, "taken", Role.VIEWER, now_ns=1, who="test")

    with pytest.raises(RefusedError):
        auth.create(connection, name, Role.VIEWER, now_ns=2, who="test")


def test_roles_include_those_before() -> None:
    assert Role.ADMIN.includes(Role.VIEWER)
    assert Role.OPERATOR.includes(Role.OPERATOR)
    assert not Role.VIEWER.includes(Role.OPERATOR)


def fill(connection: Connection) -> None:
    for number in range(5):
        audit.append(
            connection, time_ns=number, who="duty", action="acked", target=str(number), detail={}
        )


def test_an_untouched_chain_holds(connection: Connection) -> None:
    fill(connection)

    verdict = audit.verify(connection)

    assert (verdict.rows, verdict.broken_at) == (5, None)


def test_an_empty_chain_holds(connection: Connection) -> None:
    assert audit.verify(connection) == audit.Verdict(0, audit.START, None)


def test_edits_removals_and_swaps_show(connection: Connection) -> None:
    fill(connection)
    savepoint = connection.begin_nested()
    third = audit_table.c.id == 3
    connection.execute(update(audit_table).where(third).values(who="nobody"))
    assert audit.verify(connection).broken_at == 3
    savepoint.rollback()

    savepoint = connection.begin_nested()
    connection.execute(delete(audit_table).where(third))
    assert audit.verify(connection).broken_at == 4
    savepoint.rollback()

    connection.execute(text("UPDATE audit SET id = 99 WHERE id = 2"))
    connection.execute(text("UPDATE audit SET id = 2 WHERE id = 3"))
    connection.execute(text("UPDATE audit SET id = 3 WHERE id = 99"))
    assert audit.verify(connection).broken_at == 2


def test_a_cut_end_shows_against_a_noted_head(connection: Connection) -> None:
    fill(connection)
    head = audit.verify(connection).head
    connection.execute(delete(audit_table).where(audit_table.c.id == 5))

    verdict = audit.verify(connection)

    assert verdict.broken_at is None
    assert verdict.head != head


def test_the_secret_is_made_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "district.key"

    secret = load_or_create_secret(path)

    assert len(secret) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_secret(path) == secret


@pytest.mark.parametrize("text", ["", "short", "zz" * 32, "00" * 31])
def test_a_file_that_holds_no_secret_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "district.key"
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(ConfigError):
        load_secret(path)


def test_a_secret_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "district.key"
    load_or_create_secret(path)
    path.chmod(0o644)

    with pytest.raises(ConfigError) as caught:
        load_secret(path)

    assert caught.value.reason == "secret_readable"
