from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, Field, RootModel, ValidationError, model_validator

from campus_wire.config_file import (
    ConfigError,
    ConfigFileError,
    ConfigModel,
    Mistake,
    load_document,
    load_yaml,
    mistake_at,
    parse_document,
    raise_all,
)
from campus_wire.config_mistakes import errors_below, mistake_in
from campus_wire.config_suggest import suggest
from campus_wire.errors import PermanentError
from campus_wire.yaml_nodes import Node, parse_yaml
from tests.support import golden

CASES = Path(__file__).parent / "config_cases"


class Rtu(ConfigModel):
    transport: Literal["rtu"]
    port: str
    baud_rate: int
    parity: Literal["N", "E", "O"] = "N"


class Tcp(ConfigModel):
    transport: Literal["tcp"]
    host: str
    port: int = 502


class Bus(ConfigModel):
    id: str
    modbus: Annotated[Rtu | Tcp, Field(discriminator="transport")]
    devices: tuple[int, ...] = ()


class Broker(ConfigModel):
    host: str
    port: int = 1883


class Checked(ConfigModel):
    low: int
    high: int
    other: int = 0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        errors = []
        if self.low > self.high:
            remedy = "swap the two"
            errors.append(mistake_at(("high",), "lies below low", suggestion="9", remedy=remedy))
        if self.other > 100:
            errors.append(mistake_at(("other",), "is more than 100"))
        raise_all(errors)
        return self


