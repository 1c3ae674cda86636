"""Dates and times spread over registers, into Unix seconds.

The device's clock shows local time without a daylight-saving rule, at a fixed offset from UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from device_profiles.encodings import Encoding, decoder
from device_profiles.model_values import DateField

MINUTE_MS: Final = 60_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Decode = Callable[[Sequence[int]], float | None]


def date_decoder(fields: Sequence[DateField], utc_offset_s: int) -> Decode:
    """Return what turns registers (0 to 65535) into Unix seconds.

    It returns None for what is no date: the 31st of April, hour 24, a BCD digit A. Milliseconds
    count beside seconds (0 to 999) or, where no field holds seconds, for both (0 to 59999).
    """
    offset = timedelta(seconds=utc_offset_s)
    readers = [(field.part, _reader(field)) for field in fields]

    def decode(registers: Sequence[int]) -> float | None:
        parts: dict[str, int] = {}
        for part, read in readers:
            number = read(registers)
            if number is None:
                return None
            parts[part] = number
        return _unix_seconds(parts, offset)

    return decode


def _reader(field: DateField) -> Callable[[Sequence[int]], int | None]:
    at, plus = field.register_, field.plus
    shift, bits = field.bits
    mask = (1 << bits) - 1
    from_bcd = decoder(Encoding.BCD, bits) if field.encoding is Encoding.BCD else None

    def read(words: Sequence[int]) -> int | None:
        pattern = words[at] >> shift & mask
        number = pattern if from_bcd is None else from_bcd(pattern)
        return None if number is None else number + plus

    return read


def _unix_seconds(parts: dict[str, int], offset: timedelta) -> float | None:
    milliseconds = parts.pop("millisecond", 0)
    if not 0 <= milliseconds < (1_000 if "second" in parts else MINUTE_MS):
        return None
    try:
        local = datetime(
            parts["year"],
            parts["month"],
            parts["day"],
            parts.get("hour", 0),
            parts.get("minute", 0),
            parts.get("second", 0),
            tzinfo=UTC,
        )
    except (ValueError, OverflowError):
        return None
    whole = (local - _EPOCH - offset) // timedelta(seconds=1)
    return whole if milliseconds == 0 else (whole * 1_000 + milliseconds) / 1_000
