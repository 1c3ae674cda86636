"""A profile in the making, and what became of everything in its source (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from device_profiles.dialects.naming import one_line, point_name, profile_id
from device_profiles.dialects.quantities import known_number, known_state, likely_category
from device_profiles.dialects.units import Conversion, convert
from device_profiles.dialects.words import chinese_name, english_name

Kind = Literal["changed", "check", "left_out"]
ON_OFF = {0: {"zh": "关", "en": "off"}, 1: {"zh": "开", "en": "on"}}


@dataclass(frozen=True, slots=True)
class Remark:
    """What a person should know of one thing in the source."""

    kind: Kind
    """changed: carried over in another form; check: carried over, to be looked at; left_out."""
    item: str
    message: str


@dataclass(slots=True)
class Given:
    """One point as the source has it."""

    name: str
    unit: str | None = None
    """As spelt there; None: the source says none."""
    read: dict[str, Any] | None = None
    write: dict[str, Any] | None = None
    states: Mapping[int, Mapping[str, str]] | None = None
    minimum: float | None = None
    maximum: float | None = None
    hint: str = ""
    """What kind of quantity it is, where the source tells (a device class)."""
    note: str = ""


@dataclass(slots=True)
class ProfileDraft:
    """One profile to be written."""

    title: str
    """What to call the device."""
    source: str
    """Where it is from: the file's name."""
    source_kind: str
    section: dict[str, Any] = field(default_factory=lambda: {"address_base": 0})
    points: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    category: str = ""
    _categories: list[str] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)

    def changed(self, item: str, message: str) -> None:
        """Note what was carried over in another form."""
        self.remarks.append(Remark("changed", item, message))

    def check(self, item: str, message: str) -> None:
        """Note what a person has to look at."""
        self.remarks.append(Remark("check", item, message))

    def leave_out(self, item: str, message: str) -> None:
        """Note what was not carried over."""
        self.remarks.append(Remark("left_out", item, message))

    def name_for(self, name: str) -> str:
        """Return the name of the point that a source's name becomes, not yet taken."""
        plain = point_name(name) or f"point_{len(self.points) + 1}"
        chosen, number = plain, 2
        while chosen in self._names:
            chosen, number = f"{plain[:52]}_{number}", number + 1
        return chosen

    def add(self, given: Given) -> str:
        """Add a point and return its name."""
        name = self.name_for(given.name)
        self._names.add(name)
        if name != given.name:
            self.changed(given.name, f"is the point {name}")
        is_text = given.read is not None and given.read.get("data_type") == "string"
        conversion = self._conversion(given) if not given.states and not is_text else Conversion("")
        point: dict[str, Any] = {"name": name}
        if not given.states and not is_text:
            point["unit"] = conversion.unit
        point["labels"] = self._labels(given, conversion.unit)
        for key, limit in (("minimum", given.minimum), ("maximum", given.maximum)):
            if limit is not None:
                point[key] = limit * conversion.scale + conversion.offset
        if given.states:
            point["states"] = {int(n): dict(label) for n, label in given.states.items()}
        if given.note:
            point["note"] = one_line(given.note, most=500)
        if given.read is not None:
            point["read"] = _converted(given.read, conversion)
        if given.write is not None:
            point["write"] = _converted_limits(given.write, conversion)
        self.points.append(point)
        return name

    def _conversion(self, given: Given) -> Conversion:
        if given.unit is None or not given.unit.strip():
            self.check(given.name, "the source gives no unit")
            return Conversion("")
        found = convert(given.unit) or _MORE_UNITS.get(given.unit.strip().lower())
        if found is None:
            self.check(given.name, f"the unit {given.unit!r} is not known here; left without one")
            return Conversion("")
        known = known_number(given.hint or given.name, found.unit)
        if found.unit == "%" and known is not None and "%RH" in known.units:
            self.changed(given.name, "% is taken as %RH, as it is a humidity")
            found = Conversion("%RH", found.scale, found.offset)
        if (found.scale, found.offset) != (1.0, 0.0):
            self.changed(given.name, f"{given.unit} is converted to {found.unit}")
        return found

    def _labels(self, given: Given, unit: str) -> dict[str, str]:
        for key in filter(None, (given.name, given.hint)):
            known = known_number(key, unit or None)
            if known is not None:
                self._categories.append(known.category)
                if key == given.name:
                    return {"zh": known.zh, "en": known.en}
            state = known_state(key) if given.states else None
            if state is not None:
                return {"zh": state.zh, "en": state.en}
        zh, en = chinese_name(given.name), english_name(given.name)
        if zh.startswith("厂家项") or any(letter.isascii() and letter.isalpha() for letter in zh):
            self.check(given.name, f"translate its Chinese label, now {zh!r}")
        return {"zh": one_line(zh) or "?", "en": one_line(en) or "?"}

    def document(self) -> dict[str, Any]:
        """Return the whole profile."""
        title = one_line(self.title) or "imported device"
        return {
            "id": profile_id(title).lower(),
            "vendor": "unknown",
            "model": title,
            "category": self.category or likely_category(self._categories),
            "labels": {"zh": title, "en": title},
            "evidence": "datasheet",
            "sources": [{"ref": f"file:{self.source}", "kind": self.source_kind}],
            "note": f"Imported from {self.source_kind}; not yet tried on a device.",
            "protocol": "modbus",
            "modbus": self.section,
            "points": self.points,
        }


