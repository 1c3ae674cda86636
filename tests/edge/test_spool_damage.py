"""Damaged files, lost disks and power cuts."""

import random
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import apsw
import pytest

from campus_wire.catalog import encode_catalog
from campus_wire.errors import PermanentError, TransientError
from campus_wire.messages import Event
from edge_agent.errors import SpoolError, SpoolLockedError
from edge_agent.spool.file import translated
from edge_agent.spool.records import Rank
from tests.edge.kit import (
    T0_NS,
    Clocks,
    S,
    catalog_of,
    draft,
    events,
    fat_draft,
    gaps,
    open_store,
    waiting,
)

# --- damage ------------------------------------------------------------------------------------


def damaged_files(folder: Path) -> list[Path]:
    return [one for one in folder.glob("spool.db.damaged-*") if not one.name.endswith("-wal")]


def test_a_damaged_file_is_set_aside_and_a_new_epoch_begins(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "spool.db"
    store = open_store(path)
    for number in range(50):
        store.commit([fat_draft(number)])
    epoch = store.epoch
    store.close()
    content = bytearray(path.read_bytes())
    for at in range(3 * 4096, len(content), 4096):
        content[at : at + 64] = b"\xff" * 64
    path.write_bytes(content)

    store = open_store(path)

    assert store.epoch != epoch
    assert store.commit([draft(1)])[0].first == 1
    assert gaps(store) == [(None, None, "spool_damaged")]
    assert events(store)[0].attributes["epoch"] == epoch
    assert len(damaged_files(tmp_path)) == 1
    assert "set aside" in caplog.text
    store.close()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 500, b"SQLite format 3\0" + b"x"])
def test_whatever_stands_in_the_spools_place_the_agent_starts(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(content)

    store = open_store(path)

    assert store.commit([draft(2)])
    assert not store.in_memory
    store.close()


def test_only_the_last_damaged_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    for number in range(4):
        path.write_bytes(b"rubbish" * 1000)
        store = open_store(path, clocks=Clocks(wall_ns=T0_NS + number * S))
        store.close()

    assert len(damaged_files(tmp_path)) == 2


def test_a_flipped_bit_in_a_payload_makes_a_gap_and_no_wrong_value(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    store = open_store(path)
    store.commit([draft(3), draft(3)])
    store.close()
    raw = apsw.Connection(str(path))
    raw.execute("UPDATE batches SET payload = zeroblob(length(payload)) WHERE first = 1")
    raw.close()

    store = open_store(path)

    assert waiting(store) == [4]
    assert gaps(store) == [(1, 3, "spool_damaged")]
    store.close()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("UPDATE batches SET payload = ? WHERE first = 1", "undecodable"),
        ("UPDATE catalogs SET payload = ?", "catalog_lost"),
    ],
)
def test_an_ignored_batch_that_nobody_can_read_becomes_a_gap(
    tmp_path: Path, spoil: str, reason: str
) -> None:
    path = tmp_path / "spool.db"
    catalog = catalog_of("gw-1")
    store = open_store(path)
    store.put_catalog(catalog.revision, encode_catalog(catalog))
    store.commit([draft(3, catalog=catalog.revision)])
    assert store.examine(1)
    store.close()
    raw = apsw.Connection(str(path))
    raw.execute(spoil, (b"{broken",))
    # As if it had been broken before it was written.
    crc = zlib.crc32(raw.execute("SELECT payload FROM batches").get, zlib.crc32(b"1-3"))
    raw.execute("UPDATE batches SET crc = ?", (crc,))
    raw.close()

    store = open_store(path)

    assert waiting(store) == [1]
    assert not store.examine(1)
    assert not store.examine(1)
    assert waiting(store) == []
    assert gaps(store) == [(1, 3, reason)]
    store.close()


def test_a_damaged_event_is_dropped_and_its_neighbours_travel(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    store = open_store(path)
    kept = [
        Event(id=f"00000000-0000-4000-8000-{number:012d}", time_ns=T0_NS, kind="trip")
        for number in range(3)
    ]
    store.post(kept)
    store.close()
    raw = apsw.Connection(str(path))
    raw.execute("UPDATE messages SET payload = zeroblob(20) WHERE id LIKE '%001'")
    raw.close()

    store = open_store(path)

    assert events(store) == [kept[0], kept[2]]
    assert store.counts().messages == 2
    store.close()


def test_without_a_usable_disk_samples_are_kept_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("not a folder")

    store = open_store(tmp_path / "file" / "spool.db")

    assert store.in_memory
    assert store.commit([draft(2)])
    assert "in memory only" in caplog.text
    store.close()


def test_a_second_agent_cannot_open_the_same_spool(tmp_path: Path) -> None:
    store = open_store(tmp_path / "spool.db")
    store.commit([draft(1)])

    with pytest.raises(SpoolLockedError) as caught:
        open_store(tmp_path / "spool.db")

    assert caught.value.reason == "locked"
    store.close()


def test_every_error_of_the_database_becomes_one_of_the_spools() -> None:
    kinds = [
        kind
        for kind in vars(apsw).values()
        if isinstance(kind, type) and issubclass(kind, apsw.Error)
    ]
    assert len(kinds) > 20
    for kind in kinds:
        with pytest.raises(SpoolError) as caught, translated():
            raise kind("said by the database")
        assert isinstance(caught.value, TransientError | PermanentError)
        assert caught.value.reason


# --- power cuts --------------------------------------------------------------------------------

_WRITER = """
import sys
from pathlib import Path
from tests.edge.kit import draft, open_store
store = open_store(Path(sys.argv[1]))
while True:
    for batch in store.commit([draft(3), draft(2)]):
        print(batch.first, batch.last, flush=True)
"""


@pytest.mark.integration
def test_nothing_that_was_committed_is_missing_after_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    print(f"seed {seed}")  # noqa: T201
    committed: dict[int, int] = {}
    for _ in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        lines = [child.stdout.readline()]
        time.sleep(chance.uniform(0.0, 0.2))
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.read().splitlines()
        child.wait(10)
        child.stdout.close()
        for line in lines:
            words = line.split()
            if len(words) == 2:
                committed[int(words[0])] = int(words[1])

    store = open_store(path)
    found = {batch.first: batch.last for batch in store.backlog(Rank.NORMAL, after=0, limit=10**6)}
    store.close()
    assert committed.items() <= found.items()
    numbers = [n for first, last in sorted(found.items()) for n in range(first, last + 1)]
    assert numbers == list(range(1, len(numbers) + 1))
