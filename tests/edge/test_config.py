"""`edge.yaml`: what is taken, and what is said about each mistake."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from campus_wire.catalog import SampleClass
from campus_wire.config_file import ConfigFileError, Mistake
from campus_wire.quality import Quality
from device_profiles.decoding import Reading
from edge_agent.cli import EXIT_MISTAKES, app
from edge_agent.config_check import load_config
from edge_agent.inventory import Inventory, build_inventory
from edge_agent.keys import KeyFileError, read_command_key

EXAMPLE = Path(__file__).parents[2] / "examples" / "edge.yaml"

# Text of the example, what to put there, the key that is wrong then, and part of what is said.
MISTAKES = [
    ("profile: xy-md02", "profile: xy-md2", "buses.0.devices.0.profile", "xy-md02"),
    ("profile: xy-md02", "profile: z2m-door-contact", "buses.0.devices.0.profile", "for mqtt"),
    ("baud_rate: 9600", "baud_rte: 9600", "buses.0.modbus.baud_rte", "baud_rate"),
    ("unit_id: 2, area: r101", "unit_id: 1, area: r101", "buses.0.devices.1.unit_id", "th-101"),
    (
        "unit_id: 1, area: r101",
        "unit_id: 1, address_offset: 65535, area: r101",
        "buses.0.devices.0.address_offset",
        "lies outside the addresses 0 to 65535",
    ),
    (
        "unit_id: 1, area: r101",
        "unit_id: 1, address_offset: {holdings: 5}, area: r101",
        "buses.0.devices.0.address_offset.holdings",
        "holding",
    ),
    ("unit_id: 1, area: r101", "unit_id: 0, area: r101", "buses.0.devices.0.unit_id", "1 to 247"),
    ("unit_id: 1, area: r101", "unit_id: 300, area: r101", "buses.0.devices.0.unit_id", "255"),
    ("id: ac-101", "id: th-101", "buses.0.devices.1.id", "given twice"),
    (
        "area: store-1, name: {zh: 氨气",
        "area: stor-1, name: {zh: 氨气",
        "buses.1.devices.0.area",
        "store-1",
    ),
    ("parent: b1, kind: classroom", "parent: b2, kind: classroom", "areas.1.parent", "b1"),
    ("{id: b1, kind", "{id: b1, parent: r101, kind", "areas.0.parent", "lies in itself"),
    ("id: store-line", "id: line-1", "buses.1.id", "given twice"),
    ("device: gas-1", "device: gas-2", "interlocks.0.when.device", "gas-1"),
    ("point: concentration", "point: concentratin", "interlocks.0.when.point", "concentration"),
    (
        "point: relay_1, value: 1",
        "point: relay_1, value: 7",
        "interlocks.0.then.value",
        "takes 0, 1",
    ),
    (
        "device: relay-1, point: relay_1",
        "device: gas-1, point: concentration",
        "interlocks.0.then.point",
        "cannot be written",
    ),
    ("at_or_above: 25, ", "", "interlocks.0.when", "exactly one"),
    ("release_below: 20", "release_below: 30", "interlocks.0.when.release_below", "above"),
    ("release_below: 20", "release_above: 30", "interlocks.0.when.release_above", "release_below"),
    ("on_sensor_lost: act", "on_sensor_lost: panic", "interlocks.0.on_sensor_lost", "hold"),
    ("    on_sensor_lost: act\n", "", "interlocks.0.on_sensor_lost", "missing"),
    ("interval_s: 10}", "interval_s: 0.01}", "buses.0.devices.0.interval_s", "0.1"),
    ("interval_s: 10}", "interval_s: ten}", "buses.0.devices.0.interval_s", "number"),
    (
        "interval_s: 10}",
        "interval_s: 10, points: [temperatur]}",
        "buses.0.devices.0.points.0",
        "temperature",
    ),
    (
        "topic: {friendly_name: door-101}",
        "topic: {}",
        "mqtt_sources.0.devices.0.topic",
        "friendly_name",
    ),
    (
        "friendly_name: door-101",
        "friendly_name: door/#",
        "mqtt_sources.0.devices.0.topic.friendly_name",
        "wildcard",
    ),
    ("gateway: sunrise-1", "gateway: Sunrise_1", "gateway", "look like"),
    ("max_mb: 512", "max_mb: 0", "spool.max_mb", "1"),
    ("tls: {ca_file: /etc/campus/ca.pem}", "keepalive_s: 20", "uplink.broker", "unencrypted"),
    ("transport: tcp", "transport: udp", "buses.1.modbus.transport", "tcp"),
    ("clock: {source: ntp}", "clock: {source: gps}", "clock.source", "ntp"),
]


def mistakes_in(path: Path) -> list[Mistake]:
    with pytest.raises(ConfigFileError) as caught:
        load_config(path)
    return list(caught.value.mistakes)


def changed(tmp_path: Path, old: str, new: str) -> Path:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "edge.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize(("old", "new", "key", "said"), MISTAKES)
def test_each_mistake_is_said_at_its_line(
    tmp_path: Path, old: str, new: str, key: str, said: str
) -> None:
    path = changed(tmp_path, old, new)

    found = {mistake.key: mistake for mistake in mistakes_in(path)}

    assert key in found
    assert said in str(found[key])
    written = EXAMPLE.read_text(encoding="utf-8").split(old, 1)[0].count("\n") + 1
    exact = bool(new) and key.rsplit(".", maxsplit=1)[-1] in new
    assert abs(found[key].line - written) <= (0 if exact else 6)


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    path = changed(tmp_path, "profile: xy-md02", "profile: nothing")
    text = path.read_text(encoding="utf-8").replace("device: gas-1", "device: nobody")
    path.write_text(text, encoding="utf-8")

    assert len(mistakes_in(path)) == 2


def test_two_devices_with_the_same_topics_are_a_mistake(tmp_path: Path) -> None:
    twin = (
        "      - {id: door-102, profile: z2m-door-contact, area: r101, name: {zh: 门, en: Door},"
        " topic: {friendly_name: door-101}, interval_s: 60}\n\ninterlocks:"
    )
    path = changed(tmp_path, "\ninterlocks:", twin)

    assert [one.key for one in mistakes_in(path)] == ["mqtt_sources.0.devices.1.topic"]


# --- the inventory -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    loaded = load_config(EXAMPLE)
    return build_inventory(loaded.config, loaded.library)


def test_positions_agree_with_the_catalog(inventory: Inventory) -> None:
    for position, device in enumerate(inventory.devices):
        entry = inventory.catalog.devices[position]
        assert (device.index, device.id, device.config.area) == (position, entry.id, entry.area)
        assert tuple(device.point_indices.values()) == entry.points
        for point in device.points:
            described = inventory.catalog.points[device.point_indices[point.name]]
            assert described.name == point.name
            assert described.writable == point.is_writable
            assert described.sample_class is point.point_class


def test_devices_of_one_profile_share_their_points(tmp_path: Path) -> None:
    twin = (
        "      - {id: th-102, profile: xy-md02, unit_id: 9, area: r101, name: {zh: 二, en: Two},"
        " interval_s: 10}\n  - id: store-line"
    )
    loaded = load_config(changed(tmp_path, "  - id: store-line", twin))
    inventory = build_inventory(loaded.config, loaded.library)

    one, two = inventory.device("th-101"), inventory.device("th-102")

    assert one is not None
    assert two is not None
    assert one.point_indices == two.point_indices


def test_the_same_configuration_has_the_same_revision(inventory: Inventory) -> None:
    loaded = load_config(EXAMPLE)

    assert build_inventory(loaded.config, loaded.library).catalog.revision == (
        inventory.catalog.revision
    )


def test_readings_become_one_sample_for_each_class(inventory: Inventory) -> None:
    device = inventory.device("gas-1")
    assert device is not None
    readings = [Reading(point.name, 1.0, Quality.GOOD) for point in device.readable]
    readings[0] = Reading(readings[0].point, None, Quality.NO_ANSWER)

    for _ in range(2):  # the second time from what the first has worked out
        found = dict(device.samples([*readings, Reading("unknown", 1.0, Quality.GOOD)], 5))

        taken = sum(len(sample.values) for sample in found.values())
        assert taken == len(readings)
        for kind, sample in found.items():
            for position, value, quality in zip(
                sample.points, sample.values, sample.qualities, strict=True
            ):
                point = inventory.catalog.points[position]
                assert point.sample_class is kind
                assert (value is None) == (point.name == readings[0].point)
                assert (quality == Quality.NO_ANSWER) == (value is None)
    assert SampleClass.SAFETY in found


# --- the command line --------------------------------------------------------------------------


def test_check_prints_figures_of_a_good_configuration() -> None:
    result = CliRunner().invoke(app, ["check", "--config", str(EXAMPLE)])

    assert result.exit_code == 0
    assert "5 devices" in result.output


def test_check_prints_json() -> None:
    result = CliRunner().invoke(app, ["check", "--config", str(EXAMPLE), "--json"])

    assert result.exit_code == 0
    assert '"gateway": "sunrise-1"' in result.output


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_check_fails_upon_mistakes(tmp_path: Path, options: list[str]) -> None:
    path = changed(tmp_path, "profile: xy-md02", "profile: xy-md2")

    result = CliRunner().invoke(app, ["check", "--config", str(path), *options])

    assert result.exit_code == EXIT_MISTAKES
    assert "xy-md02" in result.output


def test_run_with_mistakes_starts_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", "--config", str(tmp_path / "missing.yaml")])

    assert result.exit_code == EXIT_MISTAKES


# --- the command key ---------------------------------------------------------------------------


def test_a_key_file_holds_hexadecimal_digits(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("ab" * 32 + "\n")
    path.chmod(0o640)  # a group of its own may read it

    assert read_command_key(path) == b"\xab" * 32
    assert read_command_key(None) is None


@pytest.mark.parametrize("content", [b"", b"short", b"zz" * 32, b"ab" * 31, b"a" * 65])
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(KeyFileError):
        read_command_key(path)
    with pytest.raises(KeyFileError):
        read_command_key(tmp_path / "missing")


def test_a_key_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("ab" * 32)
    path.chmod(0o644)

    with pytest.raises(KeyFileError, match="chmod 600") as caught:
        read_command_key(path)
    assert caught.value.reason == "command_key_readable"


def test_devices_behind_one_unit_are_told_apart_by_their_addresses(tmp_path: Path) -> None:
    two = changed(tmp_path, "unit_id: 2, area: r101", "unit_id: 1, address_offset: 500, area: r101")
    assert load_config(two).config.buses[0].devices[1].address_offset == 500

    shown = CliRunner().invoke(app, ["check", "--config", str(two)])

    assert shown.exit_code == 0
    assert "ac-101: unit 1, addresses +500" in shown.output
