"""Acknowledging, commanding, and requests that go too far."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from campus_wire import signing
from campus_wire.messages import Command
from controller import command_rows
from controller.api.limits import BODY_BYTES_MAX
from tests.controller.api.conftest import GATEWAY, Api

COMMAND = {"gateway": GATEWAY, "device": "th-0", "point": "set_temperature", "value": 22}


async def test_acknowledging_says_who_and_tells_everybody(api: Api) -> None:
    alarm_id = await api.raise_alarm()
    path = f"/api/v1/alarms/{alarm_id}/acknowledge"
    alarm = (await api.operator.post(path, json={"note": "on my way"})).json()
    assert (alarm["state"], alarm["acked_by"]) == ("active_acknowledged", "operator of the tests")
    assert api.woken == 1
    life = (await api.viewer.get(f"/api/v1/alarms/{alarm_id}")).json()["transitions"]
    assert [(step["kind"], step["note"]) for step in life] == [
        ("raised", None),
        ("acknowledged", "on my way"),
    ]
    kinds = [notice["kind"] for notice in (await api.viewer.get("/api/v1/notices")).json()]
    assert kinds == ["acknowledged", "raised"]


async def test_a_second_acknowledgement_is_refused_and_names_the_first(api: Api) -> None:
    path = f"/api/v1/alarms/{await api.raise_alarm()}/acknowledge"
    await api.operator.post(path, json={})
    answer = await api.admin.post(path, json={})
    assert answer.json()["reason"] == "already_acknowledged"
    assert "operator of the tests" in answer.json()["detail"]


async def test_an_alarm_tells_what_where_how_bad_since_when_and_what_to_do(api: Api) -> None:
    await api.raise_alarm()
    [alarm] = (await api.viewer.get("/api/v1/alarms")).json()["alarms"]
    assert alarm["place"] == {
        "zh": "Sunrise Building 1 Room 101",
        "en": "Sunrise, Building 1, Room 101",
    }
    assert (alarm["value"], alarm["limit"], alarm["unit"]) == (31.5, 30.0, "°C")
    assert alarm["action"]["en"] == "cool"
    assert alarm["raised_ns"] > 0


async def test_alarms_come_in_pages_that_together_hold_each_once(api: Api) -> None:
    for number in range(5):
        await api.raise_alarm(f"{GATEWAY}/th-0/point{number}")
    seen, after = set(), ""
    for _ in range(3):
        page = (await api.viewer.get("/api/v1/alarms", params={"limit": 2, "after": after})).json()
        seen |= {alarm["id"] for alarm in page["alarms"]}
        after = page["next"] or ""
    assert (len(seen), after) == (5, "")


async def test_a_command_is_signed_written_down_and_can_be_followed(api: Api) -> None:
    answer = await api.operator.post("/api/v1/commands", json=COMMAND)
    assert answer.status_code == 202
    command = answer.json()
    assert (command["by"], command["outcome"]) == ("operator of the tests", None)
    followed = await api.viewer.get(f"/api/v1/commands/{command['id']}")
    assert followed.json() == command
    [(kept, published)] = await api.services.database.read(command_rows.open_commands)
    assert isinstance(kept, Command)
    assert signing.is_signed(kept, signing.gateway_key(b"s" * 32, GATEWAY))
    assert not published


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"device": "th-9"}, 404, "device_unknown"),
        ({"point": "nonsense"}, 404, "point_unknown"),
        ({"point": "temperature"}, 409, "read_only"),
        ({"value": 99}, 400, "value_range"),
        ({"value": "warm"}, 422, "validation"),
        ({"value": "22"}, 422, "validation"),
        ({"value": True}, 422, "validation"),
        ({"value": None}, 422, "validation"),
        ({"life_s": 301}, 422, "validation"),
        ({"life_s": 0}, 422, "validation"),
        ({"shout": True}, 422, "validation"),
        ({"device": "x" * 65}, 422, "validation"),
    ],
)
async def test_a_command_that_cannot_be_is_refused(
    api: Api, change: dict[str, object], status: int, reason: str
) -> None:
    answer = await api.operator.post("/api/v1/commands", json=COMMAND | change)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert (await api.viewer.get("/api/v1/commands")).json() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[" * 10_000, 400),
        (b"\xff\xfe", 422),
        ("{'姓名': '张'}".encode("gbk"), 400),
        (b'{"value": NaN}', 422),
        (b'{"value": 1e400}', 422),
        (b" " * (BODY_BYTES_MAX + 1), 413),
    ],
)
async def test_a_body_that_is_none_is_refused_in_order(api: Api, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await api.operator.post("/api/v1/commands", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await api.operator.post("/api/v1/commands", json=COMMAND)).status_code == 202


async def test_a_body_without_length_is_cut_off(api: Api) -> None:
    async def drip() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    answer = await api.operator.post("/api/v1/commands", content=drip(), headers=headers)
    assert answer.status_code >= 400


@pytest.mark.parametrize(
    "path",
    [
        "alarms?after=9999999999999999999-x",
        "alarms?after=²-x",
        "alarms?after=1",
        "audit?after=9223372036854775808",
        f"gateways/{GATEWAY}/devices/th-0/history?from_ns=9223372036854775808",
        f"gateways/{GATEWAY}/devices/th-0/history?to_ns=99999999999999999999999999",
    ],
)
async def test_a_number_no_time_or_row_can_have_is_refused(api: Api, path: str) -> None:
    answer = await api.admin.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json()["reason"]) == (422, "validation")


async def test_an_acknowledgement_is_in_the_audit_trail(api: Api) -> None:
    alarm_id = await api.raise_alarm()
    await api.operator.post(f"/api/v1/alarms/{alarm_id}/acknowledge", json={"note": "seen"})
    last = (await api.admin.get("/api/v1/audit")).json()[-1]
    assert (last["who"], last["action"]) == ("operator of the tests", "alarm_acknowledged")
    assert (last["target"], last["detail"]) == (alarm_id, {"note": "seen"})


async def test_a_query_too_long_is_refused(api: Api) -> None:
    answer = await api.viewer.get("/api/v1/devices?after=" + "x" * 9000)
    assert (answer.status_code, answer.json()["reason"]) == (414, "query_too_long")


async def test_what_is_not_there_is_a_problem_document_too(api: Api) -> None:
    for path in ("/api/v1/nothing", "/docs", "/openapi.json", "/api/v1/alarms/none"):
        answer = await api.viewer.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
