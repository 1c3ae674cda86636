"""One test over all profiles, so that none is worse than the others."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, combinations
from pathlib import Path

import pytest

from campus_wire.catalog import Label
from campus_wire.quality import Quality
from campus_wire.quantities import UNITS
from device_profiles.categories import CATEGORIES
from device_profiles.combining import Combiner
from device_profiles.decoding import ReplyDecoder
from device_profiles.examples import check_examples
from device_profiles.library import Library, profile_paths
from device_profiles.messages import MessageDecoder, encode_message_command
from device_profiles.model import ModbusProfile, MqttProfile, Profile
from device_profiles.model_modbus import Location, ModbusPoint
from device_profiles.model_point import Point
from device_profiles.model_variants import VariantCondition
from device_profiles.planning import plan_reads
from device_profiles.resolving import Block, Facts, introduction, resolve
from device_profiles.writing import (
    moved_together,
    plan_read_back,
    plan_write,
    read_back_point,
    write_factors,
)

LIBRARY = Library.builtin()
PROFILES = [pytest.param(profile, id=profile.id) for profile in LIBRARY]
MODBUS = [
    pytest.param(profile, id=profile.id)
    for profile in LIBRARY
    if isinstance(profile, ModbusProfile)
]
MQTT = [
    pytest.param(profile, id=profile.id) for profile in LIBRARY if isinstance(profile, MqttProfile)
]
REAL = [profile for profile in LIBRARY if profile.evidence != "none"]
HERE = Path(__file__).parent

SUNSPEC_LENGTH = 200  # longer than any model


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def labels_of(profile: Profile) -> Iterator[Label]:
    """Everything that a person reads: also flags, groups, their instances, variants' points."""
    yield profile.labels
    for point in profile.points:
        if not point.hidden:
            yield point.labels
        yield from point.states.values()
        yield from point.flags.values()
    if isinstance(profile, ModbusProfile | MqttProfile):
        for group in profile.groups:
            if group.labels is not None:
                yield group.labels
            names = group.repeat.names
            yield from names.values() if isinstance(names, dict) else ()


@pytest.mark.parametrize("profile", PROFILES)
def test_labels_exist_in_both_languages(profile: Profile) -> None:
    for label in labels_of(profile):
        assert is_chinese(label.zh) or "HFC" in label.zh, label
        assert not is_chinese(label.en), label


@pytest.mark.parametrize("profile", PROFILES)
def test_head_is_in_order(profile: Profile) -> None:
    assert profile.category in CATEGORIES
    assert {point.unit for point in profile.points} <= set(UNITS)
    assert all(len(source.ref) > 8 for source in profile.sources)
    assert all(source.commit or "/" in source.ref for source in profile.sources)
    assert any(point.is_readable and not point.hidden for point in profile.points)


@pytest.mark.parametrize("profile", PROFILES)
def test_only_generic_profiles_have_no_evidence(profile: Profile) -> None:
    assert (profile.evidence == "none") == profile.id.startswith("generic-")
    assert profile.evidence in ("none", "datasheet")  # nothing was tried on a bench yet


@pytest.mark.parametrize("profile", PROFILES)
def test_a_state_has_no_unit_and_lies_within_the_range(profile: Profile) -> None:
    for point in profile.points:
        for numbers in (point.states, point.flags):
            if not numbers:
                continue
            assert point.unit == ""
        if point.states:
            assert point.minimum is None or min(point.states) >= point.minimum
            assert point.maximum is None or max(point.states) <= point.maximum


@pytest.mark.parametrize("profile", PROFILES)
def test_names_that_differ_have_labels_that_differ(profile: Profile) -> None:
    """Two rows of a screen that read the same cannot be told apart."""
    for language in ("zh", "en"):
        shown: dict[str, str] = {}
        for point in profile.points:
            if point.hidden:
                continue
            other = shown.setdefault(point.labels[language], point.name)
            assert other == point.name, f"{other} and {point.name}: {point.labels[language]}"


def devices(profile: ModbusProfile) -> Iterator[ModbusProfile]:
    """The devices that a model can be: each variant, pairs of them, with all SunSpec models."""
    parts = [part for point in profile.points for part in (point.read, point.write)]
    models = sorted({model for part in parts if part is not None for model in part.block})
    blocks = {
        model: Block(40_002 + number * (SUNSPEC_LENGTH + 2), SUNSPEC_LENGTH)
        for number, model in enumerate(models)
    }
    conditions = [one for effect in profile.effects for one in effect.conditions]
    answers = {one.point: fact_for(one) for one in conditions}
    for size in (0, 1, 2):
        for chosen in combinations(answers, size):
            said = {name: answers[name] for name in chosen}
            numbers = {name: one for name, one in said.items() if isinstance(one, int | float)}
            texts = {name: one for name, one in said.items() if isinstance(one, str)}
            yield resolve(profile, Facts(numbers, texts, blocks))


