"""Schools, devices, values, history, gaps: what central IT reads."""

from __future__ import annotations

import csv
import io

import pytest

from campus_wire.messages import LinkState, Status
from controller.state.schema import events, gaps
from tests.controller.api.conftest import GATEWAY, ROWS, Api
from tests.controller.core.samples import EPOCH, NOW_NS, SECOND

DEVICE = f"/api/v1/gateways/{GATEWAY}/devices/th-0"
HISTORY = f"{DEVICE}/history"
WHOLE: dict[str, str | int] = {"from_ns": NOW_NS, "to_ns": NOW_NS + ROWS * SECOND}


async def test_schools_and_areas_form_the_districts_tree(api: Api) -> None:
    [school] = (await api.viewer.get("/api/v1/schools")).json()
    assert (school["id"], school["devices"], school["areas"]) == ("sunrise", 3, 2)
    areas = (await api.viewer.get("/api/v1/schools/sunrise/areas")).json()
    assert [(area["id"], area["parent"]) for area in areas] == [("b1", None), ("r101", "b1")]
    nowhere = await api.viewer.get("/api/v1/schools/nowhere/areas")
    assert (nowhere.status_code, nowhere.json()["reason"]) == (404, "school_unknown")


async def test_gateways_show_how_they_do(api: Api) -> None:
    [gateway] = (await api.viewer.get("/api/v1/gateways")).json()
    assert (gateway["id"], gateway["devices"], gateway["school"]) == (GATEWAY, 3, "sunrise")
    assert gateway["overloaded"] == {}


async def test_a_gateway_says_which_bus_cannot_keep_up(api: Api) -> None:
    api.services.inventory.gateway(GATEWAY).status = Status(
        gateway=GATEWAY,
        state=LinkState.ONLINE,
        time_ns=NOW_NS,
        boot=EPOCH,
        overloaded={"line-1": 1.3},
    )
    [gateway] = (await api.viewer.get("/api/v1/gateways")).json()
    assert gateway["overloaded"] == {"line-1": 1.3}


async def test_devices_come_in_pages_that_together_hold_each_once(api: Api) -> None:
    seen, after = [], ""
    while True:
        page = (await api.viewer.get("/api/v1/devices", params={"limit": 2, "after": after})).json()
        seen += [device["id"] for device in page["devices"]]
        after = page["next"]
        if after is None:
            break
    assert seen == ["th-0", "th-1", "th-2"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"area": "b1"}, 3),
        ({"area": "r101"}, 3),
        ({"area": "r102"}, 0),
        ({"category": "climate", "gateway": GATEWAY}, 3),
        ({"school": "moonrise"}, 0),
    ],
)
async def test_device_filters_combine_and_areas_hold_what_lies_inside(
    api: Api, query: dict[str, str], count: int
) -> None:
    page = (await api.viewer.get("/api/v1/devices", params=query)).json()
    assert len(page["devices"]) == count


async def test_a_device_shows_its_points_last_values(api: Api) -> None:
    device = (await api.viewer.get(DEVICE)).json()
    by_name = {point["name"]: point for point in device["points"]}
    temperature = by_name["temperature"]
    assert (temperature["value"], temperature["quality"]) == (20.0 + ROWS - 1, 0)
    assert temperature["time_ns"] == NOW_NS + (ROWS - 1) * SECOND
    never = by_name["set_temperature"]
    assert (never["value"], never["quality_label"]["en"]) == (None, "never read")


async def test_history_is_every_sample_with_nothing_where_a_value_was_bad(api: Api) -> None:
    found = (await api.viewer.get(HISTORY, params=WHOLE)).json()
    assert found["times_ns"] == [NOW_NS + row * SECOND for row in range(ROWS)]
    assert found["values"]["temperature"] == [20.0 + row for row in range(ROWS)]
    assert found["values"]["humidity"] == [None if row == 5 else 50.0 for row in range(ROWS)]
    assert not found["truncated"]


