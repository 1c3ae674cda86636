"""A district's telemetry, made beforehand: catalogs and the batches their gateways would send."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from campus_wire.batch import Batch, Block, encode_batch
from campus_wire.catalog import Area, Catalog, Device, Label, Point, School

SECOND_NS = 1_000_000_000
_KINDS = (
    # category, profile, points, devices of that kind in 16
    ("climate", "xy-md02", (("temperature", "°C"), ("humidity", "%RH"), ("co2", "ppm")), 10),
    (
        "electricity_meter",
        "sdm120",
        (("voltage", "V"), ("current", "A"), ("active_power", "W"), ("energy", "kWh")),
        4,
    ),
    ("gas_detector", "nh3", (("concentration", "ppm"), ("state", "")), 2),
)


@dataclass(frozen=True)
class Load:
    """What one gateway sends."""

    gateway: str
    catalog: Catalog
    payloads: list[bytes]
    values: int


def label(text: str) -> Label:
    return Label(zh=text, en=text)


def make_catalog(number: int, *, devices: int) -> Catalog:
    points: list[Point] = []
    positions: list[tuple[int, ...]] = []
    for _, _, names, _ in _KINDS:
        positions.append(tuple(range(len(points), len(points) + len(names))))
        points += [Point(name=name, unit=unit, label=label(name)) for name, unit in names]
    kinds = [kind for kind, (*_, share) in enumerate(_KINDS) for _ in range(share)]
    rooms = [
        Area(id=f"r{room}", parent="b1", kind="classroom", name=label(f"Room {room}"))
        for room in range(devices // 4 + 1)
    ]
    return Catalog(
        gateway=f"bench-{number:03d}",
        school=School(id=f"school-{number:03d}", name=label(f"School {number}")),
        areas=(Area(id="b1", kind="building", name=label("Building")), *rooms),
        points=tuple(points),
        devices=tuple(
            Device(
                id=f"d{one}",
                name=label(f"Device {one}"),
                profile=_KINDS[kinds[one % 16]][1],
                category=_KINDS[kinds[one % 16]][0],
                area=f"r{one // 4}",
                interval_s=1.0,
                points=positions[kinds[one % 16]],
            )
            for one in range(devices)
        ),
    )


def batches_of(catalog: Catalog, *, count: int, start_ns: int, seed: int) -> Iterator[Batch]:
    """Yield batches of all devices, one a second: `value` walks as a sensor's would."""
    dice = random.Random(seed)
    epoch = str(uuid.UUID(int=dice.getrandbits(128), version=4))
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, one in enumerate(catalog.devices):
        groups.setdefault(one.points, []).append(index)
    state = {
        (points, device): [dice.uniform(18, 26) for _ in points]
        for points, members in groups.items()
        for device in members
    }
    first = 1
    for tick in range(count):
        blocks = []
        for points, members in groups.items():
            for device in members:
                values = state[points, device]
                for column in range(len(points)):
                    if dice.random() < 0.5:
                        values[column] = round(values[column] + dice.choice((-0.1, 0.1)), 1)
            times = [start_ns + tick * SECOND_NS + 3_000_000 * row for row in range(len(members))]
            columns = [
                [round(state[points, device][column], 1) for device in members]
                for column in range(len(points))
            ]
            blocks.append(Block(points, members, times, columns))
        batch = Batch(epoch=epoch, first=first, catalog=catalog.revision, blocks=tuple(blocks))
        first += batch.count
        yield batch


def make_loads(*, gateways: int, devices: int, batches: int, start_ns: int) -> list[Load]:
    loads = []
    for number in range(gateways):
        catalog = make_catalog(number, devices=devices)
        made = list(batches_of(catalog, count=batches, start_ns=start_ns, seed=number))
        loads.append(
            Load(
                gateway=catalog.gateway,
                catalog=catalog,
                payloads=[encode_batch(batch) for batch in made],
                values=sum(batch.value_count for batch in made),
            )
        )
    return loads
