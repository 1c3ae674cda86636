"""Templates: a few forms are data, every other is refused, nothing is guessed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles.dialects.ha_template import Found, NotUnderstoodError, understand


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("", Found()),
        ("{{ value }}", Found()),
        ("{{ value | float * 0.5 }}", Found(scale=0.5)),
        ("{{ value_json.a.b }}", Found(("a", "b"), is_json=True)),
        ("{{value_json['a b'][\"c\"][0]}}", Found(("a b", "c", 0), is_json=True)),
        ("{{ value_json.get('a') }}", Found(("a",), is_json=True)),
        ("{{- value_json.a | int(0) -}}", Found(("a",), is_json=True)),
        ("{{ value_json.a | default(0) | round(2) }}", Found(("a",), is_json=True)),
        ("{{ float(value_json.a) / 4 }}", Found(("a",), is_json=True, scale=0.25)),
        (
            "{{ value_json.a | multiply(2) | add(1) }}",
            Found(("a",), is_json=True, scale=2.0, offset=1),
        ),
        ("{{ (value_json.a - 32) * 5 }}", Found(("a",), is_json=True, scale=5.0, offset=-160.0)),
        ("{{ 100 - value_json.a }}", Found(("a",), is_json=True, scale=-1.0, offset=100.0)),
        ("{{ -value_json.a }}", Found(("a",), is_json=True, scale=-1.0)),
        (
            "{{ 'ON' if value == '1' else 'OFF' }}",
            Found(words={"1": "ON"}, other="OFF"),
        ),
        (
            "{{ 'a' if value_json.x != 'y' else 'b' }}",
            Found(("x",), is_json=True, words={"y": "b"}, other="a"),
        ),
        (
            "{{ 'a' if not value_json.x is true else 'b' }}",
            Found(("x",), is_json=True, words={"true": "b"}, other="a"),
        ),
        (
            "{% if value_json.x == 2 %} on {% else %} off {% endif %}",
            Found(("x",), is_json=True, words={"2": "on"}, other="off"),
        ),
    ],
)
def test_these_are_data(template: str, found: Found) -> None:
    assert understand(template) == found


@pytest.mark.parametrize(
    "template",
    [
        "{{ 3 }}",
        "{{ 'x' }}",
        "text {{ value }}",
        "{{ value }}{{ value }}",
        "{{ value_json.a / 0 }}",
        "{{ value_json.a * value_json.b }}",
        "{{ value_json.a * 'x' }}",
        "{{ value_json.a and value_json.b }}",
        "{{ value_json.a | tojson }}",
        "{{ value_json.a | timestamp_local }}",
        "{{ value_json.a[0:2] }}",
        "{{ value_json | length }}",
        "{{ value_json.a if value_json.b else value_json.c }}",
        "{{ 'x' if value_json.a == value_json.b else 'y' }}",
        "{% for x in value_json %}{{ x }}{% endfor %}",
        "{% if value_json.a %}{{ value_json.b }}{% else %}0{% endif %}",
        "{{ state_attr('a', 'b') }}",
        "{{ value_json.a",
        "{{ }}",
        "{{ value." + "a" * 2000 + " }}",
        "{{ " + "(" * 400 + "value" + ")" * 400 + " }}",
    ],
)
def test_these_are_refused(template: str) -> None:
    with pytest.raises(NotUnderstoodError):
        understand(template)


PIECES = st.sampled_from(
    [
        *(
            "{{",
            "}}",
            "{%",
            "%}",
            "value",
            "value_json",
            ".a",
            "['b']",
            "[0]",
            "|",
            "float",
            "(",
            ")",
        ),
        *(
            "round",
            "if",
            "else",
            "endif",
            "==",
            "!=",
            "'ON'",
            "+",
            "-",
            "*",
            "/",
            "1",
            "0",
            "iif",
            ",",
        ),
        *("not", "is", "true", " ", "'", "is_defined", "multiply", "get"),
    ]
)


@given(st.lists(PIECES, max_size=25).map(" ".join) | st.text(max_size=60))
def test_nothing_else_happens(template: str) -> None:
    with contextlib.suppress(NotUnderstoodError):
        understand(template)
    with contextlib.suppress(NotUnderstoodError):
        understand(f"{{{{ {template} }}}}")
