"""Notices in words, against golden files.

Rewrite them with ``CAMPUS_REWRITE_GOLDEN=1`` and read the difference.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from campus_wire.catalog import Label, State
from controller.notify.notice import Notice, dump_notice, parse_notice
from controller.notify.texts import (
    DIGEST_LINES_MAX,
    Language,
    Style,
    duration,
    quantity,
    render,
    render_digest,
)
from controller.system_alarms import gateway_silent, undelivered
from tests.controller.notify.samples import ACKNOWLEDGED, CLEARED, RAISED, S, about

GOLDEN = Path(__file__).parent / "golden"
PAGE = "https://campus.example/"
LEAK = about(
    name=Label(zh="漏水", en="Water leak"),
    point_label=Label(zh="漏水检测", en="Leak"),
    unit="",
    limit=1.0,
    basis=None,
    states=(
        State(value=0, label=Label(zh="无漏水", en="dry")),
        State(value=1, label=Label(zh="漏水", en="leaking")),
    ),
)
NOTICES = {
    "raised": RAISED,
    "raised_again": replace(RAISED, occurrence=3),
    "cleared": CLEARED,
    "cleared_unseen": replace(CLEARED, acked_by=None),
    "acknowledged": ACKNOWLEDGED,
    "state": replace(RAISED, about=LEAK, value=1.0),
    "no_value": replace(RAISED, value=None),
    "gateway_silent": replace(
        RAISED,
        value=None,
        about=gateway_silent("gw-1", school="s", school_name=Label(zh="朝阳小学", en="Sunrise")),
    ),
    "undelivered": replace(RAISED, value=None, about=undelivered("duty")),
}


def check(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("CAMPUS_REWRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", NOTICES)
def test_notice(name: str) -> None:
    text = render(NOTICES[name], Style(page_url=PAGE))

    check(name, f"{text.title}\n\n{text.body}\n")
    assert "\n" not in text.title


@pytest.mark.parametrize("language", ["zh", "en"])
def test_one_language_without_a_page(language: Language) -> None:
    text = render(RAISED, Style(languages=language))

    check(f"raised_{language}", f"{text.title}\n\n{text.body}\n")


def test_a_note_cannot_pass_for_further_lines() -> None:
    note = "seen\n处理：ignore it\u2028all\u202eclear\x07"
    text = render(replace(ACKNOWLEDGED, note=note), Style(languages="en"))
    assert "Note: seen 处理：ignore it allclear\n" in text.body


def test_the_title_of_a_raised_alarm_says_how_bad_it_is() -> None:
    assert render(RAISED, Style(languages="en")).title.endswith("Ammonia too high (42.25 mg/m³)")
    assert render(RAISED, Style(languages="zh")).title.endswith("氨气浓度过高（42.25 mg/m³）")


def test_digest() -> None:
    notices = [replace(RAISED, alarm=str(n)) for n in range(DIGEST_LINES_MAX + 5)]
    text = render_digest(notices, Style(page_url=PAGE))

    check("digest", f"{text.title}\n\n{text.body}\n")


@pytest.mark.parametrize("notice", NOTICES.values(), ids=NOTICES)
def test_a_notice_survives_the_outbox(notice: Notice) -> None:
    assert parse_notice(dump_notice(notice)) == notice


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (25.0, "ppm", "25 ppm"),
        (25.123456, "°C", "25.123 °C"),
        (0.05, "mg/m³", "0.05 mg/m³"),
        (123456.7, "Wh", "123457 Wh"),
        (99.5, "%", "99.5%"),
        (1.0, "", "1"),
        (-3.0, "°C", "-3 °C"),
    ],
)
def test_quantity(value: float, unit: str, said: str) -> None:
    assert quantity(value, unit) == said


@pytest.mark.parametrize(
    ("seconds", "chinese", "english"),
    [
        (0, "不到 1 秒", "less than 1 s"),
        (59, "59 秒", "59 s"),
        (61, "1 分 1 秒", "1 min 1 s"),
        (3_725, "1 小时 2 分", "1 h 2 min"),
        (90_000, "1 天 1 小时", "1 d 1 h"),
        (86_401, "1 天 1 秒", "1 d 1 s"),
    ],
)
def test_duration(seconds: int, chinese: str, english: str) -> None:
    assert (duration(seconds * S, "zh"), duration(seconds * S, "en")) == (chinese, english)
