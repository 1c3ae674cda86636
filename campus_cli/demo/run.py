"""Brings the demo school up, tells its story, takes it down in order and counts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from campus_cli.demo import ledger, servers
from campus_cli.demo.api_client import ApiClient
from campus_cli.demo.latency import delays_ms
from campus_cli.demo.layout import Layout, finish_edge_configs, write_environment
from campus_cli.demo.processes import DemoProcess, Usage, campus, module
from campus_cli.demo.report import Latency, Report
from campus_cli.demo.stored import read_stored
from campus_cli.demo.story import Story, telling
from campus_wire.errors import TransientError
from firmware_sims.control import send_order

Json = dict[str, Any]
READY_TIMEOUT_S: Final = 40.0
DRAIN_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.1


class NotReadyError(TransientError):
    """A part of the demo did not come up in time."""


@dataclass
class DemoRun:
    """One run. `on_page` is called about once a second with the run, to show it."""

    layout: Layout
    broker: str
    store: str
    on_page: Callable[[DemoRun, Story, ApiClient], Any] | None = None
    processes: dict[str, DemoProcess] = field(default_factory=dict)
    values_stored: float = 0.0
    _listening_since_ns: int = 0
    _started_s: float = field(default_factory=time.monotonic)

    def usage(self) -> Mapping[str, Usage]:
        """Return what each process uses."""
        return {name: process.usage() for name, process in self.processes.items()}

    async def run(self, seconds: float | None) -> Report:
        """Run for `seconds` (None: until the story is told) and report.

        Raises:
            NotReadyError: a part did not come up.
            ProcessEndedError: a part ended by itself.
        """
        try:
            await self._bring_up()
            async with ApiClient(self.layout.api_url, self.layout.token_file) as api:
                await self._wait_for("controller", api.is_ready)
                write_environment(self.layout)
                await self._start_edges(api)
                await self._tell(api, seconds)
                await self._drain(api)
                report = await self._report(api)
        finally:
            await asyncio.to_thread(self._take_down)
        report.processes = self.usage()
        report.seconds = round(time.monotonic() - self._started_s, 1)
        report.judge()
        return report

    # --- up ------------------------------------------------------------------------------------

    async def _bring_up(self) -> None:
        layout = self.layout
        for name, arguments in servers.commands(layout, self.broker, self.store).items():
            self._start(name, arguments)
        secret, log = str(layout.sink_secret), str(layout.sink_log)
        sink = ("--port", str(layout.ports.sink), "--secret", secret, "--log", log)
        self._start("sink", module("campus_cli.demo.sink", *sink))
        await self._wait_for("broker", lambda: _listens(layout.ports.broker))
        if self.store == servers.INFLUXDB:
            await self._wait_for("InfluxDB", lambda: servers.create_database(layout))
        config = str(layout.controller_config)
        self._start("controller", campus("controller", "run", "--config", config))
        sims = ("--truth", str(layout.truth), "--control", str(layout.orders))
        drafts = ("--print-edge-config", str(layout.drafts), "--lines", str(layout.directory))
        self._start("sims", campus("sims", "run", str(layout.school), *sims, *drafts, "--json"))

    async def _start_edges(self, api: ApiClient) -> None:
        layout = self.layout
        drafts = [layout.drafts / f"{gateway}.yaml" for gateway in layout.gateways]
        await self._wait_for("sims", lambda: _exist([*drafts, layout.orders]))
        finish_edge_configs(layout)
        for gateway in layout.gateways:
            config = str(layout.edge_config(gateway))
            self._start(gateway, campus("edge", "run", "--config", config))

        async def all_known() -> bool:
            known = {gateway["id"] for gateway in await api.get("/gateways") if gateway["devices"]}
            return known >= set(layout.gateways)

        await self._wait_for("edge agents", all_known)
        self._listening_since_ns = time.time_ns()

    def _start(self, name: str, arguments: list[str]) -> None:
        self.processes[name] = DemoProcess(name, arguments, self.layout.directory)

    async def _wait_for(self, what: str, ask: Callable[[], Any]) -> None:
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while not await ask():
            self._check_alive()
            if time.monotonic() > deadline_s:
                message = f"{what}: not ready within {READY_TIMEOUT_S:g} s"
                raise NotReadyError("not_ready", message, place=str(self.layout.directory))
            await asyncio.sleep(_POLL_S)

    def _check_alive(self) -> None:
        for process in self.processes.values():
            process.check_alive()

    # --- the story -----------------------------------------------------------------------------

    async def _tell(self, api: ApiClient, seconds: float | None) -> None:
        story = Story(api, self.layout)
        with telling(story) as task:
            while not task.done() if seconds is None else story.now_s < seconds:
                self._check_alive()
                self.usage()  # the highest is what is reported, page or no page
                self.values_stored = await api.metric("campus_controller_values_stored_total")
                if self.on_page is not None:
                    await self.on_page(self, story, api)
                if task.done():
                    task.result()  # a story that failed ends the run with its error
                await asyncio.sleep(1.0)
            if self.on_page is not None:
                await self.on_page(self, story, api)

    # --- down ----------------------------------------------------------------------------------

    async def _drain(self, api: ApiClient) -> None:
        """Stop the devices, then wait until everything they said before is stored."""
        await send_order(self.layout.orders, {"do": "stop"})
        stopped_ns = time.time_ns()
        deadline_s = time.monotonic() + DRAIN_TIMEOUT_S
        while not await self._is_drained(api, stopped_ns) and time.monotonic() < deadline_s:  # noqa: ASYNC110 - an HTTP API tells only when asked
            await asyncio.sleep(_POLL_S)

    async def _is_drained(self, api: ApiClient, stopped_ns: int) -> bool:
        # A gateway's batches arrive in order: once it speaks of a time after the end, with nothing
        # on its way to the store, all it said before is there.
        heard: dict[str, int] = {}
        for device in (await api.get("/devices", limit=1000))["devices"]:
            newest = max(device["last_time_ns"], heard.get(device["gateway"], 0))
            heard[device["gateway"]] = newest
        all_later = all(heard.get(name, 0) > stopped_ns + 10**9 for name in self.layout.gateways)
        return all_later and await api.metric("campus_controller_store_pending_values") == 0

    def _take_down(self) -> None:
        first = [*self.layout.gateways, "sims", "controller"]
        order = [*first, *(name for name in self.processes if name not in first)]
        for name in order:
            if name in self.processes:
                self.processes[name].stop()

    # --- counting ------------------------------------------------------------------------------

    async def _report(self, api: ApiClient) -> Report:
        report = Report(self.broker, self.store)
        report.devices = len((await api.get("/devices", limit=1000))["devices"])
        found = (await api.get("/alarms", open="false", limit=999))["alarms"]
        report.alarms = [_alarm(alarm) for alarm in found]
        accepted = ledger.read_sink(self.layout.sink_log)
        report.notices = [
            _notice(notice, accepted) for notice in await api.get("/notices", limit=1000)
        ]
        shown = ledger.read_truth(self.layout.truth)
        report.samples = ledger.count(
            shown, await read_stored(api), since_ns=self._listening_since_ns
        )
        report.latency_ms = Latency.of(delays_ms(self.layout.truth, found, accepted))
        report.commands = await api.get("/commands", limit=1000)
        report.wire = await self._wire(api)
        return report

    async def _wire(self, api: ApiClient) -> Json:
        payload_bytes = await api.metric("campus_controller_batch_bytes_total")
        values = await api.metric("campus_controller_batch_values_total")
        return {
            "bytes": payload_bytes,
            "values": values,
            "bytes_per_value": round(payload_bytes / values, 2) if values else None,
        }


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _exist(paths: list[Path]) -> bool:
    return all(path.exists() for path in paths)


def _alarm(alarm: Json) -> Json:
    return {
        "id": alarm["id"],
        "rule": alarm["rule"],
        "place": alarm["place"]["en"],
        "device": alarm["device"],
        "value": alarm["value"],
        "raised": _iso(alarm["raised_ns"]),
        "acknowledged": _iso(alarm["acked_ns"]),
        "cleared": _iso(alarm["cleared_ns"]),
    }


def _notice(notice: Json, accepted: Mapping[str, int]) -> Json:
    return {
        "alarm": notice["alarm"],
        "kind": notice["kind"],
        "channel": notice["channel"],
        "sent": notice["state"] == "sent",
        "accepted": notice["key"] in accepted,
    }


def _iso(time_ns: int | None) -> str | None:
    if time_ns is None:
        return None
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds")
