"""What a simulator shows, the product reads: for every profile of the library, in every variant.

Both sides work out everything from the words of the profile by themselves, so a number that one of
them misunderstands comes out as another one.
"""

import random
from collections.abc import Iterator
from itertools import chain, combinations

import pytest

from device_profiles.library import Library
from device_profiles.model import ModbusProfile
from firmware_sims.codec import Encoding
from firmware_sims.device import ModbusDevice
from firmware_sims.errors import SchoolError
from firmware_sims.from_profile import Choice, blueprint, count_points
from firmware_sims.moments import MomentForm
from firmware_sims.registers import WRITE_SUFFIX, RegisterPoint
from tests.sims.edge_reader import Read, read_device, simulated

LIBRARY = Library.builtin()
MODBUS = [profile for profile in LIBRARY if isinstance(profile, ModbusProfile)]
VARIANTS_MAX = 24


def choices(profile: ModbusProfile) -> Iterator[Choice]:
    """Every variant and pair of variants that a device can be, and few and many instances."""
    names = [variant.name for variant in profile.variants]
    for chosen in chain.from_iterable(combinations(names, size) for size in (0, 1, 2)):
        try:
            blueprint(profile, Choice(chosen))
        except SchoolError as error:
            if error.reason != "variant":
                raise
            continue
        yield Choice(chosen)
        for point in count_points(profile):
            yield Choice(chosen, counts={point: 1})


CHOICES = [
    pytest.param(profile, choice, id=f"{profile.id}-{'-'.join(choice.variants)}{number}")
    for profile in MODBUS
    for number, choice in zip(range(VARIANTS_MAX), choices(profile), strict=False)
]


def test_every_variant_of_the_library_can_be_simulated() -> None:
    for profile in MODBUS:
        possible = {name for choice in choices(profile) for name in choice.variants}
        assert possible == {variant.name for variant in profile.variants}, profile.id


def span(point: RegisterPoint) -> tuple[float, float]:
    """What a point can show, where that is not too much for floats."""
    encoding = point.encoding
    if isinstance(encoding, MomentForm):
        return 1.6e9, 1.9e9
    assert isinstance(encoding, Encoding)
    if encoding.kind == "float":
        return -6e4, 6e4
    low, high = encoding._limits
    ends = [encoding.number(max(low, -(2**40))), encoding.number(min(high, 2**40))]
    ends = [end for end in ends if end == end] or [0.0]  # noqa: PLR0124 - NaN is not itself
    return min(ends), max(ends)


def hold_something(profile: ModbusProfile, device: ModbusDevice, dice: random.Random) -> None:
    """Let every point hold something that it can show."""
    decided = {one.point for variant in profile.variants for one in variant.conditions}
    decided |= count_points(profile)
    helpers = {
        name
        for point in profile.points
        if point.read is not None
        for name in (point.read.scale_factor, *point.read.multiplier, *point.read.divisor)
    }
    for name in sorted(device.points, key=lambda name: name not in helpers):
        point = device.points[name]
        if name.startswith("@") or name.endswith(WRITE_SUFFIX) or name in decided or point.is_text:
            continue
        given = profile.find(name)
        assert given is not None
        if name in helpers:
            device.hold(name, dice.choice([-2.0, -1.0, 1.0, 2.0]))
            continue
        low, high = span(point)
        low = low if given.minimum is None else max(low, given.minimum)
        high = high if given.maximum is None else min(high, given.maximum)
        device.hold(name, number_between(low, max(low, high), dice))


def number_between(low: float, high: float, dice: random.Random) -> float:
    """Any number, often an end, or a small one."""
    kind = dice.randrange(4)
    if kind == 0:
        return dice.choice([low, high])
    if kind == 1:
        return max(low, min(high, round(dice.uniform(-100, 100), dice.randrange(3))))
    return dice.uniform(low, high)


def assert_read(read: Read, device: ModbusDevice) -> None:
    """A reader may call a number "no reading"; it never reads another number."""
    for name, value in read.values.items():
        shown = device.shown[name]
        if value is not None:
            assert shown is not None, name
            assert value == pytest.approx(shown, rel=tolerance(device, name), abs=1e-9), name
    assert read.texts == {name: device.texts[name] for name in read.texts}


def tolerance(device: ModbusDevice, name: str) -> float:
    encoding = device.points[name].encoding if name in device.points else None
    is_half = isinstance(encoding, Encoding) and (encoding.kind, encoding.width) == ("float", 16)
    return 1e-3 if is_half else 1e-6


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("profile", "choice"), CHOICES)
def test_the_edge_reads_what_a_device_shows(
    profile: ModbusProfile, choice: Choice, seed: int
) -> None:
    device = simulated(profile, choice)
    hold_something(profile, device, random.Random(seed))

    assert_read(read_device(profile, device), device)


@pytest.mark.parametrize(("profile", "choice"), CHOICES)
def test_a_fresh_device_can_be_read_whole(profile: ModbusProfile, choice: Choice) -> None:
    device = simulated(profile, choice)
    read = read_device(profile, device)

    readable = {one.name for one in read.profile.points if one.is_readable}
    assert read.values.keys() | read.texts.keys() == readable
    # the device has what the product thinks it has
    own = {name for name in device.names if not name.startswith("@") and WRITE_SUFFIX not in name}
    assert own == {point.name for point in read.profile.points}
