"""The product reads a simulated device: asks, resolves, plans, decodes and combines."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from device_profiles.combining import Combiner
from device_profiles.decoding import ReplyDecoder
from device_profiles.model import ModbusProfile
from device_profiles.model_location import Table
from device_profiles.model_modbus import ModbusPoint
from device_profiles.planning import ReadRequest, plan_reads
from device_profiles.reading import Reading
from device_profiles.resolving import Facts, introduction, resolve
from device_profiles.sunspec_walk import SunSpecWalk
from device_profiles.writing import plan_write, write_factors
from firmware_sims.codec import Encoding
from firmware_sims.device import DeviceParts, ModbusDevice
from firmware_sims.from_profile import Choice, blueprint
from firmware_sims.modbus.pdu import exception_pdu
from firmware_sims.registers import unpack_bits
from firmware_sims.signals import Signal

FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


class RefusedError(Exception):
    """The device answered with an exception code."""


@dataclass
class Read:
    """What the product made of a device."""

    profile: ModbusProfile
    readings: dict[str, Reading] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, float | None]:
        return {name: reading.value for name, reading in self.readings.items()}


def simulated(
    profile: ModbusProfile,
    choice: Choice = Choice(),  # noqa: B008 - frozen
    *,
    signals: dict[str, Signal] | None = None,
    **initial: float,
) -> ModbusDevice:
    """A device of the model as the simulators make it, without a world around it."""
    drawn = blueprint(profile, choice)
    parts = DeviceParts(
        points=drawn.points,
        signals=signals or {},
        initial=drawn.numbers | initial,
        texts=drawn.texts,
        sets=drawn.sets,
        forbidden=drawn.forbidden,
        extra=drawn.extra,
        preset=drawn.preset,
        limits=drawn.limits,
        temper=drawn.temper,
        relations=drawn.relations,
        page_point=drawn.page_point,
        lock=drawn.lock,
        heartbeat=drawn.heartbeat,
        watchdog=drawn.watchdog,
        identity=drawn.identity,
    )
    return ModbusDevice("device-1", 1, parts)


def read_device(profile: ModbusProfile, device: ModbusDevice, *, now_s: float = 0.0) -> Read:
    """Everything that the product can read of a device."""
    resolved = _resolved(profile, device, now_s)
    read = Read(resolved)
    points = [point for point in resolved.points if point.is_readable]
    _read_points(read, points, device, now_s)
    combiner = Combiner.of(resolved, points)
    if combiner is not None:
        known = dict(read.readings)
        read.readings = {one.point: one for one in combiner.combine(known)}
    return read


def _resolved(profile: ModbusProfile, device: ModbusDevice, now_s: float) -> ModbusProfile:
    wanted = introduction(profile)
    if wanted is None:
        return profile
    facts = Facts()
    if wanted.walks_sunspec:
        assert profile.modbus.sunspec is not None
        walk = SunSpecWalk(profile.modbus.sunspec)
        while (step := walk.next()) is not None:
            table, address, count = step
            try:
                walk.feed(ask(device, table.value, address, count, now_s))
            except RefusedError:
                walk.feed(None)
        facts = Facts(blocks=walk.blocks)
    first = Read(profile)
    found = resolve(profile, facts)
    points = [found.points_by_name[name] for name in wanted.points if found.find(name)]
    _read_points(first, [p for p in points if isinstance(p, ModbusPoint)], device, now_s)
    numbers = {name: value for name, value in first.values.items() if value is not None}
    return resolve(profile, Facts(numbers, first.texts, facts.blocks))


def _read_points(
    read: Read, points: Iterable[ModbusPoint], device: ModbusDevice, now_s: float
) -> None:
    for request in plan_reads(read.profile, [point for point in points if point.read is not None]):
        raw = reply(read.profile, request, device, now_s)
        decoder = ReplyDecoder(read.profile, request)
        read.readings |= {one.point: one for one in decoder.readings(raw)}
        read.texts |= {one.point: one.text for one in decoder.texts(raw)}


def reply(
    profile: ModbusProfile, request: ReadRequest, device: ModbusDevice, now_s: float
) -> list[int]:
    if request.page is not None:
        select_page(profile, device, request.page, now_s)
    return ask(device, request.table.value, request.address, request.count, now_s)


def select_page(profile: ModbusProfile, device: ModbusDevice, page: int, now_s: float) -> None:
    given = profile.modbus.page
    assert given is not None
    address = profile.modbus.wire_address(Table.HOLDING, given.address)
    words = struct.pack(">I", page) if given.data_type == "uint32" else struct.pack(">H", page)
    send(device, given.function, address, struct.unpack(f">{len(words) // 2}H", words), now_s)


def ask(device: ModbusDevice, table: str, address: int, count: int, now_s: float) -> list[int]:
    """Registers or bits as the wire has them; RefusedError on an exception."""
    function = FUNCTIONS[table]
    question = struct.pack(">BHH", function, address, count)
    answer = device.respond(question, now_s).pdu
    if answer[0] != function:
        raise RefusedError(f"{device.id}: {table} {address}+{count}: exception {answer[1]}")
    payload = answer[2:]
    if function in (1, 2):
        return list(unpack_bits(payload, count))
    return list(struct.unpack(f">{len(payload) // 2}H", payload))


def send(
    device: ModbusDevice, function: int, address: int, values: Sequence[int], now_s: float = 0.0
) -> None:
    """A write as it goes on the wire."""
    if function == 5:
        word = {1: 0xFF00, 0: 0}.get(values[0], values[0])
        pdu = struct.pack(">BHH", 5, address, word)
    elif function == 6:
        pdu = struct.pack(">BHH", 6, address, values[0])
    elif function == 15:
        bits = sum(bit << index for index, bit in enumerate(values))
        packed = bits.to_bytes((len(values) + 7) // 8, "little")
        pdu = struct.pack(">BHHB", 15, address, len(values), len(packed)) + packed
    else:
        data = struct.pack(f">{len(values)}H", *values)
        pdu = struct.pack(">BHHB", 16, address, len(values), len(data)) + data
    answer = device.respond(pdu, now_s).pdu
    if answer == exception_pdu(function, answer[1]):
        raise RefusedError(f"{device.id}: write {function} {address}: exception {answer[1]}")


def write_point(
    profile: ModbusProfile, device: ModbusDevice, name: str, value: float, *, now_s: float = 0.0
) -> None:
    """A command to a point, with all that the profile wants around it."""
    point = profile.find(name)
    assert point is not None
    known = {one: device.shown[one] or 0.0 for one in write_factors(point)}
    request = plan_write(profile, point, value, known=known)
    if request.page is not None:
        select_page(profile, device, request.page, now_s)
    if request.reads_first:
        held = ask(device, "holding", request.address, len(request.values), now_s)
        request = request.over(held)
    if request.unlock:
        for raw in profile.modbus.unlock:
            address = profile.modbus.wire_address(raw.table, raw.address)
            send(device, raw.function, address, raw.words, now_s)
    send(device, request.function, request.address, request.values, now_s)
    for raw in request.then:
        address = profile.modbus.wire_address(raw.table, raw.address)
        send(device, raw.function, address, raw.words, now_s)


def assert_read_right(made: ModbusProfile, device: ModbusDevice) -> Read:
    """Every number and text is read as the device shows it, and none is left out."""
    read = read_device(made, device)
    for name, reading in read.readings.items():
        shown = device.shown[name]
        if shown is None:
            assert reading.value is None, name
            continue
        encoding = device.points[name].encoding if name in device.points else None
        is_half = isinstance(encoding, Encoding) and (encoding.kind, encoding.width) == (
            "float",
            16,
        )
        assert reading.value == pytest.approx(shown, rel=1e-3 if is_half else 1e-6, abs=1e-9), name
    assert read.texts == {name: device.texts[name] for name in read.texts}
    readable = {one.name for one in read.profile.points if one.is_readable}
    assert read.readings.keys() | read.texts.keys() == readable
    return read
