"""Acks: merged, within their limits, and never more than what was said."""

from campus_wire.errors import LinkDownError
from campus_wire.limits import ACK_RANGES_MAX
from campus_wire.messages import Ack, decode
from controller.acks import AckSender
from tests.controller.core.samples import EPOCH, NOW_NS


class Line:
    def __init__(self) -> None:
        self.sent: list[tuple[str, Ack]] = []
        self.is_down = False

    async def publish(self, topic: str, payload: bytes) -> None:
        if self.is_down:
            raise LinkDownError("link_down", "not connected")
        self.sent.append((topic, decode(Ack, payload)))


def sender(line: Line) -> AckSender:
    return AckSender(line.publish, clock_ns=lambda: NOW_NS)


async def test_many_batches_of_a_gateway_make_one_ack() -> None:
    line = Line()
    acks = sender(line)
    for first in range(1, 100, 10):
        acks.stored("gw-1", EPOCH, [(first, first + 9)])
    acks.refused("gw-1", EPOCH, [(201, 205)], "json")
    acks.stored("gw-2", EPOCH, [(5, 6)])
    await acks.flush()

    assert [topic for topic, _ in line.sent] == [
        "campus/1/down/gw-1/ack",
        "campus/1/down/gw-2/ack",
    ]
    ack = line.sent[0][1]
    assert [(one.first, one.last) for one in ack.stored] == [(1, 100)]
    assert [(one.first, one.last, one.reason) for one in ack.refused] == [(201, 205, "json")]


async def test_more_ranges_than_an_ack_holds_make_several() -> None:
    line = Line()
    acks = sender(line)
    acks.stored("gw-1", EPOCH, [(number, number) for number in range(1, 5001, 2)])
    await acks.flush()

    assert [len(ack.stored) for _, ack in line.sent] == [ACK_RANGES_MAX, ACK_RANGES_MAX, 500]
    assert [one.first for _, ack in line.sent for one in ack.stored] == list(range(1, 5001, 2))


async def test_what_finds_no_connection_is_dropped() -> None:
    line = Line()
    acks = sender(line)
    line.is_down = True
    acks.stored("gw-1", EPOCH, [(1, 2)])
    await acks.flush()
    line.is_down = False
    acks.stored("gw-1", EPOCH, [(5, 6)])
    await acks.flush()

    assert [(one.first, one.last) for _, ack in line.sent for one in ack.stored] == [(5, 6)]
