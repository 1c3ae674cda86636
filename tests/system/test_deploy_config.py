"""The product reads the configuration that docs/deploy.md shows."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from campus_wire.settings import MqttSettings
from controller.config import StoreSettings, load_config
from tests.system import deploy_page


def parsed(name: str) -> Any:
    """A YAML block of the page."""
    return YAML(typ="safe", pure=True).load(deploy_page.block(name))


def test_controller_yaml_is_read(tmp_path: Path) -> None:
    file = tmp_path / "controller.yaml"
    file.write_text(deploy_page.block("controller.yaml"), encoding="utf-8")

    config = load_config(file)

    assert config.broker.address == "mqtts://mqtt.example:8883"
    assert config.broker.password_file == tmp_path / "mqtt.password"
    assert config.command_key_file == tmp_path / "district.key"


def test_uplink_of_a_gateway_is_read() -> None:
    uplink = parsed("uplink")["uplink"]

    settings = MqttSettings.model_validate(uplink["broker"])

    assert settings.address == "mqtts://mqtt.example:8883"
    assert settings.username == "school-17"


@pytest.mark.parametrize("store", parsed("stores"), ids=lambda store: store["url"])
def test_stores_are_read(store: dict[str, str]) -> None:
    settings = StoreSettings.model_validate_json(json.dumps(store))

    assert settings.secret_file is not None
