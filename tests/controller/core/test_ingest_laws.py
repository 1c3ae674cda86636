"""Whatever the order, the repeats, the outages and the crashes: the same store, the same ranges."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from controller.state.schema import rule_states
from tests.controller.core.parts import MemoryStore, running
from tests.controller.core.samples import EPOCH, catalog, payload

SAMPLES = 24
GATEWAYS = ("gw-1", "gw-2")
CATALOGS = {name: catalog(name) for name in GATEWAYS}

# Batches cut anywhere, overlapping too, delivered in any order and any number of times.
CUTS = st.tuples(st.sampled_from(GATEWAYS), st.integers(1, SAMPLES), st.integers(1, 8)).map(
    lambda cut: (cut[0], cut[1], min(cut[2], SAMPLES + 1 - cut[1]))
)
STEPS = st.lists(
    st.one_of(CUTS, st.sampled_from(["settle", "store down", "store up"])), max_size=12
)
LIVES = st.lists(STEPS, min_size=1, max_size=4)
"""Each life of the process ends on the spot, as a crash would end it."""


@given(LIVES)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_store_and_ranges_depend_on_nothing_but_what_was_sent(
    lives: list[list[tuple[str, int, int] | str]],
) -> None:
    store = MemoryStore()
    with tempfile.TemporaryDirectory() as directory:
        for number, steps in enumerate(lives):
            await live(Path(directory), store, steps, name=f"life-{number}")
        store.is_down = False
        acked, evaluated = await finish(Path(directory), store)

    expected = {(name, number) for name in GATEWAYS for number in range(1, SAMPLES + 1)}
    assert {(name, int(values[1])) for (name, _, _), values in store.rows.items()} == expected
    assert len(store.rows) == len(expected)
    assert acked == expected
    assert Counter(evaluated) == Counter(expected)


async def live(
    directory: Path,
    store: MemoryStore,
    steps: Sequence[tuple[str, int, int] | str],
    *,
    name: str,
) -> None:
    async with running(directory, store=store) as parts:
        parts.rules.marks = name
        for one in CATALOGS.values():
            await parts.send_catalog(one)
        for step in steps:
            if step == "settle":
                await parts.settle(store=not store.is_down)
            elif step == "store down":
                store.is_down = True
            elif step == "store up":
                store.is_down = False
            elif isinstance(step, tuple):
                gateway, first, count = step
                await parts.send(gateway, "batch", payload(CATALOGS[gateway], first, count=count))


async def finish(
    directory: Path, store: MemoryStore
) -> tuple[set[tuple[str, int]], list[tuple[str, int]]]:
    """Deliver everything once more, as gateways do with what is not acked."""
    async with running(directory, store=store) as parts:
        parts.rules.marks = "last"
        for name, one in CATALOGS.items():
            await parts.send_catalog(one)
            await parts.send(name, "batch", payload(one, 1, count=SAMPLES))
        await parts.settle()
        acked = {(name, number) for name in GATEWAYS for number in parts.sent.stored(name)}
        for name in GATEWAYS:
            ledger = parts.ledgers.of(name, EPOCH)
            assert list(ledger.processed) == list(ledger.stored) == [(1, SAMPLES)]
            assert list(ledger.pending) == []
        return acked, await parts.database.read(evaluated_samples)


def evaluated_samples(connection: Connection) -> list[tuple[str, int]]:
    """Return a pair for each time a sample was part of a committed evaluation."""
    names = connection.execute(select(rule_states.c.instance)).scalars()
    return [(name.split("/")[0], int(name.split("/")[1])) for name in names]
