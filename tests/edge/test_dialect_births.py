"""Sparkplug nodes that were born before anybody listened."""

from device_profiles.sparkplug.node import SparkplugNode
from edge_agent.dialect_births import ASK_EVERY_S, NODES_MAX, BirthRequests

DATA = "spBv1.0/school/DDATA/node-1/rack-1"


def ask(
    requests: BirthRequests, topic: str, births: tuple[str, ...] = (), now_s: float = 0
) -> bool:
    request = requests.request(topic, births, now_s=now_s, now_ns=10**18)
    if request is not None:
        assert request == SparkplugNode("school", request[0].rpartition("/")[2]).rebirth(10**12)
    return request is not None


def test_data_without_a_birth_asks_once_a_minute() -> None:
    requests = BirthRequests()

    assert ask(requests, DATA)
    assert not ask(requests, DATA, now_s=ASK_EVERY_S - 1)
    assert not ask(requests, "spBv1.0/school/NDATA/node-1", now_s=1)
    assert ask(requests, "spBv1.0/school/NDATA/node-2", now_s=1)
    assert ask(requests, DATA, now_s=ASK_EVERY_S)


def test_who_was_born_is_not_asked() -> None:
    births = ("spBv1.0/school/DBIRTH/node-1/rack-1",)

    assert not ask(BirthRequests(), DATA, births)
    assert ask(BirthRequests(), "spBv1.0/school/DDATA/node-1/rack-2", births)
    assert ask(BirthRequests(), "spBv1.0/school/NDATA/node-1", births)


def test_other_messages_ask_for_nothing() -> None:
    requests = BirthRequests()

    for topic in ("spBv1.0/school/NBIRTH/n", "spBv1.0/school/NCMD/n", "zigbee2mqtt/x", "spBv1.0"):
        assert not ask(requests, topic)


def test_the_number_of_nodes_is_bounded() -> None:
    requests = BirthRequests()
    asked = sum(ask(requests, f"spBv1.0/school/NDATA/n{n}") for n in range(NODES_MAX + 5))

    assert asked == NODES_MAX
