"""What can go wrong with one Modbus request, each with the quality its values get.

    ModbusError                 (transient: the next poll may succeed)
    ├── NotConnectedError       no connection, or it broke before the answer
    ├── NoAnswerError           nothing that answers the request arrived in time
    ├── NotConfirmedError       a value was written, what must follow it failed
    ├── GarbledError            an answer that breaks the protocol or its checksum
    ├── WrongUnitError          the answer came from another unit
    └── DeviceExceptionError    the device answered with an exception code
        └── DeviceBusyError     it asks to come again (acknowledge, busy)

None of them ends a polling task: a device that fails is a quality, not an exception.
"""

from __future__ import annotations

from typing import ClassVar, Final

from campus_wire.errors import TransientError
from campus_wire.quality import Quality

# Modbus Application Protocol V1.1b3, section 7.
ACKNOWLEDGE: Final = 5
BUSY: Final = 6
GATEWAY_PATH_UNAVAILABLE: Final = 10
GATEWAY_TARGET_SILENT: Final = 11
REFUSED: Final = frozenset({1, 2, 3})
"""By these a device says that it does not have what was asked for, and will not have it later."""
_EXCEPTION_TEXTS: Final = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    ACKNOWLEDGE: "acknowledged, still working",
    BUSY: "busy",
    7: "negative acknowledge",
    8: "memory parity error",
    GATEWAY_PATH_UNAVAILABLE: "gateway path unavailable",
    GATEWAY_TARGET_SILENT: "gateway got no answer from the device",
}


class ModbusError(TransientError):
    """One request failed."""

    slug: ClassVar[str] = "modbus"
    quality: Quality = Quality.BAD

    def __init__(self, message: str, *, place: str = "") -> None:
        super().__init__(self.slug, message, place=place)


class NotConnectedError(ModbusError):
    """There is no connection, or it broke before the answer."""

    slug = "not_connected"
    quality = Quality.NOT_CONNECTED


class NoAnswerError(ModbusError):
    """Nothing that answers the request arrived in time."""

    slug = "no_answer"
    quality = Quality.NO_ANSWER


class NotConfirmedError(ModbusError):
    """A value was written, but what must follow for the device to take or keep it failed."""

    slug = "not_confirmed"


class GarbledError(ModbusError):
    """What arrived breaks the protocol or its checksum."""

    slug = "garbled"
    quality = Quality.GARBLED


class WrongUnitError(ModbusError):
    """Another unit answered."""

    slug = "wrong_unit"
    quality = Quality.WRONG_UNIT


class DeviceExceptionError(ModbusError):
    """The device answered with an exception code.

    A gateway's words about a silent device behind it count as the device's silence.
    """

    slug = "exception"
    quality = Quality.EXCEPTION

    def __init__(self, code: int, *, place: str = "") -> None:
        text = _EXCEPTION_TEXTS.get(code, "not a code of the standard")
        super().__init__(f"exception code {code}: {text}", place=place)
        self.code = code
        if code == GATEWAY_TARGET_SILENT:
            self.quality = Quality.NO_ANSWER
        elif code == GATEWAY_PATH_UNAVAILABLE:
            self.quality = Quality.NOT_CONNECTED


class DeviceBusyError(DeviceExceptionError):
    """The device asks to come again: acknowledge (5) or busy (6)."""

    slug = "busy"
    quality = Quality.BUSY


def device_exception(code: int) -> DeviceExceptionError:
    """Return the error for an exception code."""
    kind = DeviceBusyError if code in {ACKNOWLEDGE, BUSY} else DeviceExceptionError
    return kind(code)
