"""The application: routers, refusals, bounds. Nothing here is open but health."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi

from controller.api import (
    alarms,
    commands,
    devices,
    events,
    gaps,
    health,
    history,
    metrics,
    notices,
    places,
    problems,
    tokens,
)
from controller.api.access import Viewer, viewer
from controller.api.limits import BoundedRequests
from controller.services import Services

PREFIX = "/api/v1"


def create_app(services: Services, *, request_timeout_s: float = 30.0) -> FastAPI:
    """Return the API over what the controller lends it.

    The interactive pages of FastAPI are off: they load their scripts from another host, and would
    be open. The OpenAPI document is at `/api/v1/openapi.json`, for any token.
    """
    app = FastAPI(
        title="Campus IoT controller",
        version=version("campus-iot"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    problems.install(app)
    app.add_middleware(BoundedRequests, timeout_s=request_timeout_s)
    app.include_router(health.router)
    app.include_router(metrics.router)
    closed = APIRouter(prefix=PREFIX, dependencies=[Depends(viewer)])
    for part in (places, devices, history, alarms, notices, gaps, events, commands, tokens):
        closed.include_router(part.router)

    @closed.get("/openapi.json", include_in_schema=False)
    async def openapi(_who: Viewer) -> dict[str, Any]:
        return get_openapi(title=app.title, version=app.version, routes=app.routes)

    app.include_router(closed)
    return app
