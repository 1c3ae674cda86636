"""Catalogs and batches as gateways make them, small and foreseeable."""

from collections.abc import Sequence

from campus_wire.batch import Batch, Sample, blocks_of, encode_batch
from campus_wire.catalog import Area, Catalog, Device, Label, Point, SampleClass, School
from campus_wire.samples import ClockState

EPOCH = "11111111-2222-4333-8444-555555555555"
SECOND = 1_000_000_000
NOW_NS = 1_790_000_000 * SECOND  # in 2026

# A rule file: each device of a `catalog` raises an alarm above 40 °C.
TOO_HOT = """
rules:
  - id: too-hot
    kind: threshold
    name: {zh: 过热, en: Too hot}
    severity: warning
    alarm_class: comfort
    applies_to: {categories: [climate], points: [temperature]}
    above: 40
    deadband: 1
    consequence: {zh: 太热, en: It is too hot}
    action: {zh: 开窗, en: Open a window}
"""


def label(text: str) -> Label:
    return Label(zh=text, en=text)


def point(name: str, unit: str = "°C", **options: object) -> Point:
    return Point.model_validate(
        {"name": name, "unit": unit, "label": label(name), **options}, strict=False
    )


POINTS = (
    point("temperature", minimum=-40.0, maximum=80.0),
    point("humidity", "%RH"),
    point("set_temperature", writable=True, minimum=16.0, maximum=30.0),
)


def catalog(gateway: str, *, devices: int = 3, points: Sequence[Point] = POINTS) -> Catalog:
    """A school with one building and one room, and `devices` that carry all points."""
    return Catalog(
        gateway=gateway,
        school=School(id="sunrise", name=label("Sunrise")),
        areas=(
            Area(id="b1", kind="building", name=label("Building 1")),
            Area(id="r101", parent="b1", kind="classroom", name=label("Room 101")),
        ),
        points=tuple(points),
        devices=tuple(
            Device(
                id=f"th-{number}",
                name=label(f"Sensor {number}"),
                profile="xy-md02",
                category="climate",
                area="r101",
                interval_s=10.0,
                points=tuple(range(len(points))),
            )
            for number in range(devices)
        ),
    )


def batch(
    of: Catalog,
    first: int,
    *,
    count: int = 3,
    time_ns: int = NOW_NS,
    value: float = 20.0,
    epoch: str = EPOCH,
    sample_class: SampleClass = SampleClass.NORMAL,
    clock: ClockState = ClockState.SYNCED,
    boot: str | None = None,
) -> Batch:
    """`count` samples of all devices in turn; a sample's content depends on its number alone."""
    samples = [
        Sample(
            device=(first + number) % len(of.devices),
            points=(0, 1),
            time_ns=time_ns + (first + number) * 1_000_000,
            values=(value, float(first + number)),
            qualities=(0, 0),
        )
        for number in range(count)
    ]
    return Batch(
        epoch=epoch,
        first=first,
        catalog=of.revision,
        blocks=blocks_of(samples),
        sample_class=sample_class,
        clock=clock,
        boot=boot,
    )


def payload(of: Catalog, first: int, **options: object) -> bytes:
    return encode_batch(batch(of, first, **options))  # type: ignore[arg-type]
