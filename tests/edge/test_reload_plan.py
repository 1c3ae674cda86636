"""What a new configuration changes, and what stays the very same."""

import pickle
from typing import Any

import pytest

from device_profiles.library import Library
from edge_agent.config import EdgeConfig
from edge_agent.inventory import Inventory, build_inventory
from edge_agent.reload_plan import needs_restart, plan_reload, sharing
from tests.edge.fakes import edge_config, modbus_device, mqtt_device

TH = modbus_device("th", "xy-md02", unit=1)
GAS = modbus_device("gas", "elt-mb-350u-c", unit=2)
DOOR = mqtt_device("door", "z2m-door-contact", friendly_name="door")


def loaded(*devices: dict[str, Any], **more: Any) -> tuple[EdgeConfig, Inventory]:
    """As after a reload: nothing is shared with what ran before."""
    config = edge_config(*devices, **more)
    pair: tuple[EdgeConfig, Inventory] = pickle.loads(
        pickle.dumps((config, build_inventory(config, Library.builtin())))
    )
    return pair


def test_the_same_file_changes_nothing() -> None:
    plan = plan_reload(loaded(TH, GAS, mqtt=[DOOR]), loaded(TH, GAS, mqtt=[DOOR]))

    assert (plan.kept, plan.replanned, plan.ended, plan.begun) == (("bus", "broker"), (), (), ())
    assert set(plan.facts().values()) == {0}


@pytest.mark.parametrize(
    ("devices", "added", "changed", "removed"),
    [
        ([GAS], (), (), ("th",)),
        ([GAS, TH], (), (), ()),
        ([TH, GAS, modbus_device("new", "xy-md02", unit=3)], ("new",), (), ()),
        ([TH | {"interval_s": 5.0}, GAS], (), ("th",), ()),
        ([TH | {"name": {"zh": "新", "en": "new"}}, GAS], (), ("th",), ()),
        ([TH | {"id": "other"}, GAS], ("other",), (), ("th",)),
    ],
)
def test_other_devices_let_their_bus_plan_anew(
    devices: list[dict[str, Any]],
    added: tuple[str, ...],
    changed: tuple[str, ...],
    removed: tuple[str, ...],
) -> None:
    plan = plan_reload(loaded(TH, GAS, mqtt=[DOOR]), loaded(*devices, mqtt=[DOOR]))

    assert (plan.replanned, plan.kept, plan.ended) == (("bus",), ("broker",), ())
    assert (plan.added, plan.changed, plan.removed) == (added, changed, removed)


def test_another_connection_begins_anew() -> None:
    plan = plan_reload(loaded(TH, mqtt=[DOOR]), loaded(TH, port=503, mqtt=[DOOR], mqtt_port=1884))

    assert (plan.ended, plan.begun) == (("bus", "broker"), ("bus", "broker"))
    assert (plan.added, plan.changed, plan.removed) == ((), (), ())


def test_a_bus_that_becomes_a_broker_begins_anew() -> None:
    before, after = loaded(TH), loaded(mqtt=[DOOR])
    local = after[0].mqtt_sources[0].model_copy(update={"id": "bus"})
    config = after[0].model_copy(update={"mqtt_sources": (local,)})

    plan = plan_reload(before, (config, build_inventory(config, Library.builtin())))

    assert (plan.ended, plan.begun) == (("bus",), ("bus",))


def test_what_needs_a_restart_is_named_by_its_keys() -> None:
    before = edge_config(TH)
    after = edge_config(
        TH,
        gateway="gw-other",
        spool={"path": "spool.db", "max_mb": 5},
        clock={"source": "system"},
        uplink={"broker": {"host": "127.0.0.1"}, "ack_timeout_s": 5},
    )

    assert needs_restart(before, before) == ()
    assert needs_restart(before, after) == (
        *("gateway", "spool.max_mb", "clock.source", "uplink.ack_timeout_s"),
    )
    key = edge_config(TH, uplink={"broker": {"host": "127.0.0.1"}, "command_key_file": "k"})
    assert needs_restart(before, key) == ()


def test_profiles_that_stay_are_kept_once_in_memory() -> None:
    (_, before), (_, after) = (
        loaded(TH, GAS),
        loaded(GAS, TH, modbus_device("b", "xy-md02", unit=9)),
    )

    shared = sharing(after, before)

    assert shared.devices == after.devices
    assert shared.catalog is after.catalog
    profiles = {device.id: device.profile for device in before.devices}
    assert [device.profile for device in shared.modbus] == [
        profiles["gas"],
        profiles["th"],
        profiles["th"],
    ]
    assert all(device.profile is profiles[device.id] for device in shared.modbus[:2])
    assert shared.modbus[1].points is shared.modbus[2].points
    assert all(point in shared.modbus[1].profile.points for point in shared.modbus[1].points)
    assert shared.modbus[1].points[0] is profiles["th"].points[0]


def test_a_profile_that_has_changed_is_not_kept() -> None:
    (_, before), (_, after) = loaded(TH), loaded(TH)
    [device] = after.modbus
    object.__setattr__(device, "profile", device.profile.model_copy(update={"vendor": "other"}))

    [shared] = sharing(after, before).modbus

    assert shared.profile.vendor == "other"
