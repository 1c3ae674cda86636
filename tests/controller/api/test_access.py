"""No endpoint is open but health, and every role stops where it should."""

from __future__ import annotations

import json

import pytest

from controller import auth
from tests.controller.api.conftest import Api

OPEN = {"/healthz", "/readyz"}
FOR_ADMINS = {
    ("get", "/api/v1/tokens"),
    ("post", "/api/v1/tokens"),
    ("delete", "/api/v1/tokens/{token}"),
    ("get", "/api/v1/audit"),
    ("get", "/api/v1/audit/verify"),
}
FOR_OPERATORS = {
    ("post", "/api/v1/commands"),
    ("post", "/api/v1/alarms/{alarm_id}/acknowledge"),
}


async def _operations(api: Api) -> list[tuple[str, str]]:
    document = (await api.viewer.get("/api/v1/openapi.json")).json()
    found = [(method, path) for path, methods in document["paths"].items() for method in methods]
    assert len(found) >= 20, "the OpenAPI document does not list the API"
    return found


async def test_everything_but_health_asks_for_a_token(api: Api) -> None:
    asked = [one for one in await _operations(api) if one[1] not in OPEN]
    asked.append(("get", "/api/v1/openapi.json"))
    for method, path in asked:
        answer = await api.nobody.request(method, path, json={})
        assert (answer.status_code, answer.json()["reason"]) == (401, "token"), path
        assert answer.headers["www-authenticate"] == "Bearer"
        forged = {"Authorization": "Bearer campus_" + "A" * 43}
        assert (await api.nobody.request(method, path, headers=forged, json={})).status_code == 401


async def test_each_role_reaches_its_own_and_no_more(api: Api) -> None:
    for operation in await _operations(api):
        method, path = operation
        if path in OPEN:
            continue
        viewer = await api.viewer.request(method, path, json={})
        operator = await api.operator.request(method, path, json={})
        admin = await api.admin.request(method, path, json={})
        assert (viewer.status_code == 403) == (operation in FOR_ADMINS | FOR_OPERATORS), path
        assert (operator.status_code == 403) == (operation in FOR_ADMINS), path
        assert admin.status_code != 403, path


async def test_a_revoked_token_is_refused_at_once(api: Api) -> None:
    made = (await api.admin.post("/api/v1/tokens", json={"name": "x", "role": "viewer"})).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert (await api.nobody.get("/api/v1/schools", headers=headers)).status_code == 200
    revoked = await api.admin.delete(f"/api/v1/tokens/{made['id']}")
    assert revoked.json()["revoked_ns"] > 0
    assert (await api.nobody.get("/api/v1/schools", headers=headers)).status_code == 401


async def test_tokens_are_shown_once_and_kept_as_hashes_alone(api: Api) -> None:
    made = (await api.admin.post("/api/v1/tokens", json={"name": "x", "role": "viewer"})).json()
    listed = await api.admin.get("/api/v1/tokens")
    assert made["token"] not in listed.text
    assert {"viewer", "operator", "admin"} <= {token["role"] for token in listed.json()}


async def test_the_last_administrator_cannot_be_revoked(api: Api) -> None:
    answer = await api.admin.delete("/api/v1/tokens/admin of the tests")
    assert (answer.status_code, answer.json()["reason"]) == (409, "last_admin")


async def test_who_did_what_stands_in_the_audit_trail_and_the_chain_holds(api: Api) -> None:
    await api.admin.post("/api/v1/tokens", json={"name": "x", "role": "viewer"})
    trail = (await api.admin.get("/api/v1/audit")).json()
    assert (trail[-1]["who"], trail[-1]["action"], trail[-1]["target"]) == (
        "admin of the tests",
        "token_created",
        "x",
    )
    verdict = (await api.admin.get("/api/v1/audit/verify")).json()
    assert (verdict["broken_at"], verdict["head"]) == (None, trail[-1]["hash"])


async def test_health_says_nothing_but_health(api: Api) -> None:
    assert (await api.nobody.get("/healthz")).json() == {"status": "ok"}
    ready = await api.nobody.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)


@pytest.mark.parametrize("part", ["broker", "store", "state"])
async def test_readiness_names_the_part_that_does_not_work(api: Api, part: str) -> None:
    working = {"broker": True, "store": True, "state": True} | {part: False}
    api.readiness = type(api.readiness)(**working)
    answer = await api.nobody.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False} | working)


async def test_metrics_are_for_a_scraper_with_a_token(api: Api) -> None:
    answer = await api.viewer.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "campus_controller_values_stored_total" in answer.text


async def test_a_token_is_never_written_to_the_state(api: Api) -> None:
    token = api.viewer.headers["authorization"].removeprefix("Bearer ")
    found = await api.services.database.read(lambda connection: auth.find(connection, token))
    assert found is not None
    dump = await api.admin.get("/api/v1/audit")
    assert token not in json.dumps(dump.json())
