"""How long decoding an MQTT message takes.

python -m benchmarks.decode_messages [SECONDS]
"""

from __future__ import annotations

import sys
import time

from device_profiles.library import Library
from device_profiles.messages import MessageDecoder
from device_profiles.model import MqttProfile

TOPIC = "zigbee2mqtt/one"
PAYLOAD = (
    b'{"temperature":24.59,"linkquality":39,"humidity":36.56,"pressure":990,'
    b'"battery":"37.00","voltage":2975}'
)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    profile = Library.builtin().get("zigbee2mqtt-xiaomi-weather")
    assert isinstance(profile, MqttProfile)
    decoder = MessageDecoder(profile, {"friendly_name": "one"})
    values = len(decoder.decode(TOPIC, PAYLOAD))
    best = float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(500):
            decoder.decode(TOPIC, PAYLOAD)
        best = min(best, time.perf_counter() - start)
    per_message = best / 500 * 1e6
    print(f"{values} values: {per_message:.1f} µs a message, {per_message / values:.2f} a value")


if __name__ == "__main__":
    main()