@pytest.mark.parametrize(
    ("aggregate", "first", "count"),
    [
        ("mean", 24.5, 10),
        ("min", 20.0, 10),
        ("max", 29.0, 10),
        ("last", 29.0, 10),
        ("sum", 245, 10),
    ],
)
async def test_history_by_windows(api: Api, aggregate: str, first: float, count: int) -> None:
    query = WHOLE | {"window_s": 10, "aggregate": aggregate, "points": "temperature"}
    found = (await api.viewer.get(HISTORY, params=query)).json()
    assert found["values"]["temperature"][0] == pytest.approx(first)
    assert found["times_ns"][:2] == [NOW_NS, NOW_NS + count * SECOND]
    assert list(found["values"]) == ["temperature"]


async def test_counting_passes_over_bad_values(api: Api) -> None:
    query = WHOLE | {"window_s": 10, "aggregate": "count"}
    found = (await api.viewer.get(HISTORY, params=query)).json()
    assert found["values"]["temperature"][0] == 10
    assert found["values"]["humidity"][0] == 9


async def test_history_says_when_there_is_more(api: Api) -> None:
    found = (await api.viewer.get(HISTORY, params=WHOLE | {"limit": 7})).json()
    assert (len(found["times_ns"]), found["truncated"]) == (7, True)


async def test_history_as_csv_opens_in_a_spreadsheet(api: Api) -> None:
    answer = await api.viewer.get(HISTORY, params=WHOLE | {"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = [*csv.reader(io.StringIO(answer.text))]
    assert rows[0] == ["time", "time_ns", "temperature", "humidity", "set_temperature"]
    assert rows[6][2:] == ["25.0", "", ""]
    assert len(rows) == ROWS + 1


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ({"points": "nonsense"}, 404, "point_unknown"),
        ({"from_ns": 5, "to_ns": 4}, 400, "history_time"),
        ({"from_ns": -1}, 422, "validation"),
        ({"aggregate": "mean"}, 400, "history_window"),
        ({"window_s": 0.1}, 422, "validation"),
        ({"window_s": "nan"}, 422, "validation"),
        ({"window_s": 10, "aggregate": "median"}, 422, "validation"),
        ({"limit": 10**9}, 422, "validation"),
        ({"points": "x" * 5000}, 422, "validation"),
        ({"format": "xlsx"}, 422, "validation"),
    ],
)
async def test_history_refuses_what_makes_no_sense(
    api: Api, query: dict[str, str | int], status: int, reason: str
) -> None:
    answer = await api.viewer.get(HISTORY, params=WHOLE | query)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)


async def test_gaps_are_listed_with_their_cause(api: Api) -> None:
    row = {"gateway": GATEWAY, "epoch": EPOCH, "first": 3, "last": 9, "reason": "spool_full"}
    await api.services.database.write(lambda c: c.execute(gaps.insert().values(**row, time_ns=7)))
    [gap] = (await api.viewer.get("/api/v1/gaps")).json()
    assert gap == row | {"time_ns": 7}
    assert (await api.viewer.get("/api/v1/gaps", params={"gateway": "other"})).json() == []


async def test_events_are_listed_by_gateway_device_and_kind(api: Api) -> None:
    said = [
        ("1", None, "bus_overloaded", '{"bus":"line-1","load":1.3}'),
        ("2", "th-0", "text", '{"point":"serial_number","text":"A7"}'),
        ("3", None, "bus_keeps_up", '{"bus":"line-1","load":0.7}'),
    ]
    columns = ("id", "device", "kind", "body")
    rows: list[dict[str, object]] = [
        {
            **dict(zip(columns, one, strict=True)),
            "gateway": GATEWAY,
            "time_ns": at,
            "received_ns": 9,
        }
        for at, one in enumerate(said)
    ]
    write = events.insert().values(rows)
    await api.services.database.write(lambda c: c.execute(write))

    async def ids(**query: str | int) -> list[str]:
        answer = await api.viewer.get("/api/v1/events", params=query)
        return [event["id"] for event in answer.json()]

    assert await ids() == ["3", "2", "1"]
    assert await ids(limit=1) == ["3"]
    assert await ids(device="th-0") == ["2"]
    assert await ids(kind="bus_overloaded") == ["1"]
    assert await ids(gateway="other") == []
    [event] = (await api.viewer.get("/api/v1/events", params={"kind": "bus_overloaded"})).json()
    assert event["attributes"] == {"bus": "line-1", "load": 1.3}
    assert (await api.nobody.get("/api/v1/events")).status_code == 401
