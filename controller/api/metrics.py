"""Prometheus metrics, for a scraper with a viewer's token."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from controller.api.access import ServicesDep, Viewer

router = APIRouter(tags=["operation"])


@router.get("/metrics")
async def metrics(have: ServicesDep, _who: Viewer) -> Response:
    """Return all metrics in Prometheus' text format."""
    return Response(generate_latest(have.metrics.registry), media_type=CONTENT_TYPE_LATEST)
