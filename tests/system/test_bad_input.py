"""Every kind of bad input is refused with a typed reason, and what comes next is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from campus_wire.errors import CampusError, PermanentError
from tests.system.bad_input.config_cases import CONFIG_CASES, GOOD, LOADERS, ConfigCase
from tests.system.bad_input.tally import tried


@pytest.mark.parametrize("case", CONFIG_CASES, ids=lambda case: case.id)
def test_bad_configuration_is_refused(case: ConfigCase, tmp_path: Path) -> None:
    path = tmp_path / GOOD[case.kind].name
    path.write_bytes(case.text)

    with pytest.raises(CampusError) as caught:
        LOADERS[case.kind](path)

    assert isinstance(caught.value, PermanentError)
    assert caught.value.reason
    assert path.name in str(caught.value) or case.kind == "school"
    assert len(str(caught.value)) < 20_000
    tried("configuration", 1)


@pytest.mark.parametrize("kind", GOOD)
def test_the_files_they_are_made_from_are_taken(kind: str) -> None:
    LOADERS[kind](GOOD[kind])
