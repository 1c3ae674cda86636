"""Notices in words, Chinese and English: what is wrong, where, how bad, since when, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from campus_rules.model import Severity
from controller.alarm_life import LifeEvent
from controller.notify.notice import Notice

Language = Literal["zh", "en"]
Languages = Literal["zh", "en", "both"]

_NS: Final = 1_000_000_000
DIGEST_LINES_MAX: Final = 30

_SEVERITIES: Final[dict[Severity, tuple[str, str]]] = {
    Severity.CRITICAL: ("严重", "CRITICAL"),
    Severity.WARNING: ("警告", "WARNING"),
    Severity.INFO: ("提示", "INFO"),
}
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "cleared": ("已恢复", "CLEARED"),
    "acknowledged": ("已确认", "ACKNOWLEDGED"),
    "digest": ("汇总", "DIGEST"),
    "value": ("数值", "Value"),
    "upper": ("上限", "upper limit"),
    "lower": ("下限", "lower limit"),
    "place": ("地点", "Place"),
    "device": ("设备", "Device"),
    "since": ("开始时间", "Since"),
    "until": ("恢复时间", "Cleared"),
    "lasted": ("持续", "lasted"),
    "occurrence": ("第 {} 次发生，尚未确认", "occurrence {}, not acknowledged yet"),
    "consequence": ("后果", "If ignored"),
    "action": ("处理", "What to do"),
    "basis": ("依据", "Basis"),
    "by": ("确认人", "Acknowledged by"),
    "note": ("备注", "Note"),
    "link": ("查看并确认", "See and acknowledge"),
    "link_seen": ("查看", "See"),
    "unacked": ("尚未确认，请在页面上确认。", "Not acknowledged yet; please do so on the page."),
    "more": ("另有 {} 条，请查看报警列表。", "{} more; see the list of alarms."),
    "count": ("{} 条通知", "{} notices"),
}


@dataclass(frozen=True, slots=True)
class Text:
    """A title of one line, and a body of several."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Style:
    """How a school wants its notices. `page_url` is the address of the alarm page, or None."""

    languages: Languages = "both"
    page_url: str | None = None
    timezone: str = "Asia/Shanghai"


def render(notice: Notice, style: Style) -> Text:
    """Return a notice in the wanted languages, Chinese first."""
    return _join([render_in(notice, language, style) for language in _languages(style)])


def render_digest(notices: Sequence[Notice], style: Style) -> Text:
    """Return many notices as one list of titles."""
    return _join([_digest_in(notices, language, style) for language in _languages(style)])


def render_in(notice: Notice, language: Language, style: Style) -> Text:
    """Return a notice in one language."""
    lines = _RENDERERS[notice.kind](notice, language, style)
    return Text(_title(notice, language), "\n".join(lines))


def link_of(alarm: str, style: Style) -> str | None:
    """Return the address of an alarm's page, or None where no page is configured."""
    return None if style.page_url is None else f"{style.page_url.rstrip('/')}/alarms/{alarm}"


def _languages(style: Style) -> tuple[Language, ...]:
    both: tuple[Language, ...] = ("zh", "en")
    return both if style.languages == "both" else (style.languages,)


def _join(texts: list[Text]) -> Text:
    return Text(" / ".join(one.title for one in texts), "\n\n".join(one.body for one in texts))


def _word(key: str, language: Language) -> str:
    return _WORDS[key][0 if language == "zh" else 1]


def _title(notice: Notice, language: Language) -> str:
    if notice.kind is LifeEvent.RAISED:
        badge = _SEVERITIES[notice.about.severity][0 if language == "zh" else 1]
        name = notice.about.name[language] + _how_bad(notice, language)
    else:
        badge = _word(notice.kind, language)
        name = notice.about.name[language]
    where = _place(notice, language) or _device(notice, language)
    return f"【{badge}】{where}：{name}" if language == "zh" else f"[{badge}] {where}: {name}"


def _how_bad(notice: Notice, language: Language) -> str:
    # Of a digest, and on a locked phone, the title is all that is read.
    if notice.value is None or notice.about.states:
        return ""
    return _bracketed(quantity(notice.value, notice.about.unit), language)


def _raised(notice: Notice, language: Language, style: Style) -> list[str]:
    about = notice.about
    since = _local(notice.condition_ns, style)
    if notice.occurrence > 1:
        since += _bracketed(_word("occurrence", language).format(notice.occurrence), language)
    return _lines(
        language,
        ("value", _value(notice, language, with_limit=True)),
        ("place", _place(notice, language)),
        ("device", _device(notice, language)),
        ("since", since),
        ("consequence", about.consequence[language]),
        ("action", about.action[language]),
        ("basis", about.basis[language] if about.basis is not None else None),
        ("link", link_of(notice.alarm, style)),
    )


