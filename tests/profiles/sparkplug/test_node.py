"""The life of an edge node: births, aliases, deaths, lost messages."""

from __future__ import annotations

import pytest

from campus_wire.quality import Quality
from device_profiles.dialects import DIALECTS
from device_profiles.dialects.profiles import as_profile
from device_profiles.errors import MessageRefusedError, WriteRefusedError
from device_profiles.messages import MessageDecoder, encode_message_command
from device_profiles.sparkplug.command import encode_command
from device_profiles.sparkplug.node import Heard, News, SparkplugNode
from device_profiles.sparkplug.payload import DataType, Metric, Payload, decode_payload
from device_profiles.sparkplug.payload import encode_payload as encoded
from device_profiles.sparkplug.topics import parse_topic

T0 = 1_700_000_000_000
NS = 1_000_000


def topic(verb: str, device: str = "") -> str:
    return f"spBv1.0/school/{verb}/gw" + (f"/{device}" if device else "")


def born(*, bd_seq: int = 3, seq: int = 0) -> bytes:
    metrics = (
        Metric("bdSeq", datatype=DataType.INT64, value=bd_seq),
        Metric("Node Control/Rebirth", datatype=DataType.BOOLEAN, value=False),
    )
    return encoded(Payload(T0, seq, metrics))


def device_born(seq: int = 1, *, temperature_alias: int = 1) -> bytes:
    metrics = (
        Metric(
            "Inputs/Temperature",
            temperature_alias,
            T0,
            DataType.FLOAT,
            21.5,
            properties={"engUnit": "°C"},
        ),
        Metric("Outputs/Relay", 2, T0, DataType.BOOLEAN, True),
        Metric("Inputs/Offset", 3, T0, DataType.INT8, -4),
        Metric("Outputs/Level", 4, T0, DataType.INT16, 7, properties={"engLow": 0, "engHigh": 10}),
    )
    return encoded(Payload(T0, seq, metrics))


def data(seq: int, *metrics: Metric) -> bytes:
    return encoded(Payload(T0 + 1000, seq, metrics))


@pytest.fixture
def node() -> SparkplugNode:
    node = SparkplugNode("school", "gw")
    node.hear(topic("NBIRTH"), born())
    node.hear(topic("DBIRTH", "meter"), device_born())
    return node


def test_birth_says_every_value() -> None:
    node = SparkplugNode("school", "gw")
    node.hear(topic("NBIRTH"), born())

    heard = node.hear(topic("DBIRTH", "meter"), device_born())

    assert heard.news == (
        News(
            "meter",
            {
                "Inputs/Temperature": 21.5,
                "Outputs/Relay": True,
                "Inputs/Offset": -4,
                "Outputs/Level": 7,
            },
            T0 * NS,
            historical=False,
        ),
    )


def test_data_goes_by_alias_and_type_of_birth(node: SparkplugNode) -> None:
    heard = node.hear(
        topic("DDATA", "meter"),
        data(2, Metric(alias=1, value=22.5), Metric(alias=3, value=0xFFFF_FFFB)),
    )

    expected = {"Inputs/Temperature": 22.5, "Inputs/Offset": -5}
    assert heard == Heard((News("meter", expected, (T0 + 1000) * NS, historical=False),))


def test_times_and_history_are_kept_apart(node: SparkplugNode) -> None:
    heard = node.hear(
        topic("DDATA", "meter"),
        data(
            2,
            Metric(alias=1, timestamp_ms=T0 - 5000, value=20.0, is_historical=True),
            Metric(alias=1, timestamp_ms=T0 + 900, value=22.0),
        ),
    )

    assert [(one.time_ns, one.historical) for one in heard.news] == [
        ((T0 - 5000) * NS, True),
        ((T0 + 900) * NS, False),
    ]


def test_null_is_no_value(node: SparkplugNode) -> None:
    heard = node.hear(topic("DDATA", "meter"), data(2, Metric(alias=1, is_null=True)))

    assert heard.news[0].document == {"Inputs/Temperature": None}


def test_lost_message_asks_for_a_birth_and_distrusts_aliases(node: SparkplugNode) -> None:
    heard = node.hear(topic("DDATA", "meter"), data(3, Metric(alias=1, value=22.5)))

    assert heard == Heard(wants_rebirth=True)
    by_name = node.hear(topic("DDATA", "meter"), data(4, Metric("Inputs/Temperature", value=23.0)))
    assert by_name.news[0].document == {"Inputs/Temperature": 23.0}

    node.hear(topic("NBIRTH"), born())
    node.hear(topic("DBIRTH", "meter"), device_born(temperature_alias=9))
    again = node.hear(topic("DDATA", "meter"), data(2, Metric(alias=9, value=24.0)))
    assert again.news[0].document == {"Inputs/Temperature": 24.0}
    assert not again.wants_rebirth


def test_seq_starts_again_after_255(node: SparkplugNode) -> None:
    for seq in [*range(2, 256), 0, 1]:
        heard = node.hear(topic("NDATA"), data(seq, Metric("x", value=1.0)))
        assert not heard.wants_rebirth, seq