def _even(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


class Config(ConfigModel):
    gateway: str
    buses: tuple[Bus, ...]
    uplink: Broker | None = None
    wait: int | Literal["forever"] = 5
    limits: dict[str, float] = Field(default_factory=dict)
    names: tuple[str, ...] = ()
    checked: Checked | None = None
    even: Annotated[int, AfterValidator(_even)] = 2
    interval: float = Field(1.0, alias="every")


GOOD = """
gateway: demo
buses:
  - id: line-1
    modbus: {transport: rtu, port: /dev/ttyUSB0, baud_rate: 9600}
  - {id: tcp, modbus: {transport: tcp, host: h}, devices: [1, 2]}
every: 3
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "edge.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
def test_mistakes_are_told_as_kept(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)

    with pytest.raises(ConfigFileError) as caught:
        load_yaml(Path(case.name), Config)

    golden.check(case.with_suffix(".txt"), f"{caught.value}\n")
    assert caught.value.mistakes


def test_a_good_file_becomes_the_model(tmp_path: Path) -> None:
    config = load_yaml(written(tmp_path, GOOD), Config)

    assert config.buses[0].modbus == Rtu(transport="rtu", port="/dev/ttyUSB0", baud_rate=9600)
    assert config.buses[1].devices == (1, 2)
    assert config.interval == 3.0


def test_the_error_says_what_to_do_in_one_line(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("baud_rate", "baud_rte"))

    with pytest.raises(ConfigFileError) as caught:
        load_yaml(path, Config)

    place = f"{path}:5"
    told = "buses.0.modbus.baud_rte: unknown key; did you mean baud_rate?"
    assert str(caught.value) == f"{place}: {told}"
    assert (caught.value.place, caught.value.reason) == (place, "schema")
    assert isinstance(caught.value, ConfigError | PermanentError)
    [mistake] = caught.value.mistakes
    column = GOOD.splitlines()[4].replace("baud_rate", "baud_rte").index("baud_rte") + 1
    assert mistake == Mistake(5, column, "buses.0.modbus.baud_rte", "unknown key", "baud_rate")


def test_a_document_tells_the_line_of_a_key(tmp_path: Path) -> None:
    document = load_document(written(tmp_path, GOOD), Config)

    mistake = document.mistake(("buses", 1, "devices", 1), "no such device", suggestion="3")

    assert (mistake.line, mistake.key) == (6, "buses.1.devices.1")
    document.refuse([])
    with pytest.raises(ConfigFileError, match=r"edge\.yaml:6: buses\.1\.devices\.1: no such dev"):
        document.refuse([mistake])
    assert document.mistake(("buses", 7, "id"), "gone").line == 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"gateway: \xff\n", "1: is not UTF-8 text"),
        (b"#" * 3000, "is larger than 2,000 bytes"),
        (b"\xef\xbb\xbf", "1: is empty"),
        (b"gateway: \x00\n", "is no YAML"),
        (b'gateway: "\\ud800"\n', "half of a surrogate pair"),
        (b'gateway: "\\U99999999"\n', "is no YAML"),
        (b"gateway: " + b"9" * 1900, "too large for a whole number"),
        (b"every: 1e999\n", "must be a finite number"),
        (b"every: " + b"1" * 900 + b".5\n", "must be a finite number"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "edge.yaml"
    path.write_bytes(content)

    with pytest.raises(ConfigFileError) as caught:
        load_yaml(path, Config, bytes_max=2_000)

    assert told in str(caught.value)


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="cannot be read: No such file") as caught:
        load_yaml(tmp_path / "nowhere.yaml", Config)
    assert caught.value.reason == "unreadable"
    with pytest.raises(ConfigFileError, match="cannot be read: Is a directory"):
        load_yaml(tmp_path, Config)


def test_plain_words_are_not_switches() -> None:
    root, flaws = parse_yaml("on: no\nyes: off\nx: 2026-11-21\ny: 1:30\nz: 0x1F\nw: 010\n")

    assert flaws == ()
    assert root is not None
    assert root.plain() == {
        "on": "no",
        "yes": "off",
        "x": "2026-11-21",
        "y": "1:30",
        "z": 31,
        "w": 10,
    }


def test_aliases_repeat_a_value() -> None:
    root, flaws = parse_yaml("a: &x {k: [1, 2]}\nb: *x\nc: [*x, *x]\n")

    assert flaws == ()
    assert root is not None
    assert root.plain() == {"a": (one := {"k": [1, 2]}), "b": one, "c": [one, one]}


class Inner(ConfigModel):
    tcp: int
    port: int


class Outer(RootModel[Annotated[Tcp | Rtu, Field(discriminator="transport")]]):
    pass


class Tricky(ConfigModel):
    transport: Literal["tcp"]
    tcp: Inner
    host: str


class TrickyConfig(ConfigModel):
    bus: Annotated[Tricky | Rtu, Field(discriminator="transport")]


def told(text: str, model: type[Any]) -> str:
    with pytest.raises(ConfigFileError) as caught:
        parse_document(text, model, path=Path("x.yaml"))
    return str(caught.value)


def test_a_key_that_is_named_like_a_member_of_the_union() -> None:
    text = "bus:\n  transport: tcp\n  host: 5\n  tcp: {tcp: x, prt: 1}\n"

    assert told(text, TrickyConfig).splitlines() == [
        "x.yaml:3: bus.host: must be text, not 5",
        "x.yaml:4: bus.tcp.tcp: must be a whole number, not 'x'",
        "x.yaml:4: bus.tcp.prt: unknown key; did you mean port?",
    ]


def test_a_union_at_the_root() -> None:
    line = "x.yaml:2: hots: unknown key; did you mean host?"

    assert told("transport: tcp\nhots: h\n", Outer) == line


@pytest.mark.parametrize(
    ("word", "meant"),
    [("baud_rte", "baud_rate"), ("BAUD_RATE", "baud_rate"), ("prity", "parity"), ("zzz", "")],
)
def test_suggestions(word: str, meant: str) -> None:
    assert suggest(word, ["baud_rate", "parity", "port"]) == meant


@given(text=st.text(alphabet="ab:- \n[]{}&*!'\"#|>?%@`,0.\t~\\", max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    with contextlib.suppress(ConfigFileError):
        parse_document(text, Config, path=Path("x.yaml"))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(data=st.dictionaries(st.text(max_size=5), PLAIN, min_size=1))
def test_json_is_yaml(data: dict[str, Any]) -> None:
    # YAML takes fewer characters raw than JSON does, and has a meaning of its own for one key
    if "<<" in str(data):
        return
    root, flaws = parse_yaml(json.dumps(data))

    assert flaws == ()
    assert root is not None
    assert root.plain() == data


# --- what changes a file before it is checked, and parts checked by themselves --------------------


def _taken_for_host(root: Node) -> list[Mistake]:
    assert isinstance(root.value, dict)
    given = root.value.pop("address", None)
    if given is None:
        return []
    root.key_places["host"] = root.key_places["address"]
    root.value["host"] = given
    return [mistake_in(root, ("host",), "is an address")] if given.value == "?" else []


def test_data_may_be_changed_before_it_is_checked() -> None:
    document = parse_document(
        "port: 7\naddress: x\n", Broker, path=Path("x.yaml"), prepare=_taken_for_host
    )

    assert document.value == Broker(host="x", port=7)


def test_mistakes_of_what_changed_come_with_the_others_in_order() -> None:
    with pytest.raises(ConfigFileError) as caught:
        parse_document(
            "port: x\naddress: '?'\n", Broker, path=Path("x.yaml"), prepare=_taken_for_host
        )
    with pytest.raises(ConfigFileError) as alone:
        parse_document("address: '?'\n", Broker, path=Path("x.yaml"), prepare=_taken_for_host)

    assert str(caught.value).splitlines() == [
        "x.yaml:1: port: must be a whole number, not 'x'",
        "x.yaml:2: host: is an address",
    ]
    assert str(alone.value) == "x.yaml:1: host: is an address"


def test_parts_checked_by_themselves_are_told_where_they_stand() -> None:
    plain = {"id": 3, "modbus": {"transport": "tcp", "hots": "x"}, "devices": ["y"]}
    with pytest.raises(ValidationError) as caught:
        Bus.model_validate_json(json.dumps(plain))

    errors = errors_below(Bus, plain, caught.value, key=("buses", 4))

    told = [one for error in errors for one in (error.context or {})["mistakes"]]
    assert [(tuple(one["key"]), one["said"], one["suggestion"]) for one in told] == [
        (("buses", 4, "id"), "must be text, not 3", ""),
        (("buses", 4, "modbus", "hots"), "unknown key", "host"),
        (("buses", 4, "devices", 0), "must be a whole number, not 'y'", ""),
    ]
