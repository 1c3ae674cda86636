"""Which profile a device has, told from few registers."""

from collections.abc import Mapping

import pytest

from device_profiles.library import Library
from device_profiles.model import ModbusProfile
from device_profiles.model_modbus import Table
from edge_agent.finding.identity import match_identity
from edge_agent.finding.matching import SEARCH_READS_MAX, Case, Matcher, Seen, Wanted


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(one for one in Library.builtin() if isinstance(one, ModbusProfile))


def questioned(case: Case, held: Mapping[tuple[Table, int], int]) -> int:
    """Answer what is asked from these registers, refuse the rest; say how often was asked."""
    reads = 0
    while (wanted := case.next_read()) is not None:
        reads += 1
        words = [
            held.get((wanted.table, at))
            for at in range(wanted.address, wanted.address + wanted.count)
        ]
        known = tuple(word for word in words if word is not None)
        case.saw(Seen(wanted, known) if len(known) == len(words) else Seen(wanted, None, 2))
    return reads


def test_a_small_map_is_told_from_its_addresses_and_values(matcher: Matcher) -> None:
    case = matcher.case()

    reads = questioned(case, {(Table.INPUT, 1): 305, (Table.INPUT, 2): 546})

    best = case.proposals()[0]
    assert best.profile == "xy-md02"
    assert best.score >= 50
    assert [reason.en for reason in best.reasons] == ["input 1-2 in range"]
    assert reads <= SEARCH_READS_MAX


def test_an_invented_map_is_never_proposed(matcher: Matcher) -> None:
    """A generic profile is a beginning to copy; that a device fits one is chance."""
    for profile in Library.builtin():
        if isinstance(profile, ModbusProfile) and profile.evidence == "none":
            assert profile.id not in {one.profile.id for one in matcher.candidates}

    case = matcher.case()
    questioned(case, {(Table.HOLDING, at): 215 for at in range(10)})

    assert not [one for one in case.proposals(99) if one.profile.startswith("generic")]


def test_who_gives_whole_values_only_is_found(matcher: Matcher) -> None:
    """Half of a value that was refused says nothing about the whole of it."""
    held = {1000: 2, 1004: 7, 1006: 0, 1008: 15_990, 1010: 16_010, 1012: 15_800, 1020: 11_000_000}
    held |= {1014: 17_626_849, 1016: 3_110, 1036: 123_000, 1040: 231, 1042: 229, 1044: 230}
    case = matcher.case()
    case.saw(Seen(Wanted(Table.HOLDING, 1000, 1), None, 2))
    while (wanted := case.next_read()) is not None:
        value = held.get(wanted.address) if wanted.count == 2 else None
        known = wanted.table is Table.HOLDING and value is not None
        words = divmod(value, 65_536) if known and value is not None else None
        case.saw(Seen(wanted, words, 0 if known else 2))

    assert case.proposals()[0].profile == "keba-kecontact-p30"


def test_tiny_floats_are_two_integers(matcher: Matcher) -> None:
    [meter] = [one for one in matcher.candidates if one.profile.id == "siemens-pac2200"]
    voltage = meter.about(Table.INPUT, [1])[0]

    assert voltage.judge([0x00E6, 0x00E6]).bits < 0
    assert voltage.judge([0x4366, 0x0000]).bits > 0


def test_a_value_out_of_range_speaks_against_a_profile(matcher: Matcher) -> None:
    case = matcher.case()

    questioned(case, {(Table.INPUT, 1): 0x4000, (Table.INPUT, 2): 0xF000})

    assert {one.profile: one.score for one in case.proposals()}.get("xy-md02", 0) < 20


def test_a_device_that_refuses_all_has_no_profile(matcher: Matcher) -> None:
    case = matcher.case()

    reads = questioned(case, {})

    assert reads <= SEARCH_READS_MAX
    assert all(one.score < 60 for one in case.proposals())


def test_what_it_says_of_itself_settles_it(matcher: Matcher) -> None:
    case = matcher.case()

    case.identify(["Peacefair", "PZEM-016"])

    best = case.proposals()[0]
    assert (best.profile, best.score) == ("pzem-016", 99)
    assert "peacefair" in best.reasons[-1].en


def test_a_register_read_twice_speaks_once(matcher: Matcher) -> None:
    once, twice = matcher.case(), matcher.case()
    wanted = next(
        wanted for wanted, _ in matcher.pool if wanted.table is Table.INPUT and wanted.count == 1
    )
    for case in (once, twice):
        case.saw(Seen(wanted, (305,)))
    twice.saw(Seen(wanted, (305,)))

    assert once._scores == twice._scores


def test_a_table_the_device_lacks_is_not_asked_again(matcher: Matcher) -> None:
    case = matcher.case()
    first = next(wanted for wanted, _ in matcher.pool if wanted.table is Table.COIL)
    case.saw(Seen(first, None, 1))

    while (wanted := case.next_read()) is not None:
        assert wanted.table is not Table.COIL
        case.saw(Seen(wanted, None, 2))


@pytest.mark.parametrize(
    ("vendor", "model", "said", "fits"),
    [
        ("Eastron", "SDM630-Modbus V2", ["EASTRON", "SDM630"], True),
        ("generic, sold as XY-MD02", "XY-MD02 (SHT20)", ["XY_MD02"], True),
        ("Schneider Electric", "iEM3155", ["Schneider Electric", "A9MEM3155"], True),
        ("Acme Sensor Co", "T 1", ["Foo Sensor Co"], False),
    ],
)
def test_names(vendor: str, model: str, said: list[str], fits: bool) -> None:
    found = match_identity(vendor, model, "profile", said)

    assert (found.bits > 0) is fits
    assert bool(found.reasons) is fits


def test_who_says_nothing_is_not_judged() -> None:
    assert match_identity("Acme", "T1", "acme-t1", []).bits == 0
