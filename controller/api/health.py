"""Health and readiness: the only routes without a token, and they say nothing else."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response

from controller.api.access import ServicesDep
from controller.api.models import Answer

router = APIRouter(tags=["operation"])


class HealthOut(Answer):
    """The process answers."""

    status: str


class ReadyOut(Answer):
    """Which parts of a sample's journey work."""

    ready: bool
    broker: bool
    store: bool
    state: bool


@router.get("/healthz")
async def healthz() -> HealthOut:
    """Say that the process answers."""
    return HealthOut(status="ok")


@router.get("/readyz")
async def readyz(have: ServicesDep, response: Response) -> ReadyOut:
    """Say whether samples flow all the way; 503 where they do not."""
    now = have.readiness()
    if not now.ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return ReadyOut(ready=now.ready, broker=now.broker, store=now.store, state=now.state)