def _cleared(notice: Notice, language: Language, style: Style) -> list[str]:
    end_ns = notice.cleared_ns or notice.raised_ns
    lasted = f"{_word('lasted', language)} {duration(end_ns - notice.condition_ns, language)}"
    lines = _lines(
        language,
        ("value", _value(notice, language, with_limit=False)),
        ("place", _place(notice, language)),
        ("device", _device(notice, language)),
        ("since", _local(notice.condition_ns, style)),
        ("until", _local(end_ns, style) + _bracketed(lasted, language)),
        ("by", notice.acked_by),
        ("link_seen" if notice.acked_by else "link", link_of(notice.alarm, style)),
    )
    return lines if notice.acked_by else [*lines, _word("unacked", language)]


def _acknowledged(notice: Notice, language: Language, style: Style) -> list[str]:
    return _lines(
        language,
        ("by", notice.acked_by),
        ("note", _one_line(notice.note)),
        ("place", _place(notice, language)),
        ("device", _device(notice, language)),
        ("since", _local(notice.condition_ns, style)),
        ("link_seen", link_of(notice.alarm, style)),
    )


_RENDERERS: Final = {
    LifeEvent.RAISED: _raised,
    LifeEvent.CLEARED: _cleared,
    LifeEvent.ACKNOWLEDGED: _acknowledged,
}


def _digest_in(notices: Sequence[Notice], language: Language, style: Style) -> Text:
    count = _word("count", language).format(len(notices))
    badge = _word("digest", language)
    title = f"【{badge}】{count}" if language == "zh" else f"[{badge}] {count}"
    lines = [_title(notice, language) for notice in notices[:DIGEST_LINES_MAX]]
    if len(notices) > DIGEST_LINES_MAX:
        lines.append(_word("more", language).format(len(notices) - DIGEST_LINES_MAX))
    if style.page_url is not None:
        lines += _lines(language, ("link", f"{style.page_url.rstrip('/')}/alarms"))
    return Text(title, "\n".join(lines))


def _lines(language: Language, *pairs: tuple[str, str | None]) -> list[str]:
    colon = "：" if language == "zh" else ": "
    return [f"{_word(key, language)}{colon}{said}" for key, said in pairs if said]


def _one_line(said: str | None) -> str | None:
    """Return what a person typed on one line, so that it cannot pass for further lines."""
    if said is None:
        return None
    return "".join(char for char in " ".join(said.split()) if char.isprintable())


def _bracketed(said: str, language: Language) -> str:
    return f"（{said}）" if language == "zh" else f" ({said})"


def _place(notice: Notice, language: Language) -> str:
    about = notice.about
    names = [area[language] for area in about.area_names]
    if about.school_name is not None:
        names.insert(0, about.school_name[language])
    return " ".join(names) if language == "zh" else ", ".join(reversed(names))


def _device(notice: Notice, language: Language) -> str:
    about = notice.about
    name = about.device_name[language] if about.device_name is not None else ""
    if not about.device or about.device == name:
        return name
    return f"{name}{_bracketed(about.device, language)}" if name else about.device


def _value(notice: Notice, language: Language, *, with_limit: bool) -> str | None:
    about = notice.about
    if notice.value is None:
        return None
    name = about.point_label[language] if about.point_label is not None else about.point
    for state in about.states:
        if state.value == notice.value:
            return f"{name} {state.label[language]}"
    said = f"{name} {quantity(notice.value, about.unit)}"
    if with_limit and about.limit is not None and not about.states:
        side = _word("upper" if about.above else "lower", language)
        said += _bracketed(f"{side} {quantity(about.limit, about.unit)}", language)
    return said


def quantity(value: float, unit: str) -> str:
    """Return a value with its unit, to five significant digits."""
    number = f"{value:.5g}"
    if "e" in number:
        number = f"{value:.0f}" if abs(value) >= 1 else f"{value:g}"
    return f"{number} {unit}".rstrip() if unit != "%" else f"{number}%"


def duration(span_ns: int, language: Language) -> str:
    """Return a span of time in its two largest units."""
    seconds = max(0, span_ns // _NS)
    units = (
        (86_400, "天", "d"),
        (3_600, "小时", "h"),
        (60, "分", "min"),
        (1, "秒", "s"),
    )
    parts: list[str] = []
    for size, chinese, english in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {chinese if language == 'zh' else english}")
    return " ".join(parts[:2]) or ("不到 1 秒" if language == "zh" else "less than 1 s")


def _local(time_ns: int, style: Style) -> str:
    local = datetime.fromtimestamp(time_ns // _NS, tz=ZoneInfo(style.timezone))
    return f"{local:%Y-%m-%d %H:%M:%S}"
