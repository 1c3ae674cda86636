"""Delivers every command a second time, some seconds later, as a broker after a crash may."""

from __future__ import annotations

import threading
from random import Random
from typing import Any, Final, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

_AFTER_S: Final = (0.2, 6.0)
_TOPIC: Final = "campus/1/down/+/command"


class Replayer:
    """Listens and repeats while used as a context; the broker's deaths are lived through.

    Args:
        port: the broker's.
        account: name and password.
        seed: of the delays.
    """

    def __init__(self, port: int, *, account: tuple[str, str], seed: int) -> None:
        self.repeated = 0
        self._port = port
        self._random = Random(seed)
        self._seen: set[bytes] = set()
        self._timers: list[threading.Timer] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(*account)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        for timer in self._timers:
            timer.cancel()
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(_TOPIC, 1)

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        if payload in self._seen:  # its own
            return
        self._seen.add(payload)
        again = threading.Timer(
            self._random.uniform(*_AFTER_S), self._repeat, (message.topic, payload)
        )
        again.daemon = True
        self._timers.append(again)
        again.start()

    def _repeat(self, topic: str, payload: bytes) -> None:
        self.repeated += 1
        self._client.publish(topic, payload, 1)
