"""How a point is got at and what it may say, in words for a person who has the manual at hand."""

from __future__ import annotations

from device_profiles.model import ModbusProfile, MqttProfile
from device_profiles.model_modbus import ModbusPoint, ModbusRead
from device_profiles.model_mqtt import MqttPoint
from device_profiles.model_point import Point


def where(profile: ModbusProfile | MqttProfile, point: Point) -> str:
    """Return where a point is read: `holding 1 (printed 40002) int16 AB × 0.1`."""
    if point.compute is not None:
        return f"{point.compute.operation}: {', '.join(point.compute.points)}"
    if isinstance(profile, ModbusProfile) and isinstance(point, ModbusPoint):
        return _modbus_where(profile, point)
    if isinstance(point, MqttPoint) and point.read is not None:
        return point.read.path or "the whole payload"
    return "-"


def allowed(point: Point) -> str:
    """Return the states, the flags or the range of a point; empty where any number is valid."""
    meanings = point.states or point.flags
    if meanings:
        bit = "" if point.states else "bit "
        return "\n".join(f"{bit}{number} {one.zh} {one.en}" for number, one in meanings.items())
    if point.minimum is None and point.maximum is None:
        return ""
    low = "" if point.minimum is None else f"{point.minimum:g}"
    high = "" if point.maximum is None else f"{point.maximum:g}"
    return f"{low} … {high}".strip()


def remarks(profile: ModbusProfile | MqttProfile, point: Point) -> str:
    """Return what is special about a point: hidden, read seldom, there in some variants only."""
    words = [f"{point.access} {point.point_class}"]
    if point.hidden:
        words.append("hidden")
    if point.interval_s is not None:
        seldom = point.interval_s
        words.append(seldom if isinstance(seldom, str) else f"every {seldom:g} s")
    if isinstance(profile, ModbusProfile):
        words += [
            f"variant {effect.name}"
            for effect in profile.effects
            if any(one.name == point.name for one in effect.added)
        ]
    return "\n".join(words)


def _modbus_where(profile: ModbusProfile, point: ModbusPoint) -> str:
    read, write = point.read, point.write
    if read is None:
        assert write is not None
        if write.block:
            return f"(written: {_model(write.block)} {write.address})"
        place = profile.write_location(point)
        return f"(written: {place.table} {_both(write.address, place.address)})"
    page = "" if read.page is None else f" page {read.page}"
    return f"{_address(profile, read)}{page}{_coding(profile, read)}{_factors(read)}"


def _address(profile: ModbusProfile, read: ModbusRead) -> str:
    if read.block:
        return f"{_model(read.block)} {read.address}"
    place = profile.modbus.read_location(read)
    return f"{place.table} {_both(read.address, place.address)}"


def _model(block: tuple[int, ...]) -> str:
    return f"model {'/'.join(map(str, block))}"


def _both(printed: int | None, address: int) -> str:
    return f"{address}" if printed in (None, address) else f"{address} (printed {printed})"


def _coding(profile: ModbusProfile, read: ModbusRead) -> str:
    if read.input_type.holds_bits:
        return ""
    letters = profile.modbus.defaults.letters(read.raw_type, read.byte_order)
    length = "" if read.length is None else f" × {read.length}"
    encoding = "" if read.encoding is None else f" {read.encoding}"
    bits = "" if read.bit is None else f" bit {read.bit}"
    if read.bit is not None and read.bit_count > 1:
        bits = f" bits {read.bit}-{read.bit + read.bit_count - 1}"
    return f" {read.raw_type}{length} {letters}{encoding}{bits}"


def _factors(read: ModbusRead) -> str:
    parts = [f"× {read.scale:g}"] if read.scale != 1 else []
    parts += [f"{read.offset:+g}"] if read.offset else []
    parts += ["polynomial"] if read.polynomial is not None else []
    parts += ["curve"] if read.curve is not None else []
    parts += [f"× 10^{read.scale_factor}"] if read.scale_factor is not None else []
    parts += [f"× {name}" for name in read.multiplier]
    parts += [f"/ {name}" for name in read.divisor]
    return "".join(f" {part}" for part in parts)
