"""All devices of one broker: those behind its bridge on one connection, the others on their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from campus_wire.settings import MqttSettings
from firmware_sims.mqtt_device import MqttDevice
from firmware_sims.mqtt_publisher import ElapsedS, MqttPublisher
from firmware_sims.truth import TruthLog


class PublishingSource:
    """The devices of one broker.

    Args:
        settings: the broker.
        devices: who speaks.
        bridge: base topic whose `bridge/state` is kept, or None.
        elapsed_s: seconds since the run began.
        seed: decides when who speaks first.
    """

    def __init__(
        self,
        settings: MqttSettings,
        devices: Iterable[MqttDevice],
        *,
        bridge: str | None,
        elapsed_s: ElapsedS,
        truth: TruthLog,
        seed: int,
    ) -> None:
        self.settings = settings
        self.devices: Sequence[MqttDevice] = list(devices)
        together: list[MqttDevice] = []
        own: dict[int, list[MqttDevice]] = {}
        for device in self.devices:
            hub = device.voice.hub
            has_own = hub is not None and hub.connects
            (own.setdefault(id(hub), []) if has_own else together).append(device)
        connections = [(together, bridge), *((several, None) for several in own.values())]
        self.publishers = [
            MqttPublisher(
                settings, several, bridge=base, elapsed_s=elapsed_s, truth=truth, seed=seed + number
            )
            for number, (several, base) in enumerate(connections)
            if several
        ]

    @property
    def connected(self) -> bool:
        """Whether all of them have their broker."""
        return all(publisher.connected for publisher in self.publishers)

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as group:
            for publisher in self.publishers:
                group.create_task(publisher.run(), name="publisher")