def _converted(read: dict[str, Any], by: Conversion) -> dict[str, Any]:
    if (by.scale, by.offset) == (1.0, 0.0):
        return read
    scale, offset = read.get("scale", 1.0), read.get("offset", 0.0)
    return {**read, "scale": scale * by.scale, "offset": offset * by.scale + by.offset}


def _converted_limits(write: dict[str, Any], by: Conversion) -> dict[str, Any]:
    changed = dict(write)
    for key in ("minimum", "maximum"):
        if key in write:
            changed[key] = write[key] * by.scale + by.offset
    if "step" in write and by.scale != 1.0:
        del changed["step"]
    if "scale" in write or "offset" in write:
        changed = _converted(changed, by)
    return changed


_MORE_UNITS = {
    "degreescelsius": Conversion("°C"),
    "degreesfahrenheit": Conversion("°C", 5 / 9, -160 / 9),
    "degrees celsius": Conversion("°C"),
    "degrees fahrenheit": Conversion("°C", 5 / 9, -160 / 9),
    "degf": Conversion("°C", 5 / 9, -160 / 9),
    "percentrelativehumidity": Conversion("%RH"),
    "partspermillion": Conversion("ppm"),
    "kilowatts": Conversion("kW"),
    "kilowatthours": Conversion("kWh"),
    "kilovoltamperes": Conversion("kVA"),
    "kilovoltamperesreactive": Conversion("kvar"),
    "volts": Conversion("V"),
    "amperes": Conversion("A"),
    "amps": Conversion("A"),
    "milliamperes": Conversion("mA"),
    "pascals": Conversion("Pa"),
    "kilopascals": Conversion("kPa"),
    "inchesofwater": Conversion("Pa", 249.08891),
    "inwc": Conversion("Pa", 249.08891),
    "cubicfeetperminute": Conversion("m³/h", 1.699010796),
    "cfm": Conversion("m³/h", 1.699010796),
    "gallonsperminute": Conversion("l/min", 3.785411784),
    "gpm": Conversion("l/min", 3.785411784),
    "nounits": Conversion(""),
    "enumerated": Conversion(""),
    "enum": Conversion(""),
    "on/off": Conversion(""),
    "onoff": Conversion(""),
    "pf": Conversion(""),
}
"""Spellings of BACnet and of American drawings; factors from NIST SP 811, appendix B.8."""
