"""What `edge.yaml` has to say of devices on a local broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_profiles.library import Library
from edge_agent.config_check import find_mistakes
from tests.edge.fakes import edge_config, mqtt_device

SENSOR = """
id: sensor
vendor: test
model: made up
category: other
labels: {zh: 测试, en: test}
evidence: bench
sources: [{ref: made up, kind: test}]
protocol: mqtt
mqtt: {envelope: lorawan, codec: {cayenne_lpp: true}}
points:
  - {name: temperature, unit: °C, labels: {zh: 温度, en: temperature}, read: {path: temperature_1}}
"""


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ({"application": "a", "dev_eui": "01"}, []),
        ({"application": "a@t", "device_id": "dev1"}, []),
        ({"application": "a"}, ["dev_eui is missing, which profile sensor asks for"]),
        ({"device_id": "dev1"}, ["application is missing, which profile sensor asks for"]),
        (
            {"application": "a", "dev_eui": "01", "x": "y"},
            ["there is no topic parameter of sensor x"],
        ),
    ],
)
def test_the_captures_of_one_of_the_topics_are_needed(
    tmp_path: Path, topic: dict[str, str], said: list[str]
) -> None:
    (tmp_path / "sensor.yaml").write_text(SENSOR, encoding="utf-8")
    config = edge_config(mqtt=[mqtt_device("s-1", "sensor") | {"topic": topic}])

    found = find_mistakes(config, Library([tmp_path / "sensor.yaml"]))

    assert [one.message for one in found] == said
