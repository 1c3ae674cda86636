"""Collects what the witnesses of a campaign say into the evidence that the checker judges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.campaigns import evidence as read
from tests.campaigns.checker import Evidence
from tests.campaigns.evidence import Span
from tests.support.school_run import SchoolRun

Json = dict[str, Any]

_TRANSITIONS = """
    SELECT t.id, t.kind, a.rule, a.device AS place
    FROM transitions t JOIN alarms a ON a.id = t.alarm
"""


def gather(school: SchoolRun, directory: Path, crossings: dict[str, int]) -> Evidence:
    """Read everything. The store is started once more for it; everything else has ended."""
    state = directory / "state.db"
    truth = list(read.json_lines(school.layout.truth))
    school.store.start()
    try:
        stored = list(read.read_influx(school.store.http_url, school.store.database))
    finally:
        school.store.stop()
    gateways = school.layout.gateways
    return Evidence(
        truth=truth,
        stored=stored,
        device_gateway=_device_gateway(state),
        traces={one: read.read_trace(directory / f"{one}.trace.jsonl") for one in gateways},
        gaps=_gaps(state),
        acked=read.acks_in(read.read_heard(directory / "witness.log")),
        transitions=read.read_table(state, _TRANSITIONS),
        outbox=read.read_table(state, "SELECT * FROM outbox"),
        notices=list(read.json_lines(school.layout.sink_log)),
        commands=read.read_table(state, "SELECT * FROM commands"),
        crossings=crossings,
        broker_kills_ns=_broker_kills_ns(directory / "kills.jsonl"),
    )


def _device_gateway(state: Path) -> dict[str, str]:
    found = {}
    for row in read.read_table(state, "SELECT gateway, body FROM catalogs"):
        for device in json.loads(row["body"])["devices"]:
            found[device["id"]] = row["gateway"]
    return found


def _gaps(state: Path) -> dict[str, dict[str, list[Span]]]:
    found: dict[str, dict[str, list[Span]]] = {}
    for row in read.read_table(state, "SELECT gateway, epoch, first, last FROM gaps"):
        spans = found.setdefault(row["gateway"], {}).setdefault(row["epoch"], [])
        spans.append(Span(row["first"], row["last"]))
    return found


def _broker_kills_ns(log: Path) -> list[int]:
    return [line["t"] for line in read.json_lines(log) if line["part"] == "broker"]
