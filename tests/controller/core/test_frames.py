"""Batches joined to catalogs as columns."""

import numpy as np
import pytest

from campus_wire.batch import Batch, Sample, blocks_of
from campus_wire.catalog import Catalog
from campus_wire.errors import MalformedError
from campus_wire.quality import Quality
from campus_wire.samples import ClockState
from controller.frames import CatalogTable, Frame
from controller.last_values import LastValues
from tests.controller.core.samples import EPOCH, NOW_NS, POINTS, catalog

CATALOG = catalog("gw-1")
TABLE = CatalogTable.of(CATALOG)


def sample(device: int, value: float | None, *, quality: int = 0, at_s: int = 0) -> Sample:
    return Sample(device, (0,), NOW_NS + at_s * 10**9, (value,), (quality,))


def frames(*samples: Sample, clock: ClockState = ClockState.SYNCED, first: int = 1) -> list[Frame]:
    return TABLE.frames_of(Batch(EPOCH, first, CATALOG.revision, blocks_of(samples), clock=clock))


def test_columns_hold_what_the_batch_holds() -> None:
    both = Sample(1, (0, 1), NOW_NS, (21.5, 40.0), (0, 0))
    one, two = frames(sample(0, 20.0), sample(2, 22.0), both, first=7)

    assert one.values.tolist() == [[20.0, 22.0]]
    assert one.seq.tolist() == [7, 8]
    assert one.device_row.tolist() == [0, 2]
    assert one.qualities is None
    assert two.values.tolist() == [[21.5], [40.0]]
    assert two.seq.tolist() == [9]
    assert [point.name for point in two.points] == ["temperature", "humidity"]
    info = two.devices[1]
    assert (info.school, info.building, info.area, info.area_kind) == (
        "sunrise",
        "b1",
        "r101",
        "classroom",
    )


def test_what_is_the_same_is_shared_between_frames() -> None:
    [one], [two] = frames(sample(0, 1.0)), frames(sample(1, 2.0))

    assert one.devices is two.devices
    assert one.points is two.points


def test_bad_values_are_nan_with_their_reason() -> None:
    [frame] = frames(sample(0, 20.0), sample(1, None, quality=Quality.NO_ANSWER))

    assert np.isnan(frame.values[0]).tolist() == [False, True]
    assert frame.qualities is not None
    assert frame.qualities.tolist() == [[Quality.GOOD, Quality.NO_ANSWER]]


def test_without_a_synchronised_clock_good_becomes_uncertain() -> None:
    samples = (sample(0, 20.0), sample(1, None, quality=Quality.NO_ANSWER))
    [frame] = frames(*samples, clock=ClockState.UNSYNCED)

    assert frame.qualities is not None
    assert frame.qualities.tolist() == [[Quality.CLOCK_UNSYNCED, Quality.NO_ANSWER]]


def poorer() -> Catalog:
    """The same, but the last device lacks a point."""
    plain = CATALOG.model_dump(mode="json", by_alias=True)
    plain["devices"][2]["points"] = [0, 2]
    return Catalog.model_validate_json(Catalog.model_validate(plain, strict=False).document)


@pytest.mark.parametrize(
    ("table", "device", "points"),
    [
        (TABLE, 3, (0,)),
        (TABLE, 0, (len(POINTS),)),
        (CatalogTable.of(poorer()), 2, (0, 1)),
    ],
)
def test_what_the_catalog_does_not_hold_is_refused(
    table: CatalogTable, device: int, points: tuple[int, ...]
) -> None:
    foreign = Sample(device, points, NOW_NS, tuple(1.0 for _ in points), tuple(0 for _ in points))
    batch = Batch(EPOCH, 1, table.revision, blocks_of([foreign]))

    with pytest.raises(MalformedError) as caught:
        table.frames_of(batch)

    assert caught.value.reason == "catalog_mismatch"


def test_selecting_keeps_rows_together() -> None:
    [frame] = frames(sample(0, 20.0), sample(1, None, quality=Quality.NO_ANSWER), sample(2, 22.0))

    kept = frame.select(np.array([False, True, True]))

    assert kept.seq.tolist() == [2, 3]
    assert kept.device_row.tolist() == [1, 2]
    assert kept.qualities is not None
    assert kept.qualities.tolist() == [[Quality.NO_ANSWER, Quality.GOOD]]


def test_last_values_are_the_newest_whatever_comes_late() -> None:
    last = LastValues(TABLE)
    for samples in (
        (sample(0, 20.0, at_s=10), sample(0, 21.0, at_s=20)),
        (sample(0, 5.0, at_s=15), sample(1, 19.0, at_s=1)),
        (sample(1, None, quality=Quality.NO_ANSWER, at_s=2),),
    ):
        for frame in frames(*samples):
            last.observe(frame)

    first, second, third = (last.of_device(row)["temperature"] for row in range(3))
    assert (first.value, first.time_ns) == (21.0, NOW_NS + 20 * 10**9)
    assert (second.value, second.quality) == (None, Quality.NO_ANSWER)
    assert (third.value, third.quality, third.time_ns) == (None, Quality.NEVER_READ, 0)
    assert last.last_time_ns(0) == NOW_NS + 20 * 10**9
    assert last.of_device(0)["humidity"].time_ns == 0


def test_last_values_survive_a_new_catalog() -> None:
    last = LastValues(TABLE)
    for frame in frames(sample(1, 21.0)):
        last.observe(frame)
    newer = LastValues(CatalogTable.of(catalog("gw-1", devices=2, points=POINTS[::-1])))

    newer.take_over(last)

    assert newer.of_device(1)["temperature"].value == 21.0
    assert newer.of_device(0)["temperature"].value is None
