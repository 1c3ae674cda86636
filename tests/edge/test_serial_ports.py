"""Serial ports by names that stay, and two names of one port."""

from pathlib import Path
from typing import Any

import pytest

from campus_wire.config_file import ConfigFileError
from edge_agent.config_check import find_mistakes, load_config
from edge_agent.serial_ports import port_warnings, same_ports
from tests.edge.fakes import LIBRARY, edge_config

MODBUS = {"transport": "rtu", "baud_rate": 9600}


def bus(bus_id: str, port: Path | str, **more: Any) -> dict[str, Any]:
    return {"id": bus_id, "modbus": {**MODBUS, "port": str(port), **more}, "devices": []}


def tcp(bus_id: str, host: str, transport: str = "tcp") -> dict[str, Any]:
    modbus = {"transport": transport, "host": host}
    return {"id": bus_id, "modbus": modbus, "devices": []}


@pytest.fixture
def ports(tmp_path: Path) -> Path:
    """A folder like /dev, with one adapter that has a stable name."""
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "ttyS0").touch()
    (tmp_path / "by-id").mkdir()
    (tmp_path / "by-id" / "usb-FTDI_A1-if00-port0").symlink_to("../ttyUSB0")
    return tmp_path


def test_a_number_is_warned_of_where_there_is_a_name_that_stays(ports: Path) -> None:
    by_id = ports / "by-id"
    config = edge_config(
        buses=[bus("line-1", ports / "ttyUSB0"), bus("line-2", ports / "ttyS0"), tcp("lab", "h")]
    )

    [warning] = port_warnings(config, folder=by_id)

    assert (warning.bus, warning.by_id) == ("line-1", str(by_id / "usb-FTDI_A1-if00-port0"))
    assert "reboot" in str(warning)
    stable = edge_config(buses=[bus("line-1", by_id / "usb-FTDI_A1-if00-port0")])
    assert port_warnings(stable, folder=by_id) == []
    assert port_warnings(config, folder=ports / "none") == []


def test_two_names_of_one_port_are_one_endpoint(ports: Path) -> None:
    config = edge_config(
        buses=[
            bus("line-1", ports / "ttyUSB0"),
            bus("line-2", ports / "by-id" / "usb-FTDI_A1-if00-port0"),
            bus("line-3", ports / "ttyS0"),
        ]
    )

    assert [(same.bus, same.first) for same in same_ports(config)] == [(1, 0)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (tcp("a", "Meter.example"), tcp("b", "meter.example.")),
        (tcp("a", "192.0.2.1"), tcp("b", "192.0.2.1", "rtu_over_tcp")),
        (tcp("a", "2001:db8::1"), tcp("b", "[2001:db8::1]")),
        (bus("a", "/dev/ttyS9"), bus("b", "/dev/ttyS9", transport="ascii")),
    ],
)
def test_an_endpoint_takes_one_connection(first: dict[str, Any], second: dict[str, Any]) -> None:
    [mistake] = find_mistakes(edge_config(buses=[first, second]), LIBRARY)

    assert mistake.key == ("buses", 1, "modbus")
    assert "bus a already" in mistake.message
    assert "under bus a" in mistake.remedy


def test_the_file_with_one_port_by_two_names_is_refused(ports: Path) -> None:
    config = edge_config(
        buses=[
            bus("line-1", ports / "ttyUSB0"),
            bus("line-2", ports / "by-id" / "usb-FTDI_A1-if00-port0"),
        ]
    )
    path = ports / "edge.yaml"
    path.write_text(config.model_dump_json(exclude_unset=True), encoding="utf-8")

    with pytest.raises(ConfigFileError, match="bus line-1 already"):
        load_config(path)


def test_ascii_has_the_settings_of_its_standard() -> None:
    config = edge_config(
        buses=[
            bus("a", "/dev/ttyS1", transport="ascii"),
            bus("b", "/dev/ttyS2", transport="ascii", parity="O"),
            bus("c", "/dev/ttyS3", transport="ascii", data_bits=8),
            bus("d", "/dev/ttyS4"),
        ]
    )

    links = [one.modbus for one in config.buses]
    assert [(link.data_bits, link.parity) for link in links] == [  # type: ignore[union-attr]
        *((7, "E"), (7, "O"), (8, "N"), (8, "N"))
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (bus("a", "/dev/ttyS1", data_bits=7), "8 bits"),
        (
            {**tcp("a", "h"), "modbus": {"transport": "tcp", "host": "h", "echo": True}},
            "converters",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        edge_config(buses=[wrong])
