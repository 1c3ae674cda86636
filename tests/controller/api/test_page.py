"""docs/api.md lists every route, with an example and its parameters, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.controller.api.conftest import Api

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_HEADING = re.compile(rf"^### ((?:{'|'.join(_METHODS)}) \S+)$", re.MULTILINE)


def sections() -> dict[str, str]:
    """The page's text below each heading that is a route."""
    parts = _HEADING.split(PAGE.read_text(encoding="utf-8"))
    texts = (re.split(r"^## ", text, flags=re.MULTILINE)[0] for text in parts[2::2])
    return dict(zip(parts[1::2], texts, strict=True))


async def operations(api: Api) -> dict[str, dict[str, Any]]:
    document = (await api.viewer.get("/api/v1/openapi.json")).json()
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


async def test_the_page_has_every_route_and_no_other(api: Api) -> None:
    assert sections().keys() == (await operations(api)).keys()


async def test_every_parameter_is_on_the_page(api: Api) -> None:
    texts = sections()
    missing = [
        (route, parameter["name"])
        for route, operation in (await operations(api)).items()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and f"`{parameter['name']}" not in texts[route]
    ]

    assert missing == []


async def test_every_body_is_in_an_example(api: Api) -> None:
    document = (await api.viewer.get("/api/v1/openapi.json")).json()
    bodies = document["components"]["schemas"]
    texts = sections()
    for route, operation in (await operations(api)).items():
        schema = _body_schema(operation)
        if schema is not None:
            wanted = {name for name in bodies[schema]["properties"] if name != "life_s"}
            assert {name for name in wanted if f'"{name}"' not in texts[route]} == set(), route


def _body_schema(operation: dict[str, Any]) -> str | None:
    if "requestBody" not in operation:
        return None
    reference = str(operation["requestBody"]["content"]["application/json"]["schema"]["$ref"])
    return reference.rpartition("/")[2]


def test_every_route_has_a_curl_example() -> None:
    for route, text in sections().items():
        method, path = route.split()
        pattern = re.escape(path)
        for name in re.findall(r"\\\{\w+\\\}", pattern):
            pattern = pattern.replace(name, '[^/\\s?"]+')
        examples = re.findall(r"^(?:api|curl) .*$", text, re.MULTILINE)
        assert any(re.search(rf"\$U{pattern}(?=[\s?\"]|$)", line) for line in examples), route
        if method == "DELETE":
            assert any("--request DELETE" in line for line in examples)
        assert all(("--json" in line) == (method == "POST") for line in examples), route


async def test_every_role_says_what_it_may(api: Api) -> None:
    """A viewer reads everything that the page does not keep for others."""
    for route, text in sections().items():
        method, path = route.split()
        if method != "GET" or "{" in path:
            continue
        above = _heading_above(route)
        answer = await api.viewer.get(path)
        wanted = 403 if above == "Administration" else 200
        assert answer.status_code == wanted, (route, text)


def _heading_above(route: str) -> str:
    before = PAGE.read_text(encoding="utf-8").split(f"### {route}\n")[0]
    return str(re.findall(r"^## (.+)$", before, re.MULTILINE)[-1])
