"""A whole profile of what a device tells of itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from device_profiles.categories import CATEGORIES
from device_profiles.dialects.found import FoundDevice
from device_profiles.dialects.naming import one_line, profile_id
from device_profiles.dialects.points import Part, Points
from device_profiles.dialects.quantities import likely_category


@dataclass(frozen=True, slots=True)
class About:
    """What a device says of itself as a whole."""

    dialect: str
    id: str
    name: str
    vendor: str
    model: str
    topic: str
    """The section's topic, with captures."""
    parameters: dict[str, str]
    sources: tuple[tuple[str, str], ...]
    """Addresses of the documentation that the dialect goes by, each with what it is."""
    availability: tuple[Part, ...] = ()
    section: Part = field(default_factory=dict)
    """Further keys of the MQTT section."""
    category: str = ""
    """The kind of device where its points alone do not tell."""


def device(about: About, points: Points, parts: list[Part] | None = None) -> FoundDevice | None:
    """Return the device with its profile, or None when it has no point.

    Args:
        about: the device as a whole.
        points: what it has.
        parts: its points as documents where something was changed in them.
    """
    parts = points.parts() if parts is None else parts
    if not parts:
        return None
    category = about.category or likely_category(points.hints)
    vendor = one_line(about.vendor) or about.dialect
    model = one_line(about.model) or one_line(about.name) or "device"
    kind = CATEGORIES[category]
    notes = tuple(dict.fromkeys(points.notes))[:64]
    profile: Part = {
        "id": profile_id(about.dialect, model),
        "vendor": vendor,
        "model": model,
        "category": category,
        "labels": {"zh": f"{kind.zh}（{vendor} {model}）", "en": f"{kind.en} ({vendor} {model})"},
        "evidence": "datasheet",
        "sources": [{"ref": ref, "kind": what} for ref, what in about.sources],
        "protocol": "mqtt",
        "mqtt": {
            "topic": about.topic,
            **({"availability": list(about.availability)} if about.availability else {}),
            **about.section,
        },
        "points": parts,
    }
    if notes:
        profile["note"] = one_line("Left out: " + "; ".join(notes), most=1_000)
    return FoundDevice(
        about.dialect, about.id, about.name, category, profile, dict(about.parameters), notes
    )
