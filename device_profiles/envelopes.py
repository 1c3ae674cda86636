"""LoRaWAN network servers: where in their messages the frame, its port and its time stand.

- ChirpStack v4 (`deviceInfo`, `fPort`, `data`) and v3 (`devEUI`, `objectJSON`, `loRaSNR`):
  chirpstack/chirpstack-docs:src/chirpstack/integrations/events.md
- The Things Stack v3 (`end_device_ids`, `uplink_message.frm_payload`):
  TheThingsIndustries/lorawan-stack-docs:doc/content/integrations/data-formats/_index.md
- the bare frame in hexadecimal, base64 or bytes, as simple gateways forward it.

Zero, false and empty fields may be missing (Protocol Buffers JSON): no port means port 0.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import orjson

from device_profiles.errors import MessageRefusedError
from device_profiles.json_path import ABSENT

TEXT_BYTES_MAX: Final = 8 * 1024
_HEX_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")
_STATUS_KEYS: Final = ("margin", "batteryLevel", "externalPowerSource", "batteryLevelUnavailable")


class Uplink(NamedTuple):
    """What an envelope holds."""

    frame: bytes | None
    """None: there is none, as in a status message."""
    port: int | None
    """None: the envelope does not tell, a bare frame."""
    facts: dict[str, Any]
    """Offered to paths as `lorawan.…`: kind (up, status, other), port, dev_eui, time, rssi, snr,
    f_cnt, margin, battery, external_power."""
    decoded: Any
    """What the server's own codec made of it; ABSENT without."""


def open_uplink(document: Any) -> Uplink:
    """Return what a message of a network server holds.

    Raises:
        MessageRefusedError: it is of no known server (`envelope`), or its frame is no base64
            (`not_base64`).
    """
    if isinstance(document, dict):
        if "end_device_ids" in document:
            return _things_stack(document)
        if "deviceInfo" in document or "devEUI" in document or "devEui" in document:
            return _chirpstack(document)
    raise MessageRefusedError("envelope", "is no message of ChirpStack or The Things Stack")


def bare_uplink(payload: bytes, notation: str) -> Uplink:
    """Return the frame that a payload is.

    Args:
        payload: of the message.
        notation: `hex`, `base64`, `bytes`; or `json` for whichever of them it can be, in this
            order.

    Raises:
        MessageRefusedError: it is not that (`not_hex`, `not_base64`).
    """
    return Uplink(_bare_frame(payload, notation), None, {"kind": "up"}, ABSENT)


def _bare_frame(payload: bytes, notation: str) -> bytes:
    if notation == "bytes":
        return payload
    text = payload.strip()
    if notation == "hex":
        return from_hex(text)
    if notation == "base64":
        return from_base64(text)
    if text and len(text) % 2 == 0 and _HEX_DIGITS.issuperset(text):
        return from_hex(text)
    try:
        return from_base64(text)
    except MessageRefusedError:
        return payload


def from_hex(text: str | bytes) -> bytes:
    """Return the bytes of hexadecimal text, blanks and colons between them allowed.

    Raises:
        MessageRefusedError: it is none (`not_hex`), or too long (`too_large`).
    """
    plain = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    _check_size(len(plain))
    plain = plain.strip().removeprefix("0x").removeprefix("0X").replace(":", " ").replace("-", " ")
    try:
        return bytes.fromhex(plain)
    except ValueError:
        raise MessageRefusedError("not_hex", "is no hexadecimal text") from None


def from_base64(text: str | bytes) -> bytes:
    """Return the bytes of base64 text, with or without padding, also of the URL alphabet.

    Raises:
        MessageRefusedError: it is none (`not_base64`), or too long (`too_large`).
    """
    plain = text.encode("ascii", "replace") if isinstance(text, str) else text
    _check_size(len(plain))
    plain = plain.strip().rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        raise MessageRefusedError("not_base64", "is no base64 text") from None


def _check_size(count: int) -> None:
    if count > TEXT_BYTES_MAX:
        message = f"{count} characters of bytes, where {TEXT_BYTES_MAX} are allowed"
        raise MessageRefusedError("too_large", message)


# --- ChirpStack ----------------------------------------------------------------------------------


def _chirpstack(document: Mapping[str, Any]) -> Uplink:
    info = _object(document.get("deviceInfo"))
    gateways = _objects(document.get("rxInfo"))
    best = max(gateways, key=lambda one: _number(one.get("rssi"), -999), default={})
    facts = {
        "dev_eui": info.get("devEui") or document.get("devEui") or document.get("devEUI"),
        "f_cnt": document.get("fCnt"),
        "time": document.get("time") or document.get("publishedAt") or best.get("time"),
        "rssi": best.get("rssi"),
        "snr": best.get("snr", best.get("loRaSNR")),
        "margin": document.get("margin"),
        "battery": document.get("batteryLevel"),
        "external_power": document.get("externalPowerSource"),
    }
    is_status = any(key in document for key in _STATUS_KEYS)
    is_up = not is_status and ("data" in document or "fPort" in document or bool(gateways))
    facts["kind"] = "status" if is_status else "up" if is_up else "other"
    return _uplink(
        document.get("data"),
        _port(document.get("fPort")) if is_up else None,
        facts,
        _decoded(document),
    )


def _decoded(document: Mapping[str, Any]) -> Any:
    decoded = document.get("object", ABSENT)
    text = document.get("objectJSON")
    if decoded is ABSENT and isinstance(text, str) and text:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return ABSENT
    return decoded


# --- The Things Stack ----------------------------------------------------------------------------


def _things_stack(document: Mapping[str, Any]) -> Uplink:
    ids = _object(document.get("end_device_ids"))
    up = document.get("uplink_message")
    message = _object(up)
    gateways = _objects(message.get("rx_metadata"))
    best = max(gateways, key=lambda one: _number(one.get("rssi"), -999), default={})
    facts = {
        "dev_eui": ids.get("dev_eui"),
        "f_cnt": message.get("f_cnt"),
        "time": message.get("received_at") or document.get("received_at"),
        "rssi": best.get("rssi"),
        "snr": best.get("snr"),
        "battery": _object(message.get("last_battery_percentage")).get("value"),
        "kind": "up" if isinstance(up, dict) else "other",
    }
    return _uplink(
        message.get("frm_payload"),
        _port(message.get("f_port")) if isinstance(up, dict) else None,
        facts,
        message.get("decoded_payload", ABSENT),
    )


# --- both ----------------------------------------------------------------------------------------


def _uplink(data: Any, port: int | None, facts: dict[str, Any], decoded: Any) -> Uplink:
    frame = from_base64(data) if isinstance(data, str) and data else None
    known = {name: value for name, value in facts.items() if value is not None}
    if port is not None:
        known["port"] = port
    return Uplink(frame, port, known, decoded)


def _port(found: Any) -> int:
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _object(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _objects(found: Any) -> list[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _number(found: Any, otherwise: float) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float):
        return otherwise
    return found
