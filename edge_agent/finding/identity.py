"""What a device says it is, against what profiles are made by and called (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from campus_wire.catalog import Label

_MODEL_BITS: Final = 18.0
_VENDOR_BITS: Final = 8.0
_OTHER_BITS: Final = -3.0
"""It says what it is, and that is neither this vendor nor this model."""
_WORD: Final = re.compile(r"[a-z0-9]+(?:[-_./][a-z0-9]+)*|[\u4e00-\u9fff]{2,}")
_EMPTY: Final = frozenset(
    {
        *("and", "co", "company", "corp", "electric", "electronic", "electronics", "gmbh", "group"),
        *(
            "inc",
            "instruments",
            "international",
            "ltd",
            "modbus",
            "module",
            "meter",
            "rtu",
            "rs485",
        ),
        *("sensor", "series", "sold", "technologies", "technology", "the", "as", "generic", "or"),
        *("various", "unknown", "with", "firmware", "gateway", "controller", "tcp", "device"),
    }
)


@dataclass(frozen=True, slots=True)
class IdentityMatch:
    """How well the texts fit a profile."""

    bits: float = 0.0
    reasons: tuple[Label, ...] = ()
    against: tuple[Label, ...] = ()


def match_identity(vendor: str, model: str, profile: str, said: Sequence[str]) -> IdentityMatch:
    """Return how well the texts that a device says of itself fit a profile's vendor and model."""
    if not said:
        return IdentityMatch()
    spoken = _plain(" ".join(said))
    bits = 0.0
    reasons: list[Label] = []
    by_model = _found(_models(model, profile), spoken)
    if by_model:
        bits += _MODEL_BITS * min(1.0, 0.4 + len(by_model) / 10)
        reasons.append(Label(zh=f"型号相符:{by_model}", en=f"model matches ({by_model})"))
    by_vendor = _found(_words(vendor), spoken)
    if by_vendor:
        bits += _VENDOR_BITS
        reasons.append(Label(zh=f"厂商相符:{by_vendor}", en=f"vendor name matches ({by_vendor})"))
    if reasons:
        return IdentityMatch(bits, tuple(reasons))
    text = " ".join(said)[:60]
    return IdentityMatch(
        _OTHER_BITS,
        against=(Label(zh=f"设备自称:{text}", en=f"it calls itself {text}"),),
    )


def _models(model: str, profile: str) -> list[str]:
    """Return the words by which a model is known: those with a digit in them, longest first."""
    words = [*_words(model), *_words(profile)]
    joined = _plain(model)
    telling = [word for word in words if len(word) >= 3 and any(one.isdigit() for one in word)]
    if 4 <= len(joined) <= 40:
        telling.append(joined)
    return sorted(set(telling), key=len, reverse=True)


def _words(text: str) -> list[str]:
    found = (_plain(word) for word in _WORD.findall(text.lower()))
    return [word for word in found if len(word) >= 2 and word not in _EMPTY]


def _found(words: Iterable[str], spoken: str) -> str:
    return next((word for word in words if len(word) >= 3 and word in spoken), "")


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9\u4e00-\u9fff]", "", text.lower())
