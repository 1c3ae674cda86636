"""What happens in the demo: a leak, the interlock, the alarm, its notice, its end.

    0 s      rooms are watched; somebody switches a relay from the API
    20 s     ammonia leaks in the chemical store
    +        interlock: the fan runs; alarm, notice, acknowledgement
    +        the leak is closed, the air clears, the alarm clears, the fan stops

Everything it learns it learns from the controller's API, as a person of the school would.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from campus_cli.demo.api_client import ApiClient
from campus_cli.demo.layout import Layout
from firmware_sims.control import send_order

Json = dict[str, Any]
LEAK_AT_S: Final = 20.0
ACKNOWLEDGE_AFTER_S: Final = 1.0
LEAK_AREA: Final = "store-1"
LEAK_RULE: Final = "ammonia-high"
FAN: Final = {"gateway": "sunrise-lab", "device": "relay-1"}
_LEAK_PPM_PER_S: Final = 12.0
_POLL_S: Final = 0.2


@dataclass
class Chapter:
    """One thing that happened, for the screen."""

    at_s: float
    text: str


@dataclass
class Story:
    """Tells the story once; `chapters` grows as it goes."""

    api: ApiClient
    layout: Layout
    started_s: float = field(default_factory=time.monotonic)
    chapters: list[Chapter] = field(default_factory=list)

    @property
    def now_s(self) -> float:
        """Seconds since the school came up."""
        return time.monotonic() - self.started_s

    async def tell(self) -> None:
        """Go through all chapters; ends when the alarm has cleared."""
        self._say("the school is watched 开始监测")
        await self._switch_a_relay()
        await asyncio.sleep(max(0.0, LEAK_AT_S - self.now_s))
        leak = {"do": "leak", "area": LEAK_AREA, "ppm_per_s": _LEAK_PPM_PER_S}
        await send_order(self.layout.orders, leak)
        self._say("ammonia leaks in the chemical store 危化品库氨气泄漏")
        alarm = await self._until(self._leak_alarm)
        self._say(f"alarm: {alarm['name']['zh']} {alarm['value']:g} ppm, {alarm['place']['zh']}")
        await self._until(self._fan_runs)
        self._say("interlock: the extraction fan runs 联锁：排风机已开")
        await asyncio.sleep(ACKNOWLEDGE_AFTER_S)
        note = {"note": "demo: extraction runs, store is locked"}
        await self.api.post(f"/alarms/{alarm['id']}/acknowledge", note)
        self._say("acknowledged 已确认")
        await send_order(self.layout.orders, leak | {"ppm_per_s": 0})
        self._say("the leak is closed 泄漏已关闭")
        await self._until(lambda: self._cleared(alarm["id"]))
        self._say("the air is clear, the alarm has cleared 报警解除")

    async def _switch_a_relay(self) -> None:
        command = await self.api.post("/commands", FAN | {"point": "relay_2", "value": 1})
        ended = await self._until(lambda: self._ended(command["id"]))
        self._say(f"command: relay 2 on, {ended['outcome']} 远程命令")

    async def _ended(self, command_id: str) -> Json | None:
        command = await self.api.get(f"/commands/{command_id}")
        return command if command["outcome"] else None

    async def _leak_alarm(self) -> Json | None:
        found = await self.api.get("/alarms", rule=LEAK_RULE)
        return found["alarms"][0] if found["alarms"] else None

    async def _fan_runs(self) -> bool:
        path = f"/gateways/{FAN['gateway']}/devices/{FAN['device']}"
        points = (await self.api.get(path))["points"]
        return any(point["name"] == "relay_1" and point["value"] == 1 for point in points)

    async def _cleared(self, alarm_id: str) -> bool:
        alarm = await self.api.get(f"/alarms/{alarm_id}")
        return alarm["cleared_ns"] is not None

    async def _until(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        while not (answer := await ask()):  # noqa: ASYNC110 - an HTTP API tells only when asked
            await asyncio.sleep(_POLL_S)
        return answer

    def _say(self, text: str) -> None:
        self.chapters.append(Chapter(round(self.now_s, 1), text))


@contextlib.contextmanager
def telling(story: Story) -> Iterator[asyncio.Task[None]]:
    """Tell the story beside whatever else goes on; end it with the block."""
    task = asyncio.create_task(story.tell(), name="story")
    try:
        yield task
    finally:
        task.cancel()
