"""Makers' spellings of units: what they are in the closed list, and how to get there."""

from __future__ import annotations

from typing import Final, NamedTuple

from campus_wire.quantities import UNITS


class Conversion(NamedTuple):
    """`value = number * scale + offset`, in `unit`."""

    unit: str
    scale: float = 1.0
    offset: float = 0.0


_RENAMED: Final[dict[str, Conversion]] = {
    spelling: Conversion(unit)
    for unit, spellings in {
        "": "none,bool,count,counts,pulses,lqi,raw",
        "°C": "c,degc,celsius,℃,ºc,deg c",
        "%": "percent,pct,％",
        "%RH": "% rh,rh,%rh,％rh",
        "%VOL": "%vol,vol%,% vol",
        "%LEL": "%lel,lel,% lel",
        "ppm": "parts per million",
        "ppb": "parts per billion",
        "mg/m³": "mg/m3,mg/m^3",
        "µg/m³": "μg/m³,ug/m³,ug/m3,μg/m3,µg/m3,ug/m^3,mcg/m³,microg/m3",
        "Bq/m³": "bq/m3",
        "lx": "lux",
        "dB": "dba,db(a),dbspl",
        "µA": "ua,μa",
        "Ω": "ohm,ohms,ω",
        "W": "watt,watts",
        "var": "vars",
        "kvarh": "kvarhours",
        "Hz": "hertz",
        "hPa": "mbar,mb",
        "m/s": "mps,meter/sec",
        "m³/h": "m3/h,m^3/h",
        "l/min": "lpm",
        "l": "liter,litre,liters",
        "m³": "m3,m^3",
        "°": "deg,degree,degrees,º",
        "µS/cm": "us/cm,μs/cm",
        "pH": "ph",
        "W/m²": "w/m2",
        "rpm": "1/min,r/min",
        "s": "sec,second,seconds",
        "min": "minute,minutes,mins",
        "h": "hour,hours,hr",
        "d": "day,days",
    }.items()
    for spelling in spellings.split(",")
}
_CONVERTED: Final[dict[str, Conversion]] = {
    "°f": Conversion("°C", 5 / 9, -160 / 9),
    "f": Conversion("°C", 5 / 9, -160 / 9),
    "fahrenheit": Conversion("°C", 5 / 9, -160 / 9),
    "kω": Conversion("Ω", 1_000.0),
    "kohm": Conversion("Ω", 1_000.0),
    "mmhg": Conversion("hPa", 1.33322387415),  # NIST SP 811, appendix B.8
    "inhg": Conversion("hPa", 33.86389),
    "psi": Conversion("kPa", 6.894757),
    "wmin": Conversion("Wh", 1 / 60),  # Shelly Gen1 counts watt-minutes
    "ms": Conversion("s", 0.001),
    "km/h": Conversion("m/s", 1 / 3.6),
    "kmh": Conversion("m/s", 1 / 3.6),
    "mph": Conversion("m/s", 0.44704),
    "kn": Conversion("m/s", 1852 / 3600),
    "in": Conversion("mm", 25.4),
    "ft": Conversion("m", 0.3048),
    "km": Conversion("m", 1_000.0),
    "l/h": Conversion("l/min", 1 / 60),
    "ml": Conversion("l", 0.001),
    "gal": Conversion("l", 3.785411784),
    "ft³": Conversion("m³", 0.028316846592),
    "mg": Conversion("g", 0.001),
    "t": Conversion("kg", 1_000.0),
    "lb": Conversion("kg", 0.45359237),
    "gj": Conversion("GJ"),
    "ms/cm": Conversion("µS/cm", 1_000.0),
}
# In lower case these would be two units at once: only the exact spelling counts.
_EXACT: Final[dict[str, Conversion]] = {
    "MW": Conversion("kW", 1_000.0),
    "mW": Conversion("W", 0.001),
    "MPa": Conversion("MPa"),
    "mPa": Conversion("Pa", 0.001),
    "MJ": Conversion("GJ", 0.001),
    "L": Conversion("l"),
    "L/min": Conversion("l/min"),
    "L/s": Conversion("l/s"),
    "L/h": Conversion("l/min", 1 / 60),
    "mL": Conversion("l", 0.001),
}


def convert(spelling: str) -> Conversion | None:
    """Return how to get from a maker's unit to one of the closed list, or None.

    >>> convert("μg/m3"), convert("°F").unit, convert("furlong")
    (Conversion(unit='µg/m³', scale=1.0, offset=0.0), '°C', None)
    """
    text = spelling.strip()
    if text in UNITS:
        return Conversion(text)
    if text in _EXACT:
        return _EXACT[text]
    lower = text.lower()
    found = _RENAMED.get(lower) or _CONVERTED.get(lower)
    if found is not None:
        return found
    # but for the prefixes m and M, a thousand million apart, capitals say nothing
    same = (unit for unit in UNITS if unit and unit.lower() == lower)
    return next((Conversion(unit) for unit in same if (unit[0] == "m") == (text[0] == "m")), None)
