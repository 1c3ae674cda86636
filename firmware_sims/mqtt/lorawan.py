"""Messages of LoRaWAN network servers, written as the servers do.

- ChirpStack v4: chirpstack/chirpstack-docs:src/chirpstack/integrations/events.md
- The Things Stack v3: TheThingsIndustries/lorawan-stack-docs:doc/content/integrations/data-formats
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from device_profiles.model_codec import Codec
from firmware_sims.mqtt.clock_text import written
from firmware_sims.mqtt.frames import FrameNotation
from firmware_sims.mqtt.meaning import Raw
from firmware_sims.mqtt.notations import json_text
from firmware_sims.mqtt.tree import ROOT

Server = Literal["chirpstack", "things_stack"]
_ISO = "YYYY-MM-DDThh:mm:ss.fZ"
_STATUS = ("margin", "battery", "external_power")
_USUAL_PORT = 85
_RSSI, _SNR = -57, 8.5


def server_of(places: Mapping[str, str]) -> Server:
    """Which server a device is connected to: the one whose captures are given."""
    return "things_stack" if "device_id" in places else "chirpstack"


@dataclass(slots=True)
class Clock:
    """When the message is made."""

    time_ns: int = 0


@dataclass
class EnvelopeNotation:
    """Writes the members of a frame as an uplink; those of the server itself as its own."""

    codec: Codec | None
    places: Mapping[str, str]
    clock: Clock
    frames: int = 0
    _told: str | None = None
    _frame: FrameNotation | None = field(init=False)

    def __post_init__(self) -> None:
        self._frame = None if self.codec is None else FrameNotation(self.codec)

    @property
    def dev_eui(self) -> str:
        """The device's; made up where only its name is known."""
        given = self._told or self.places.get("dev_eui")
        if given is not None:
            return given
        return f"a84041{zlib.crc32(self.places.get('device_id', '').encode()):010x}"

    def encode(self, value: object) -> tuple[object, Mapping[str, Raw] | None]:
        """The uplink's JSON, and what the members of the frame have become."""
        members: dict[str, Any] = dict(value) if isinstance(value, dict) else {}
        facts = members.pop("lorawan", None) or {}
        decoded = members.pop("object", None)
        root = members.pop(ROOT, None) or {}
        frame, found = b"", {}
        if self._frame is not None:
            data, shown = self._frame.encode(members)
            assert isinstance(data, bytes)
            frame, found = data, dict(shown or {})
        document = self.document(frame, facts, decoded)
        _merge(document, root)
        return json_text(document), found

    def document(
        self, frame: bytes, facts: Mapping[str, Any], decoded: object = None
    ) -> dict[str, Any]:
        """An uplink or, where status is told, ChirpStack's status message."""
        self.frames += 1
        self._told = str(facts["dev_eui"]) if "dev_eui" in facts else self._told
        if server_of(self.places) == "things_stack":
            return self._things_stack(frame, facts, decoded)
        if set(facts) & set(_STATUS):
            return self._chirpstack_status(facts)
        return self._chirpstack(frame, facts, decoded)

    def _port(self, facts: Mapping[str, Any]) -> int:
        if "port" in facts:
            return int(facts["port"])
        ports = self.codec.ports if self.codec is not None else ()
        return ports[0] if ports else _USUAL_PORT

    def _time(self) -> str:
        return written(self.clock.time_ns, _ISO, "+00:00")

    def _device_info(self) -> dict[str, Any]:
        return {
            "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
            "tenantName": "school",
            "applicationId": self.places.get("application", "app"),
            "applicationName": self.places.get("application", "app"),
            "deviceProfileName": "class A",
            "deviceName": self.dev_eui,
            "devEui": self.dev_eui,
            "tags": {},
        }

    def _chirpstack(
        self, frame: bytes, facts: Mapping[str, Any], decoded: object
    ) -> dict[str, Any]:
        document: dict[str, Any] = {
            "deduplicationId": f"3ac7e3c4-4401-4b8d-9386-{self.frames % 16**12:012x}",
            "time": self._time(),
            "deviceInfo": self._device_info(),
            "devAddr": f"{zlib.crc32(self.dev_eui.encode()):08x}",
            "adr": True,
            "dr": 5,
            "fCnt": facts.get("f_cnt", self.frames),
            "fPort": self._port(facts),
            "confirmed": False,
            "data": base64.b64encode(frame).decode(),
            "rxInfo": [
                {
                    "gatewayId": "0016c001f153a14c",
                    "rssi": facts.get("rssi", _RSSI),
                    "snr": facts.get("snr", _SNR),
                    "crcStatus": "CRC_OK",
                }
            ],
            "txInfo": {"frequency": 471900000},
        }
        if decoded is not None:
            document["object"] = decoded
        return document

    def _chirpstack_status(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "deduplicationId": f"9a2c1d70-5f0e-4d5c-8c55-{self.frames % 16**12:012x}",
            "time": self._time(),
            "deviceInfo": self._device_info(),
            "margin": facts.get("margin", 10),
            "externalPowerSource": facts.get("external_power", False),
            "batteryLevelUnavailable": False,
            "batteryLevel": facts.get("battery", 90.0),
        }

    def _things_stack(
        self, frame: bytes, facts: Mapping[str, Any], decoded: object
    ) -> dict[str, Any]:
        application = self.places.get("application", "app").partition("@")[0]
        message: dict[str, Any] = {
            "session_key_id": "AYfg8rhha5n+FWx0ZaAprA==",
            "f_port": self._port(facts),
            "f_cnt": facts.get("f_cnt", self.frames),
            "frm_payload": base64.b64encode(frame).decode(),
            "rx_metadata": [
                {
                    "gateway_ids": {"gateway_id": "roof"},
                    "rssi": facts.get("rssi", _RSSI),
                    "snr": facts.get("snr", _SNR),
                }
            ],
            "received_at": self._time(),
        }
        if decoded is not None:
            message["decoded_payload"] = decoded
        if "battery" in facts:
            message["last_battery_percentage"] = {"value": facts["battery"]}
        return {
            "end_device_ids": {
                "device_id": self.places["device_id"],
                "application_ids": {"application_id": application},
                "dev_eui": self.dev_eui.upper(),
            },
            "received_at": self._time(),
            "uplink_message": message,
        }


def _merge(document: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        here = document.get(name)
        if isinstance(here, dict) and isinstance(value, dict):
            _merge(here, value)
        else:
            document[name] = value


def downlink_topic(places: Mapping[str, str]) -> str:
    """Where the server takes commands for a device."""
    application = places.get("application", "")
    if server_of(places) == "things_stack":
        return f"v3/{application}/devices/{places['device_id']}/down/push"
    return f"application/{application}/device/{places.get('dev_eui', '')}/command/down"


def downlinks(payload: bytes) -> list[tuple[int, bytes]]:
    """Port and bytes of every frame in a server's command; none where it is no command."""
    try:
        document = json.loads(payload)
        if not isinstance(document, dict):
            return []
        if "downlinks" in document:
            return [
                (int(one["f_port"]), base64.b64decode(one["frm_payload"], validate=True))
                for one in document["downlinks"]
            ]
        return [(int(document["fPort"]), base64.b64decode(document["data"], validate=True))]
    except (ValueError, KeyError, TypeError):
        return []
