"""The end-to-end garbage campaign, shortened; almost every kind of fault somewhere on the buses.

The whole one is `make garbage-test`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.garbage_agent import Campaign
from tests.campaigns.sabotage import GARBAGE_SABOTAGES

SEED = 7


@pytest.mark.integration
@pytest.mark.alone
@pytest.mark.timeout(120)
def test_no_wrong_value_is_stored_and_every_device_comes_back(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "run", SEED, length_s=12.0, trouble_s=1.2, calm_s=5.0)

    violations = campaign.run()

    summary = campaign.summary()
    assert violations == []
    assert summary["good_values"] > 5_000, summary
    assert summary["bad_values"] > 500, summary
    assert summary["bad_payloads"] > 60, summary
    assert len(summary["kinds"]) > 30, summary


@pytest.mark.campaign
@pytest.mark.integration
@pytest.mark.timeout(240)
@pytest.mark.parametrize("sabotage", GARBAGE_SABOTAGES)
def test_the_campaign_finds_a_product_broken_on_purpose(sabotage: str, tmp_path: Path) -> None:
    only = ("late",) if sabotage == "mixed-up" else ()
    campaign = Campaign(tmp_path / "run", SEED, length_s=40.0, sabotage=sabotage, only=only)

    assert campaign.run()
