"""What Home Assistant can command: discovery of climate, light, cover, lock and the like."""

from __future__ import annotations

from tests.profiles.dialects.heard import one_entity, only


def test_climate_has_modes_with_the_house_numbers() -> None:
    device = one_entity(
        "climate",
        {
            "mode_cmd_t": "ac/mode/set",
            "mode_stat_t": "ac/state",
            "mode_stat_tpl": "{{ value_json.mode }}",
            "modes": ["off", "heat", "cool"],
            "temp_cmd_t": "ac/temp/set",
            "temp_cmd_tpl": '{"target": {{ value }} }',
            "temp_stat_t": "ac/state",
            "temp_stat_tpl": "{{ value_json.target }}",
            "curr_temp_t": "ac/state",
            "curr_temp_tpl": "{{ value_json.now }}",
            "min_temp": 16,
            "max_temp": 30,
            "temp_step": 0.5,
            "act_t": "ac/state",
            "act_tpl": "{{ value_json.action }}",
        },
    )

    told = device.values("ac/state", {"mode": "cool", "target": 24, "now": 27.5, "action": "idle"})
    assert told == {
        "mode": 3,
        "temperature_setpoint": 24,
        "temperature": 27.5,
        "activity": 0,
    }
    assert device.command("mode", 2) == ("ac/mode/set", "heat")
    assert device.command("temperature_setpoint", 22.5) == ("ac/temp/set", {"target": 22.5})
    assert device.profile.category == "air_conditioner"


def test_light_brightness_is_a_percentage() -> None:
    device = one_entity(
        "light",
        {
            "state_topic": "office/rgb1/light/status",
            "command_topic": "office/rgb1/light/switch",
            "brightness_state_topic": "office/rgb1/brightness/status",
            "brightness_command_topic": "office/rgb1/brightness/set",
        },
    )

    assert device.values("office/rgb1/brightness/status", "255") == {"brightness": 100}
    assert device.command("brightness", 20) == ("office/rgb1/brightness/set", 51)
    assert device.command("light", 1) == ("office/rgb1/light/switch", "ON")


def test_cover_says_where_it_is_and_is_told_where_to_go() -> None:
    device = one_entity(
        "cover",
        {
            "command_topic": "cover/set",
            "state_topic": "cover/state",
            "position_topic": "cover/position",
            "set_position_topic": "cover/set_position",
            "position_open": 0,
            "position_closed": 100,
        },
    )

    assert device.values("cover/position", "100") == {"position": 0}
    assert device.command("position", 25) == ("cover/set_position", 75)
    assert device.command("cover_command", 2) == ("cover/set", "STOP")
    assert device.values("cover/state", "opening") == {"cover_state": 2}


def test_lock_number_select_button_event_and_fan() -> None:
    shared = {"device": {"identifiers": ["d"]}}
    heard = {
        "homeassistant/lock/d/front/config": shared
        | {"state_topic": "d/lock", "command_topic": "d/lock/set"},
        "homeassistant/number/d/delay/config": shared
        | {"command_topic": "d/delay/set", "min": 5, "max": 60, "state_topic": "d/delay"},
        "homeassistant/select/d/scene/config": shared
        | {"command_topic": "d/scene/set", "options": ["day", "night"], "state_topic": "d/scene"},
        "homeassistant/button/d/reset/config": shared
        | {"command_topic": "d/reset", "payload_press": "go"},
        "homeassistant/event/d/bell/config": shared
        | {"state_topic": "d/bell", "event_types": ["press", "hold"]},
        "homeassistant/fan/d/extract/config": shared
        | {"command_topic": "d/fan/set", "percentage_command_topic": "d/fan/percent"}
        | {"speed_range_max": 10},
    }

    device = only("homeassistant", heard)

    assert device.values("d/lock", "LOCKED") == {"lock": 1}
    assert device.command("lock", 0) == ("d/lock/set", "UNLOCK")
    assert device.command("delay", 30) == ("d/delay/set", 30)
    assert device.command("scene", 1) == ("d/scene/set", "night")
    assert device.command("reset", 0) == ("d/reset", "go")
    assert device.values("d/bell", {"event_type": "hold"}) == {"bell": 1}
    assert device.command("fan_percent", 50) == ("d/fan/percent", 5)
    assert device.found.notes == ()