def test_unknown_alias_asks_for_a_birth(node: SparkplugNode) -> None:
    heard = node.hear(topic("DDATA", "meter"), data(2, Metric(alias=77, value=1.0)))

    assert heard == Heard(wants_rebirth=True)


@pytest.mark.parametrize("verb", ["NDATA", "DDATA", "DBIRTH"])
def test_whoever_was_not_heard_to_be_born_is_asked(verb: str) -> None:
    node = SparkplugNode("school", "gw")

    heard = node.hear(topic(verb, "meter" if verb[0] == "D" else ""), device_born())

    assert heard == Heard(wants_rebirth=True)


def test_death_of_the_node_is_that_of_all_behind_it(node: SparkplugNode) -> None:
    will = encoded(Payload(T0, metrics=(Metric("bdSeq", datatype=DataType.INT64, value=3),)))

    assert node.hear(topic("NDEATH"), will).gone == ("",)
    assert not node.is_born
    heard = node.hear(topic("DDATA", "meter"), data(2, Metric(alias=1, value=1.0)))
    assert heard == Heard(wants_rebirth=True)


def test_death_of_an_earlier_life_says_nothing(node: SparkplugNode) -> None:
    will = encoded(Payload(T0, metrics=(Metric("bdSeq", datatype=DataType.INT64, value=2),)))

    assert node.hear(topic("NDEATH"), will) == Heard()
    assert node.is_born


def test_death_of_a_device_is_its_own(node: SparkplugNode) -> None:
    assert node.hear(topic("DDEATH", "meter"), data(2)) == Heard(gone=("meter",))
    assert node.is_born


def test_a_new_life_of_the_node_ends_its_devices(node: SparkplugNode) -> None:
    assert node.hear(topic("NBIRTH"), born(bd_seq=4)).gone == ("meter",)


def test_a_birth_that_was_asked_for_ends_nobody(node: SparkplugNode) -> None:
    assert node.hear(topic("NBIRTH"), born()).gone == ()

    heard = node.hear(topic("DDATA", "meter"), data(1, Metric(alias=1, value=1.0)))
    assert heard == Heard(wants_rebirth=True)


def test_what_is_lost_with_the_broker_is_forgotten(node: SparkplugNode) -> None:
    node.lose()

    heard = node.hear(topic("DDATA", "meter"), data(2, Metric(alias=1, value=1.0)))
    assert heard == Heard(wants_rebirth=True)


def test_request_to_be_born_again() -> None:
    where, payload = SparkplugNode("school", "gw").rebirth(T0)

    assert where == "spBv1.0/school/NCMD/gw"
    [metric] = decode_payload(payload).metrics
    assert (metric.name, metric.value) == ("Node Control/Rebirth", True)
    assert metric.datatype == DataType.BOOLEAN


def test_garbage_changes_nothing(node: SparkplugNode) -> None:
    with pytest.raises(MessageRefusedError):
        node.hear(topic("DDATA", "meter"), b"\xff")

    heard = node.hear(topic("DDATA", "meter"), data(2, Metric(alias=1, value=22.5)))
    assert not heard.wants_rebirth


def test_other_topics_are_not_its_own(node: SparkplugNode) -> None:
    for other in ("spBv1.0/school/NDATA/other", "spBv1.0/STATE/host", "x/y", "spBv1.0/a/NDATA/b/c"):
        assert node.hear(other, b"\xff") == Heard()
    assert parse_topic("spBv1.0/school/DDATA/gw") is None
    assert parse_topic("spBv1.0/school/NCMD/gw") is None


def test_births_make_profiles_that_read_and_write(node: SparkplugNode) -> None:
    heard = {topic("NBIRTH"): born(), topic("DBIRTH", "meter"): device_born()}
    [found] = DIALECTS["sparkplug"].describe(heard)
    profile = as_profile(found.profile)
    decoder = MessageDecoder(profile, found.topic)

    news = node.hear(
        topic("DDATA", "meter"), data(2, Metric(alias=1, value=22.5), Metric(alias=2, value=False))
    ).news[0]
    [saying] = decoder.say_document(news.document, news.time_ns)

    assert {one.point: (one.value, one.quality) for one in saying.readings} == {
        "temperature": (22.5, Quality.GOOD),
        "relay": (0, Quality.GOOD),
    }
    assert saying.time_ns == (T0 + 1000) * NS
    assert profile.points_by_name["temperature"].unit == "°C"
    assert not profile.points_by_name["temperature"].is_writable
    relay, level = profile.find("relay"), profile.find("level")
    assert relay is not None
    assert level is not None
    where, request = encode_message_command(profile, relay, 1, found.topic)
    assert where == "spBv1.0/school/DCMD/gw/meter"
    [command] = decode_payload(encode_command(request, now_ms=T0)).metrics
    assert (command.name, command.value, command.timestamp_ms) == ("Outputs/Relay", True, T0)
    _, request = encode_message_command(profile, level, 8, found.topic)
    [command] = decode_payload(encode_command(request, now_ms=T0)).metrics
    assert (command.value, command.datatype) == (8, DataType.INT16)


def test_command_of_a_fraction_to_a_whole_number_is_refused() -> None:
    with pytest.raises(WriteRefusedError):
        encode_command(b'{"name":"x","datatype":3,"value":1.5}', now_ms=T0)