def fact_for(condition: VariantCondition) -> float | str:
    """What a device says for which the condition holds."""
    if condition.below is not None:
        return condition.below - 1 if not isinstance(condition.below, str) else "0"
    facts = (condition.equals, condition.at_least, condition.starts_with, *condition.one_of)
    return next(fact for fact in facts if fact is not None)


@pytest.mark.parametrize("profile", MODBUS)
def test_every_point_can_be_planned_and_decoded(profile: ModbusProfile) -> None:
    for device in devices(profile):
        read = [point for point in device.points if point.read is not None]
        requests = plan_reads(device, device.points)
        planned = [point.name for request in requests for point in request.points]
        assert sorted(planned) == sorted(point.name for point in read)
        for request in requests:
            assert request.count <= limit_of(device, request.points[0])
            decoder = ReplyDecoder(device, request)
            values, qualities = decoder.decode([0] * request.count)
            assert len(values) == len(qualities) == len(numbers(request.points))
            dates = {one.name for one in request.points if is_date(one)}
            for name, quality in zip(decoder.points, qualities, strict=True):
                assert quality is not Quality.UNDECODABLE or name in dates, name
            texts = decoder.texts([0x4142] * request.count)
            assert [one.point for one in texts] == list(decoder.text_points)


def limit_of(profile: ModbusProfile, point: ModbusPoint) -> int:
    section = profile.modbus
    if profile.read_location(point).table.holds_bits:
        return section.max_bit_registers_per_request
    return section.max_word_registers_per_request


def is_date(point: ModbusPoint) -> bool:
    return point.read is not None and point.read.data_type == "datetime"


def numbers(points: Sequence[ModbusPoint]) -> list[ModbusPoint]:
    return [point for point in points if point.read and point.read.data_type != "string"]


@pytest.mark.parametrize("profile", MODBUS)
def test_what_is_made_of_other_points_can_be_made(profile: ModbusProfile) -> None:
    for device in devices(profile):
        wanted = [one for one in device.points if one.is_readable and not one.is_text]
        combiner = Combiner.of(device, wanted)
        if combiner is None:
            continue
        known = {
            reading.point: reading
            for request in plan_reads(device, device.points)
            for reading in ReplyDecoder(device, request).readings([1] * request.count)
        }
        assert set(combiner.needs) <= known.keys()
        made = combiner.combine(known)
        assert [one.point for one in made] == [one.name for one in wanted]
        assert all(one.quality is not Quality.NEVER_READ for one in made)


@pytest.mark.parametrize("profile", MODBUS)
def test_what_a_device_is_asked_first_can_be_read(profile: ModbusProfile) -> None:
    first = introduction(profile)
    if first is None:
        return
    [device, *_] = devices(profile)
    for name in first.points:
        point = device.find(name)
        assert point is not None, name
        assert point.read is not None, name


@pytest.mark.parametrize("profile", MODBUS)
def test_hidden_points_are_of_use(profile: ModbusProfile) -> None:
    first = introduction(profile)
    used = set() if first is None else set(first.points)
    for point in profile.points:
        if point.read is not None:
            used.update(point.read.factors)
        if point.compute is not None:
            used.update(point.compute.points)
    assert {point.name for point in profile.points if point.hidden} <= used


@pytest.mark.parametrize("profile", MQTT)
def test_every_topic_can_be_listened_to(profile: MqttProfile) -> None:
    for parameters in profile.parameter_sets:
        decoder = MessageDecoder(profile, dict.fromkeys(parameters, "one"))
        assert decoder.topics


@pytest.mark.parametrize("profile", MODBUS)
def test_registers_do_not_overlap_but_for_bits(profile: ModbusProfile) -> None:
    for device in devices(profile):
        taken: dict[tuple[object, ...], tuple[str, Location]] = {}
        for point in device.points:
            if point.read is None or point.read.overlaps:
                continue
            place = device.read_location(point)
            for where in bits_of(place):
                name, other = taken.setdefault((place.page, *where), (point.name, place))
                # the same number read in two ways: a whole and its bits, a word and its date
                is_whole = (place.address, place.count) == (other.address, other.count)
                assert name == point.name or (is_whole and not is_same(place, other)), (
                    f"{point.name} overlaps {name}"
                )


