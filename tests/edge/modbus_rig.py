"""A bus with fakes on both sides."""

from typing import Any

from edge_agent.inventory import Profiles, build_inventory
from edge_agent.modbus.bus import ModbusBus
from tests.edge.fakes import (
    LIBRARY,
    Behaviour,
    FakeClock,
    FakeLine,
    RecordingSink,
    S,
    edge_config,
)


class Rig:
    """A bus with fakes on both sides."""

    def __init__(
        self,
        *devices: dict[str, Any],
        units: dict[int, Behaviour],
        profiles: Profiles = LIBRARY,
        **more: Any,
    ) -> None:
        self.clock = FakeClock()
        self.line = FakeLine(self.clock, units)
        self.sink = RecordingSink()
        inventory = build_inventory(edge_config(*devices), profiles)
        self.bus = ModbusBus(
            "bus",
            self.line,
            inventory.on_bus("bus"),
            sink=self.sink,
            clock=self.clock,
            chance=lambda: 0.0,
            sleep=self.clock.sleep,
            **more,
        )

    async def run(self, seconds: float) -> None:
        """Let the bus work for some time, skipping the time in which nothing is due."""
        end_ns = self.clock.passed_ns + round(seconds * S)
        while self.clock.passed_ns < end_ns:
            if not await self.bus.step():
                due_s = self.bus._schedule.next_due_s()
                if due_s is None or due_s * S >= end_ns:
                    self.clock.passed_ns = end_ns
                else:
                    self.clock.passed_ns = max(self.clock.passed_ns, int(due_s * S) + 1)

    def qualities(self, device: int = 0) -> list[tuple[int, ...]]:
        return [tuple(sample.qualities) for sample in self.sink.of(device)]
