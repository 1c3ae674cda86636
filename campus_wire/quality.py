"""The quality of a value: good, uncertain, or bad with a reason.

One byte on the wire and in stores. Ranges follow the idea of OPC UA status codes (Part 8, annex A):
the class can be told from the number alone, so that a newer peer's unknown code keeps its class.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

_BAD_FROM: Final = 64
QUALITY_MAX: Final = 127


class Grade(StrEnum):
    """The class of a quality code."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"


class Quality(IntEnum):
    """Quality codes: 0 good, 1–63 uncertain, 64–127 bad."""

    GOOD = 0

    UNCERTAIN = 1
    CLOCK_UNSYNCED = 2
    REPEATED = 3

    BAD = 64
    NO_ANSWER = 65
    NOT_CONNECTED = 66
    GARBLED = 67
    EXCEPTION = 68
    BUSY = 69
    WRONG_UNIT = 70
    INVALID_MARKER = 71
    OUT_OF_RANGE = 72
    UNDECODABLE = 73
    DEVICE_OFFLINE = 74
    NEVER_READ = 75
    STUCK = 76


_LABELS: Final[dict[Quality, tuple[str, str]]] = {
    Quality.GOOD: ("正常", "good"),
    Quality.UNCERTAIN: ("存疑", "uncertain"),
    Quality.CLOCK_UNSYNCED: ("时钟未同步", "clock not synced"),
    Quality.REPEATED: ("重复值", "repeated value"),
    Quality.BAD: ("无效", "bad"),
    Quality.NO_ANSWER: ("设备无应答", "no answer"),
    Quality.NOT_CONNECTED: ("未连接", "not connected"),
    Quality.GARBLED: ("报文损坏", "garbled reply"),
    Quality.EXCEPTION: ("设备返回异常码", "exception reply"),
    Quality.BUSY: ("设备忙", "device busy"),
    Quality.WRONG_UNIT: ("从站地址不符", "wrong unit answered"),
    Quality.INVALID_MARKER: ("设备标记为无效", "marked invalid by the device"),
    Quality.OUT_OF_RANGE: ("超出量程", "out of range"),
    Quality.UNDECODABLE: ("无法解码", "cannot be decoded"),
    Quality.DEVICE_OFFLINE: ("设备离线", "device offline"),
    Quality.NEVER_READ: ("尚未读取", "never read"),
    Quality.STUCK: ("读数卡死", "stuck"),
}


def grade(code: int) -> Grade:
    """Return the class of a code, also of one this version does not know."""
    if code == Quality.GOOD:
        return Grade.GOOD
    return Grade.BAD if code >= _BAD_FROM else Grade.UNCERTAIN


def label(code: int, language: str) -> str:
    """Return what to call a code in `zh` or `en`."""
    try:
        chinese, english = _LABELS[Quality(code)]
    except ValueError:
        chinese, english = (f"代码{code}", f"code {code}")
    return chinese if language == "zh" else english