def bits_of(place: Location) -> Iterator[tuple[object, ...]]:
    """Every bit of every register that a value takes."""
    if place.table.holds_bits:
        return (yield (place.table, place.address))
    data_type = str(place.data_type)
    low, width = 0, 16
    if place.bit is not None and place.count == 1:
        low, width = place.bit, place.bit_count
    elif data_type.endswith(("8l", "8h")):
        low, width = (8 if data_type.endswith("h") else 0), 8
    for register in range(place.address, place.address + place.count):
        for bit in range(low, low + width):
            yield place.table, register, bit


def is_same(place: Location, other: Location) -> bool:
    """Whether two points say the same of the same bits."""
    return (place.bit, place.bit_count, place.data_type, place.scale, place.offset) == (
        other.bit,
        other.bit_count,
        other.data_type,
        other.scale,
        other.offset,
    )


@pytest.mark.parametrize("profile", MODBUS)
def test_what_may_be_written_to_registers_can_be(profile: ModbusProfile) -> None:
    for device in devices(profile):
        for point in device.points:
            for value in written_values(point):
                shown_by = read_back_point(point)
                assert shown_by is not None, f"nothing shows what was written to {point.name}"
                known = dict.fromkeys(write_factors(point), 1.0)
                assert plan_write(device, point, value, known=known).values
                assert plan_read_back(device, point) is not None


@pytest.mark.parametrize("profile", MQTT)
def test_what_may_be_written_in_messages_can_be(profile: MqttProfile) -> None:
    for point in profile.points:
        for value in written_values(point):
            for captures in profile.parameter_sets:
                parameters = dict.fromkeys(captures, "one")
                assert encode_message_command(profile, point, value, parameters)


def written_values(point: Point) -> list[float]:
    write = point.write
    if write is None:
        return []
    limits = [one for one in (write.minimum, write.maximum, write.safe_value) if one is not None]
    values: list[float] = [*point.states, *limits]
    assert values, f"nothing bounds what may be written to {point.name}"
    return values


@pytest.mark.parametrize("profile", PROFILES)
def test_examples_of_a_profile_are_decoded_as_recorded(profile: Profile) -> None:
    assert isinstance(profile, ModbusProfile | MqttProfile)
    results = check_examples(profile, lambda name: (HERE / name).read_bytes())
    assert [(one.number, one.problems) for one in results if not one.passed] == []


def test_there_is_a_profile_for_what_a_school_has() -> None:
    by_category: dict[str, list[str]] = defaultdict(list)
    for profile in REAL:
        by_category[profile.category].append(profile.id)

    assert len(REAL) >= 60
    assert len(by_category) >= 26
    generic = {one.category for one in LIBRARY if one.evidence == "none"}
    assert generic == set(CATEGORIES)


def test_every_kind_of_value_has_a_real_device() -> None:
    """The forms that makers chose are proven on maps of theirs, not on invented ones."""
    reads = [
        point.read
        for profile in REAL
        if isinstance(profile, ModbusProfile)
        for point in profile.points
        if point.read is not None
    ]
    keys = set(chain.from_iterable(read.model_fields_set for read in reads))

    assert keys >= {
        "bit_count",
        "block",
        "fields",
        "length",
        "multiplier",
        "nan_value",
        "scale_factor",
        "values",
    }
    types = {str(read.data_type) for read in reads}
    assert types >= {"float32", "float64", "uint64", "int64", "int8l", "uint8h", "string"}


def test_every_device_of_the_corpus_is_covered() -> None:
    """By a profile of its name, or by a dialect with each of its recorded messages as a test."""
    corpus = HERE / "corpus"
    named = {path.stem for folder in (corpus, corpus / "mqtt") for path in folder.glob("*.json")}
    dialects = {path.stem for path in (HERE / "dialects" / "corpus").glob("*-*.json")}

    assert named <= set(LIBRARY.ids)
    servers = {"chirpstack-v4-event-up", "the-things-stack-v3-uplink"}  # envelopes, no devices
    every = json.loads((HERE / "corpus_devices.json").read_text(encoding="utf-8"))
    assert set(every) == (named & set(every)) | dialects | servers


def test_all_shipped_files_are_in_the_library() -> None:
    assert [path.stem for path in profile_paths()] == list(LIBRARY.ids)
    assert len(LIBRARY) == len(profile_paths()) >= 10


def test_a_write_that_moves_other_outputs_names_them() -> None:
    relays = Library.builtin().get("waveshare-modbus-rtu-relay-8ch").points
    every = {point.name for point in relays}
    assert set(moved_together(relays, "all_relays")) == every
    assert set(moved_together(relays, "relay_3")) == {"relay_3", "all_relays"}
