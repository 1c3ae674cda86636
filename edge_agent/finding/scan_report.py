"""What a scan found: as a table, as JSON, and as a piece of `edge.yaml`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from campus_wire.catalog import Label
from device_profiles.library import Library
from edge_agent.finding.scan import FoundUnit, Hint, ScanResult
from edge_agent.finding.settings import duration

WIDTH_OF_FILES = 160
"""Columns where the output is no terminal."""
_HINTS = {
    "garbled": Label(
        zh="有无法识别的数据:波特率或校验位可能不同,或两台设备地址相同",
        en="bytes that make no sense: another baud rate or parity, or two devices of one address",
    ),
    "late": Label(
        zh="应答太晚,已自动放宽等待时间", en="answered late; the time-out was lengthened"
    ),
    "gateway": Label(
        zh="这是网关:用 --units 1-247 扫描其后的设备",
        en="is a gateway; scan the units behind it with --units 1-247",
    ),
    "closed": Label(zh="连接被对方关闭", en="the other end closed the connection"),
    "echo": Label(
        zh="适配器会回送自己发出的数据(回声)", en="the adapter hears what it sends (echo)"
    ),
}


def plain_scan(result: ScanResult) -> dict[str, Any]:
    """Return a result as JSON has it."""
    return {
        "finished": result.finished,
        "took_s": round(result.took_s, 3),
        "requests": result.traffic.requests,
        "found": [_plain_unit(one) for one in result.found],
        "hints": [
            {
                "kind": hint.kind,
                "place": hint.place,
                "setting": None if hint.setting is None else hint.setting.text,
                "unit": hint.unit,
                "count": hint.count,
                "text": _plain_label(_HINTS[hint.kind]),
            }
            for hint in counted(result.hints)
        ],
    }


def _plain_unit(found: FoundUnit) -> dict[str, Any]:
    print_ = found.print_
    setting = found.setting
    return {
        "place": found.place,
        "unit_id": found.unit,
        "also_unit_ids": list(found.also),
        "serial": None
        if setting is None
        else {
            "baud_rate": setting.baud_rate,
            "parity": setting.parity,
            "stop_bits": setting.stop_bits,
            "data_bits": setting.data_bits,
        },
        "answers_after_ms": round(print_.latency_s * 1000, 1),
        "identity": dict(print_.identity.texts),
        "sunspec": print_.has_sunspec,
        "proposals": [
            {
                "profile": one.profile,
                "score": one.score,
                "reasons": [_plain_label(reason) for reason in one.reasons],
                "against": [_plain_label(reason) for reason in one.against],
            }
            for one in print_.proposals
        ],
        "trouble": dict(print_.trouble),
    }


def _plain_label(label: Label) -> dict[str, str]:
    return {"zh": label.zh, "en": label.en}


def counted(hints: Sequence[Hint]) -> list[Hint]:
    """Return hints, those alike at one place and setting as one."""
    found: dict[tuple[object, ...], Hint] = {}
    for hint in hints:
        key = (hint.kind, hint.place, hint.setting)
        before = found.get(key)
        count = hint.count + (before.count if before is not None else 0)
        unit = before.unit if before is not None else hint.unit
        found[key] = Hint(hint.kind, hint.place, hint.setting, unit, count)
    return list(found.values())


def print_scan(result: ScanResult, language: str) -> None:
    """Print what was found as a table."""
    from rich.console import Console  # noqa: PLC0415 - not needed for --json
    from rich.table import Table  # noqa: PLC0415

    console = Console()
    if not console.is_terminal:
        console.width = WIDTH_OF_FILES
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("place", "unit", "says it is", "profile", "score", "why"):
        table.add_column(head, overflow="fold", no_wrap=head in ("unit", "score"))
    for found in result.found:
        _add_rows(table, found, language)
    if result.found:
        console.print(table)
    for hint in counted(result.hints):
        where = hint.place if hint.setting is None else f"{hint.place} {hint.setting.text}"
        times = f" ({hint.count}×)" if hint.count > 1 else ""
        console.print(f"{where}, unit {hint.unit}: {_HINTS[hint.kind][language]}{times}")
    state = "" if result.finished else ", stopped before the end"
    console.print(
        f"{len(result.found)} found in {duration(result.took_s)}"
        f" with {result.traffic.requests} requests, all of them reading{state}"
    )


def _add_rows(table: Any, found: FoundUnit, language: str) -> None:
    print_ = found.print_
    place = found.place if found.setting is None else f"{found.place} {found.setting.text}"
    unit = str(found.unit) + "".join(f", {one}" for one in found.also)
    title = print_.identity.title or "-"
    if not print_.proposals:
        table.add_row(place, unit, title, "?", "", "no profile fits; try campus edge probe")
        return
    for number, one in enumerate(print_.proposals):
        why = "; ".join(reason[language] for reason in (*one.reasons, *one.against)[:4])
        first = (place, unit, title) if number == 0 else ("", "", "")
        table.add_row(*first, one.profile, str(one.score), why)


def config_piece(result: ScanResult, library: Library) -> str:
    """Return buses and devices for `edge.yaml`; what could not be told is in comments."""
    out = io.StringIO()
    out.write(
        "# Found by campus edge scan: a piece for edge.yaml.\n"
        "# Check each profile and id, and put every device into its area before use.\n"
        "buses:\n"
    )
    places: dict[tuple[str, object], list[FoundUnit]] = {}
    for found in result.found:
        places.setdefault((found.place, found.setting), []).append(found)
    for number, ((place, _), units) in enumerate(places.items(), start=1):
        out.write(f"  - id: line-{number}\n    modbus: {_link(place, units[0])}\n")
        known = [one for one in units if one.print_.proposals]
        out.write("    devices:\n" if known else "    devices: []\n")
        for one in units:
            out.write(_device(one, number, library))
    return out.getvalue()


def _link(place: str, found: FoundUnit) -> str:
    setting = found.setting
    if setting is None:
        host, _, port = place.rpartition(":")
        return f'{{transport: tcp, host: "{host.strip("[]")}", port: {port}}}'
    return (
        f'{{transport: rtu, port: "{place}", baud_rate: {setting.baud_rate}, '
        f"parity: {setting.parity}, stop_bits: {setting.stop_bits}, "
        f"data_bits: {setting.data_bits}}}"
    )


def _device(found: FoundUnit, bus: int, library: Library) -> str:
    if not found.print_.proposals:
        title = found.print_.identity.title or "says nothing of itself"
        return f"      # unit {found.unit}: no profile fits ({title})\n"
    best, *others = found.print_.proposals
    profile = library.get(best.profile)
    labels = profile.labels
    text = (
        f"      - id: {profile.id}-{bus}-{found.unit}\n"
        f"        profile: {profile.id}    # score {best.score}"
    )
    if others:
        text += "; else " + ", ".join(f"{one.profile} ({one.score})" for one in others)
    return (
        f"{text}\n        unit_id: {found.unit}\n        area: unassigned\n"
        f'        name: {{zh: "{labels.zh} {found.unit}", en: "{labels.en} {found.unit}"}}\n'
        "        interval_s: 10\n"
    )
