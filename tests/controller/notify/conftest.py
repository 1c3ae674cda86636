"""A house for each test of the notifier."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.alarms import AlarmBook
from controller.state.database import Database
from tests.controller.notify.house import Clock, House, Route


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    database = Database(f"sqlite:///{tmp_path / 'state.db'}")
    await database.start()
    yield House(database, AlarmBook([Route("ops"), Route("duty")]), Clock())
    await database.close()
