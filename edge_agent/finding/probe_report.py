"""What a probed device said: as tables and as JSON."""

from __future__ import annotations

from typing import Any

from campus_wire.quality import Quality, label
from device_profiles.model import ModbusProfile
from device_profiles.trying import Tried
from device_profiles.trying_report import plain_outcome
from edge_agent.finding.interpret import Interpretation, bits_text, interpret
from edge_agent.finding.probing import ProbeResult, RawRead

_DIGITS = {"coil": 0, "discrete": 1, "input": 3, "holding": 4}


def plain_probe(profile: ModbusProfile, result: ProbeResult) -> dict[str, Any]:
    """Return what a device said as JSON has it."""
    plain = plain_outcome(profile, result.outcome)
    plain["undecoded"] += [
        {"point": name, "reason": reason} for name, reason in result.failures.items()
    ]
    slowest = result.first_byte_s
    plain["answers_after_ms"] = None if slowest is None else round(slowest * 1000, 1)
    return plain


def print_probe(
    title: str, unit: int, profile: ModbusProfile, result: ProbeResult, language: str
) -> None:
    """Print one row a point: value, what was sent for it, and from where."""
    from rich.console import Console  # noqa: PLC0415 - not needed for --json
    from rich.table import Table  # noqa: PLC0415

    console = Console()
    heading = f"{title}  {profile.labels[language]}  unit {unit}"
    table = Table(title=heading, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for head in ("point", "", "value", "quality", "raw", "wire", "printed"):
        table.add_column(head, overflow="fold")
    for tried in result.outcome.values:
        table.add_row(*_row(profile, tried, language))
    for name, text, _ in result.outcome.texts:
        table.add_row(name, _label(profile, name, language), text, "", "", "", "")
    console.print(table)
    reasons: dict[str, list[str]] = {}
    for name, reason in result.failures.items():
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        console.print(f"[red]{reason}[/red]: {', '.join(names)}", highlight=False)


def _row(profile: ModbusProfile, tried: Tried, language: str) -> tuple[str, ...]:
    origin = tried.origin
    quality = label(tried.quality, language)
    return (
        tried.point,
        _label(profile, tried.point, language),
        _value_text(profile, tried, language),
        quality if tried.quality is Quality.GOOD else f"[red]{quality}[/red]",
        " ".join(f"{word:04X}" for word in origin.raw) if origin else "",
        f"{origin.table} {origin.wire_address}" if origin else "",
        str(origin.printed_address) if origin else "",
    )


def _label(profile: ModbusProfile, name: str, language: str) -> str:
    point = profile.find(name)
    labels = point.labels if point is not None else None
    return labels[language] if labels else ""


def _value_text(profile: ModbusProfile, tried: Tried, language: str) -> str:
    if tried.value is None:
        return "-"
    point = profile.find(tried.point)
    assert point is not None, "only points of the profile are decoded"
    state = point.states.get(int(tried.value)) if point.states else None
    if state is not None:
        return f"{tried.value:g} {state[language]}"
    return f"{tried.value:.10g} {point.unit}".rstrip()


def plain_registers(unit: int, raw: RawRead) -> dict[str, Any]:
    """Return all readings of registers as JSON has them."""
    wanted = raw.wanted
    plain: dict[str, Any] = {
        "unit_id": unit,
        "table": wanted.table.value,
        "wire_address": wanted.address,
        "raw": [f"{word:04X}" for word in raw.words],
        "problem": raw.problem or None,
        "readings": [],
    }
    if not wanted.table.holds_bits:
        plain["readings"] = [
            {
                "wire_address": wanted.address + one.first,
                "registers": one.registers,
                "data_type": one.data_type,
                "byte_order": one.byte_order,
                "value": one.value,
                "plausible": one.plausible,
            }
            for one in interpret(raw.words)
        ]
    return plain


def print_registers(unit: int, raw: RawRead) -> None:
    """Print registers one by one, then every wider reading with the orders side by side."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    console = Console()
    wanted = raw.wanted
    if raw.problem:
        console.print(f"unit {unit}, {wanted.text}: [red]{raw.problem}[/red]")
        return
    digit = _DIGITS[wanted.table.value]
    single = Table(box=None, padding=(0, 2, 0, 0))
    bits = wanted.table.holds_bits
    heads = (
        ("wire", "1-based", "modicon", "value")
        if bits
        else (
            *("wire", "1-based", "modicon", "hex", "uint16", "int16", "bytes", "bits set", "text"),
        )
    )
    for head in heads:
        single.add_column(head, no_wrap=True)
    for at, word in enumerate(raw.words):
        address = wanted.address + at
        where = (str(address), str(address + 1), f"{digit}{address + 1:05d}")
        if bits:
            single.add_row(*where, str(word))
            continue
        signed = word - 0x10000 if word & 0x8000 else word
        single.add_row(*where, f"{word:04X}", str(word), str(signed), *_bytes(word))
    console.print(single)
    if bits or not raw.words:
        return
    rows = _side_by_side(interpret(raw.words))
    wide = Table(box=None, padding=(0, 2, 0, 0))
    for head in ("wire", "type", "ABCD", "CDAB", "BADC", "DCBA"):
        wide.add_column(head, no_wrap=True)
    for (first, data_type), columns in rows.items():
        wide.add_row(str(wanted.address + first), data_type, *(_cell(one) for one in columns))
    console.print(wide)
    console.print("[green]green[/green]: may well be meant so", highlight=False)


def _bytes(word: int) -> tuple[str, str, str]:
    pair = word.to_bytes(2, "big")
    text = "".join(chr(one) if 32 <= one < 127 else "." for one in pair)
    return f"{pair[0]} {pair[1]}", bits_text(word), text


def _side_by_side(
    readings: list[Interpretation],
) -> dict[tuple[int, str], list[Interpretation | None]]:
    """Return, by first register and type, the readings in the four orders; text alone in one."""
    rows: dict[tuple[int, str], list[Interpretation | None]] = {}
    for one in readings:
        if one.registers == 1 and one.data_type in ("uint16", "int16"):
            continue
        row = rows.setdefault((one.first, one.data_type), [None] * 4)
        row[_column(one)] = one
    return rows


def _column(one: Interpretation) -> int:
    if one.data_type == "text" or len(one.byte_order) < 2:
        return 0
    swapped_bytes = one.byte_order.index("A") > one.byte_order.index("B")
    swapped_words = (
        one.registers > 1 and min(one.byte_order.index("A"), one.byte_order.index("B")) > 1
    )
    return swapped_words + 2 * swapped_bytes


def _cell(one: Interpretation | None) -> str:
    if one is None:
        return ""
    text = one.text.replace("[", "\\[")
    return f"[green]{text}[/green]" if one.plausible else text
