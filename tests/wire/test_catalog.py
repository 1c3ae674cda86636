"""Catalogs: round trips, revisions, paths, and what does not fit together."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from campus_wire.catalog import Catalog, decode_catalog, encode_catalog
from campus_wire.errors import MalformedError
from campus_wire.quantities import UNITS
from campus_wire.reasons import REFUSAL_REASONS
from tests.support import good_payloads as good

names = st.from_regex(r"\A[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,10}[A-Za-z0-9])?\Z")
labels = st.fixed_dictionaries(
    {
        key: st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)
        for key in ("zh", "en")
    }
)


@st.composite
def catalogs(draw: st.DrawFn) -> dict[str, Any]:
    areas: list[dict[str, Any]] = []
    for area in draw(st.lists(names, min_size=1, max_size=6, unique=True)):
        parent = draw(st.none() | st.sampled_from(areas)) if areas else None
        areas.append({"id": area, "kind": draw(names), "name": draw(labels)})
        if parent is not None:
            areas[-1]["parent"] = parent["id"]
    units = st.sampled_from(sorted(UNITS))
    count = draw(st.integers(1, 6))
    points = [
        {"name": f"p{n}", "unit": draw(units), "label": draw(labels), "writable": n % 2 == 0}
        for n in range(count)
    ]
    devices = [
        {
            "id": device,
            "name": draw(labels),
            "profile": draw(names),
            "category": draw(names),
            "area": draw(st.sampled_from(areas))["id"],
            "interval_s": draw(st.floats(0.1, 86_400)),
            "points": draw(st.lists(st.integers(0, count - 1), min_size=1, unique=True)),
        }
        for device in draw(st.lists(names, max_size=6, unique=True))
    ]
    school = {"id": draw(names), "name": draw(labels)}
    return {
        "gateway": "gw-1",
        "school": school,
        "areas": areas,
        "points": points,
        "devices": devices,
    }


@given(catalogs())
def test_what_is_encoded_comes_back_with_the_same_revision(plain: dict[str, Any]) -> None:
    catalog = Catalog.model_validate(plain)

    revision, decoded = decode_catalog(encode_catalog(catalog))

    assert decoded == catalog
    assert revision == catalog.revision == decoded.revision


@given(catalogs())
def test_the_revision_names_the_content_and_not_its_spelling(plain: dict[str, Any]) -> None:
    catalog = Catalog.model_validate(plain)
    respelled = Catalog.model_validate(dict(reversed(plain.items())))
    other = Catalog.model_validate(plain | {"gateway": "gw-2"})

    assert respelled.revision == catalog.revision != other.revision


@given(st.binary(max_size=200))
def test_garbage_raises_only_the_typed_error(payload: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_catalog(payload)

    assert caught.value.reason in REFUSAL_REASONS


def test_a_path_leads_from_the_outermost_area() -> None:
    catalog = Catalog.model_validate(good.catalog())

    assert [area.id for area in catalog.path("r101")] == ["b1", "r101"]
    assert catalog.index_of("co2-101") == 1
    with pytest.raises(KeyError):
        catalog.index_of("missing")


def test_a_full_catalog_fits_a_payload_and_is_checked_in_reasonable_time() -> None:
    plain = good.catalog()
    plain["areas"] = [
        {"id": f"a{n}", "kind": "room", "name": {"zh": f"{n}教室", "en": f"Room {n}"}}
        | ({"parent": f"a{n // 10}"} if n else {})
        for n in range(5_000)
    ]
    plain["devices"] = [
        plain["devices"][0] | {"id": f"d{n}", "area": f"a{n}"} for n in range(5_000)
    ]
    started_s = time.process_time()

    payload = encode_catalog(Catalog.model_validate(plain))
    _, decoded = decode_catalog(payload)

    assert len(decoded.devices) == 5_000
    assert time.process_time() - started_s < 10


def test_a_foreign_revision_is_taken_at_its_word() -> None:
    revision, _ = decode_catalog(orjson.dumps(good.catalog_message()))

    assert revision == good.REVISION


def test_what_a_point_does_not_have_is_not_in_the_document() -> None:
    catalog = Catalog.model_validate(good.catalog())

    assert b"wraps_at" not in catalog.document
    assert b"flags" not in catalog.document


def test_counters_and_flags_come_back() -> None:
    plain = good.catalog()
    flag = {"bit": 3, "label": {"zh": "过热", "en": "hot"}}
    plain["points"][0] |= {"wraps_at": 65_536, "flags": [flag]}

    _, decoded = decode_catalog(encode_catalog(Catalog.model_validate(plain)))

    assert decoded.points[0].wraps_at == 65_536
    assert (decoded.points[0].flags[0].bit, decoded.points[0].flags[0].label.en) == (3, "hot")


@pytest.mark.parametrize("wrong", [{"wraps_at": 0}, {"flags": [{"bit": 64, "label": {}}]}])
def test_counters_and_flags_make_sense(wrong: dict[str, Any]) -> None:
    plain = good.catalog()
    plain["points"][0] |= wrong

    with pytest.raises(ValidationError):
        Catalog.model_validate(plain)
