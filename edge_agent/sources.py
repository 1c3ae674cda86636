"""The buses and local brokers of a configuration, ready to run.

What a gateway does not have is not imported: its libraries would cost memory for nothing.
"""

from __future__ import annotations

from typing import Protocol

from edge_agent.config import EdgeConfig
from edge_agent.inventory import Inventory
from edge_agent.ports import Actuator, EdgeClock, SampleSink, Source


class SourceAndActuator(Source, Actuator, Protocol):
    """Reads and writes."""


def make_sources(
    config: EdgeConfig, inventory: Inventory, *, sink: SampleSink, clock: EdgeClock
) -> dict[str, SourceAndActuator]:
    """Return all sources by their ids."""
    sources: dict[str, SourceAndActuator] = {}
    if config.buses:
        from edge_agent.modbus.build import make_bus  # noqa: PLC0415
        from edge_agent.modbus.plan import ReadPlanner  # noqa: PLC0415

        planner = ReadPlanner()
        for bus in config.buses:
            devices = inventory.on_bus(bus.id)
            sources[bus.id] = make_bus(bus, devices, sink=sink, clock=clock, planner=planner)
    if config.mqtt_sources:
        from edge_agent.mqtt_source import MqttSource  # noqa: PLC0415

        for local in config.mqtt_sources:
            listeners = inventory.on_mqtt_source(local.id)
            sources[local.id] = MqttSource(local, listeners, sink=sink, clock=clock)
    return sources
