"""What can come over a line in place of a good reply, or beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from tests.support.modbus_script import ascii_frame, crc16

FramingName = Literal["mbap", "rtu", "ascii"]
CLOSE: Final = b"<close>"
LATE: Final = (1.1, 1.6)
"""In response times: after the request was given up, and before the line counts as quiet again."""

_TCP_HEAD: Final = 9
"""Header, function and byte count."""

Chunk = tuple[float, bytes]
"""When, in response times after the request, and what."""


@dataclass(frozen=True)
class Asked:
    """A request on the line, and the reply that would be right."""

    framing: FramingName
    sent: bytes
    unit: int
    pdu: bytes
    reply: bytes

    def frame(
        self, pdu: bytes, *, unit: int | None = None, transaction: int | None = None
    ) -> bytes:
        """Return a frame with a right checksum."""
        body = bytes([self.unit if unit is None else unit]) + pdu
        if self.framing == "rtu":
            return body + crc16(body)
        if self.framing == "ascii":
            return ascii_frame(body)
        number = self.sent[:2] if transaction is None else transaction.to_bytes(2, "big")
        return number + b"\0\0" + len(body).to_bytes(2, "big") + body

    @property
    def good(self) -> bytes:
        """The right frame."""
        return self.frame(self.reply)

    def holds_frame(self, heard: bytes) -> bool:
        """Say whether the bytes hold another formally perfect reply: no receiver could tell it."""
        return any(pdu != self.reply for pdu in self._formal_replies(heard))

    def _formal_replies(self, heard: bytes) -> list[bytes]:
        size = len(self.reply)
        fixed = self.reply[:2] if self.pdu[0] < 5 else self.reply
        if self.framing == "ascii":
            lines = [line.rpartition(b":")[2] for line in heard.split(b"\r\n")]
            bodies = [bytes.fromhex(one.decode()) for one in lines if _is_hex(one)]
            sound = [one for one in bodies if sum(one) % 256 == 0]
            return [b[1:-1] for b in sound if b[:1] == bytes([self.unit]) and len(b) == size + 2]
        found = []
        for at in range(len(heard)):
            body = heard[at : at + size + 1]
            if body[:1] == bytes([self.unit]) and body[1 : 1 + len(fixed)] == fixed:
                whole = self.framing == "mbap" or crc16(body) == heard[at + size + 1 :][:2]
                found += [body[1:]] if whole else []
        return found


def _is_hex(text: bytes) -> bool:
    return bool(text) and len(text) % 2 == 0 and set(text) <= set(b"0123456789ABCDEFabcdef")


@dataclass(frozen=True)
class Play:
    """What happens after one request."""

    chunks: Sequence[Chunk]
    acts: bool = True
    """Whether the device got the request, and so did what it asks."""
    must_serve: bool = False
    """Whether the right reply is there and must be taken."""
    by_chance: bool = False
    """Whether bytes were spoilt at random, so that they may happen to make a sound frame."""


Kind = Callable[[Random, Asked], Play]


def _at_once(*parts: bytes, acts: bool = True, must: bool = False, chance: bool = False) -> Play:
    return Play([(0.0, part) for part in parts], acts, must, chance)


def _noise(random: Random, most: int = 40) -> bytes:
    return random.randbytes(random.randint(1, most))


# --- spoilt at random ----------------------------------------------------------------------------


def _spoilable(asked: Asked) -> int:
    """How many bytes can be spoilt: TCP guards what it carries, but not what a device says."""
    return min(_TCP_HEAD, len(asked.good)) if asked.framing == "mbap" else len(asked.good)


def flipped_bits(random: Random, asked: Asked) -> Play:
    frame = bytearray(asked.good)
    for _ in range(random.randint(1, 8)):
        frame[random.randrange(_spoilable(asked))] ^= 1 << random.randrange(8)
    return _at_once(bytes(frame), chance=True)


def replaced_bytes(random: Random, asked: Asked) -> Play:
    frame = bytearray(asked.good)
    at = random.randrange(_spoilable(asked))
    spoilt = random.randbytes(random.randint(1, min(6, _spoilable(asked) - at)))
    frame[at : at + len(spoilt)] = spoilt
    return _at_once(bytes(frame), chance=True)


def lost_bytes(random: Random, asked: Asked) -> Play:
    frame = bytearray(asked.good)
    for _ in range(random.randint(1, 3)):
        del frame[random.randrange(_spoilable(asked) - 3)]
    return _at_once(bytes(frame), chance=True)


def inserted_bytes(random: Random, asked: Asked) -> Play:
    frame = bytearray(asked.good)
    at = random.randrange(1, _spoilable(asked))
    frame[at:at] = _noise(random, 4)
    return _at_once(bytes(frame), chance=True)


def cut_short(random: Random, asked: Asked) -> Play:
    return _at_once(asked.good[: random.randrange(1, len(asked.good))], chance=True)


def swapped_halves(random: Random, asked: Asked) -> Play:
    at = random.randrange(1, len(asked.good))
    return _at_once(asked.good[at:], asked.good[:at], chance=True)


def random_bytes(random: Random, asked: Asked) -> Play:
    del asked
    return _at_once(*[_noise(random, 300) for _ in range(random.randint(1, 4))], chance=True)


def babble(random: Random, asked: Asked) -> Play:
    del asked
    return _at_once(*[_noise(random, 400) for _ in range(12)], chance=True)


def nearly_frames(random: Random, asked: Asked) -> Play:
    """Heads of good frames, one after the other, with anything in between."""
    head = asked.good[: random.randint(2, 5 if asked.framing == "mbap" else 8)]
    parts = [head + _noise(random, 8) for _ in range(random.randint(2, 20))]
    return _at_once(b"".join(parts), chance=True)


# --- sound frames that are not the reply ---------------------------------------------------------


def wrong_unit(random: Random, asked: Asked) -> Play:
    unit = random.choice([one for one in range(256) if one != asked.unit])
    return _at_once(asked.frame(asked.reply, unit=unit))


def wrong_function(random: Random, asked: Asked) -> Play:
    function = random.choice([one for one in range(1, 128) if one != asked.pdu[0]])
    return _at_once(asked.frame(bytes([function]) + asked.reply[1:]))


def wrong_length(random: Random, asked: Asked) -> Play:
    if random.random() < 0.5:
        return _at_once(asked.frame(asked.reply + _noise(random, 6)))
    return _at_once(asked.frame(asked.reply[: random.randrange(1, len(asked.reply))]))


def wrong_count(random: Random, asked: Asked) -> Play:
    count = random.choice([one for one in range(256) if one != asked.reply[1]])
    return _at_once(asked.frame(asked.reply[:1] + bytes([count]) + asked.reply[2:]))


def exception(random: Random, asked: Asked) -> Play:
    refused = bytes([asked.pdu[0] | 0x80, random.randrange(256)])
    return _at_once(asked.frame(refused), acts=False)


def exception_of_another(random: Random, asked: Asked) -> Play:
    function = random.choice([one for one in range(1, 128) if one != asked.pdu[0]])
    return _at_once(asked.frame(bytes([function | 0x80, random.randrange(12)])), acts=False)


def another_transaction(random: Random, asked: Asked) -> Play:
    if asked.framing != "mbap":
        return silence(random, asked)
    right = int.from_bytes(asked.sent[:2], "big")
    number = random.choice([one for one in (0, right - 1, right + 1, 0xFFFF) if one != right])
    return _at_once(asked.frame(_elsewhere(random, asked), transaction=number % 0x10000))


def another_protocol(random: Random, asked: Asked) -> Play:
    if asked.framing != "mbap":
        return random_bytes(random, asked)
    frame = bytearray(asked.good)
    frame[random.choice([2, 3])] = random.randint(1, 255)
    return _at_once(bytes(frame))


def another_master(random: Random, asked: Asked) -> Play:
    """Somebody else asks the same unit for as much from elsewhere, and is answered."""
    if asked.framing == "mbap" or asked.pdu[0] > 4:
        return wrong_unit(random, asked)
    request = asked.pdu[:1] + random.randbytes(2) + asked.pdu[3:]
    if request == asked.pdu:
        return silence(random, asked)
    return _at_once(asked.frame(request), asked.frame(_elsewhere(random, asked)), acts=False)


def _elsewhere(random: Random, asked: Asked) -> bytes:
    """A reply with other data."""
    if asked.pdu[0] > 4:
        return asked.reply[:-1] + bytes([asked.reply[-1] ^ 1])
    data = asked.reply[2:]
    return asked.reply[:2] + bytes(byte ^ random.randint(1, 255) for byte in data)


# --- in time, late, or never ---------------------------------------------------------------------


def silence(random: Random, asked: Asked) -> Play:
    del random, asked
    return Play([], acts=False)


def late(random: Random, asked: Asked) -> Play:
    return Play([(random.uniform(*LATE), asked.good)])


def late_in_pieces(random: Random, asked: Asked) -> Play:
    at = random.randrange(1, len(asked.good))
    return Play([(0.5, asked.good[:at]), (random.uniform(*LATE), asked.good[at:])])


def hang_up(random: Random, asked: Asked) -> Play:
    at = random.randrange(len(asked.good))
    return _at_once(asked.good[:at], CLOSE) if at else _at_once(CLOSE, acts=False)


# --- the right reply, with something around it ---------------------------------------------------


def good(random: Random, asked: Asked) -> Play:
    del random
    return _at_once(asked.good, must=True)


def slowly(random: Random, asked: Asked) -> Play:
    del random
    return Play([(0.7, asked.good)], must_serve=True)


def byte_by_byte(random: Random, asked: Asked) -> Play:
    del random
    return _at_once(*[asked.good[at : at + 1] for at in range(len(asked.good))], must=True)


def in_pieces(random: Random, asked: Asked) -> Play:
    at = random.randrange(1, len(asked.good))
    return Play([(0.0, asked.good[:at]), (0.3, asked.good[at:])], must_serve=True)


def noise_before(random: Random, asked: Asked) -> Play:
    if asked.framing == "mbap":
        return good(random, asked)
    return _at_once(_noise(random), asked.good, must=True, chance=True)


def noise_after(random: Random, asked: Asked) -> Play:
    if asked.framing == "mbap":
        return good(random, asked)
    return _at_once(asked.good + _noise(random), must=True)


def stale_before(random: Random, asked: Asked) -> Play:
    """An earlier answer of another unit, or with another number, and then the right one."""
    stale = _elsewhere(random, asked)
    if asked.framing == "mbap":
        number = (int.from_bytes(asked.sent[:2], "big") - 1) % 0x10000
        return _at_once(asked.frame(stale, transaction=number) + asked.good, must=True)
    return _at_once(asked.frame(stale, unit=asked.unit ^ 0x40) + asked.good, must=True)


def broadcast_before(random: Random, asked: Asked) -> Play:
    if asked.framing == "mbap":
        return good(random, asked)
    order = bytes([6]) + random.randbytes(4)
    return _at_once(asked.frame(order, unit=0), asked.good, must=True)


def twice(random: Random, asked: Asked) -> Play:
    del random
    return _at_once(asked.good + asked.good, must=True)


KINDS: Final[Sequence[Kind]] = (
    *(flipped_bits, replaced_bytes, lost_bytes, inserted_bytes, cut_short, swapped_halves),
    *(random_bytes, babble, nearly_frames),
    *(wrong_unit, wrong_function, wrong_length, wrong_count, exception, exception_of_another),
    *(another_transaction, another_protocol, another_master),
    *(silence, late, late_in_pieces, hang_up),
    *(good, byte_by_byte, in_pieces, noise_before, noise_after, stale_before),
    *(broadcast_before, twice),
)
