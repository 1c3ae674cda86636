"""What goes wrong is told in words, with a remedy where one is known, and an exit code.

0 done, 1 mistakes, refused or out of reach, 2 wrong options. `tests.cli.program.campus` fails upon
any traceback.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import campus, root
from tests.support.servers import free_port

FAILED = 1
USAGE = 2

EDGE_TYPO = "gateway: sunrise-1\nscool: {id: sunrise}\n"
CONTROLLER_TYPO = "broker: {host: localhost}\nstor: {url: 'duckdb:///x'}\n"
SCHOOL_TYPO = "schol: {id: sunrise}\nseed: 1\n"
PROFILE_TYPO = "protocol: modbus\nvendr: Acme\n"

FILE_COMMANDS = {
    "edge check": (("edge", "check", "--config"), EDGE_TYPO, ":2: scool", "school"),
    "edge run": (("edge", "run", "--config"), EDGE_TYPO, ":2: scool", "school"),
    "edge read": (("edge", "read", "--config"), EDGE_TYPO, ":2: scool", "school"),
    "controller check": (("controller", "check", "-c"), CONTROLLER_TYPO, ":2: stor", "store"),
    "controller run": (("controller", "run", "-c"), CONTROLLER_TYPO, ":2: stor", "store"),
    "token list": (("controller", "token", "list", "-c"), CONTROLLER_TYPO, ":2: stor", "store"),
    "gateway-key": (("controller", "gateway-key", "x-1", "-c"), CONTROLLER_TYPO, ":2", "store"),
    "profiles check": (("profiles", "check"), PROFILE_TYPO, ":2: vendr", "vendor"),
    "sims check": (("sims", "check"), SCHOOL_TYPO, ":1: schol", "school"),
    "sims run": (("sims", "run"), SCHOOL_TYPO, ":1: schol", "school"),
    "demo": (("demo", "--school"), SCHOOL_TYPO, ":1: schol", "school"),
}


@pytest.mark.parametrize(
    ("words", "text", "place", "meant"), FILE_COMMANDS.values(), ids=FILE_COMMANDS
)
def test_a_typo_is_told_with_its_line_and_what_was_meant(
    tmp_path: Path, words: tuple[str, ...], text: str, place: str, meant: str
) -> None:
    path = tmp_path / "mistaken.yaml"
    path.write_text(text, encoding="utf-8")

    result = campus(*words, path, cwd=tmp_path)

    assert result.returncode == FAILED
    assert f"mistaken.yaml{place}" in result.stderr
    assert f"did you mean {meant}?" in result.stderr
    assert sorted(tmp_path.iterdir()) == [path], "nothing was started or made"


@pytest.mark.parametrize("words", [case[0] for case in FILE_COMMANDS.values()], ids=FILE_COMMANDS)
def test_a_missing_file_is_told(tmp_path: Path, words: tuple[str, ...]) -> None:
    result = campus(*words, "missing.yaml", cwd=tmp_path)

    assert result.returncode == FAILED
    assert "missing.yaml: cannot be read: No such file" in result.stderr
    assert not list(tmp_path.iterdir()), "nothing was started or made"


@pytest.mark.parametrize("name", ["edge check", "controller check", "sims check", "demo"])
def test_what_is_no_yaml_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "open.yaml").write_text("a: [\n", encoding="utf-8")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00a")
    (tmp_path / "folder.yaml").mkdir()

    for file, said in (
        ("open.yaml", "open.yaml:2: is no YAML"),
        ("bytes.yaml", "bytes.yaml"),
        ("folder.yaml", "Is a directory"),
    ):
        result = campus(*FILE_COMMANDS[name][0], file, cwd=tmp_path)
        assert result.returncode == FAILED, file
        assert said in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("edge check", USAGE, "Missing option '--config'"),
        ("edge read xy-md02", USAGE, "--tcp"),
        ("edge read xy-md20 --tcp 127.0.0.1", USAGE, "did you mean xy-md02?"),
        ("edge read xy-md02 --tcp 127.0.0.1:PORT", FAILED, "127.0.0.1:PORT"),
        ("controller gateway-key UPPER", FAILED, "no gateway id"),
        ("controller token create x --role king", USAGE, "king"),
        ("alarms list", FAILED, "--token-file FILE, or set CAMPUS_TOKEN"),
        ("alarms list --token-file .", FAILED, "directory"),
        ("alarms list --token-file nowhere", FAILED, "No such file"),
        ("alarms list --limit 0", USAGE, "--limit"),
        ("alarms ack", USAGE, "alarm_id"),
        ("profiles list --category toaster", USAGE, "toaster"),
        ("profiles list --directory nowhere", FAILED, "no directory"),
        ("profiles show pzem-16", USAGE, "did you mean pzem-016?"),
        ("profiles check .", USAGE, "holds no *.yaml"),
        ("sims run", USAGE, "FILE"),
        ("sims order nowhere {", USAGE, "no JSON"),
        ("sims order nowhere {}", FAILED, "nobody answers"),
        ("wire show --port PORT --for 1", FAILED, "nothing listens there"),
        ("wire show --kind telemetry", USAGE, "telemetry"),
        ("wire show --host 192.0.2.1 --username u --password-file p", USAGE, "unencrypted"),
        ("demo --broker emqx", USAGE, "mosquitto"),
        ("demo --store mysql://x", USAGE, "duckdb"),
        ("demo --for 5", USAGE, "45"),
        ("demo --keep .", USAGE, "not there yet"),
        ("demo --report nowhere/report.json", USAGE, "no file can be written"),
    ],
)
def test_it_says_what_is_wrong(tmp_path: Path, words: str, code: int, said: str) -> None:
    port = str(free_port())

    result = campus(*words.replace("PORT", port).split(), cwd=tmp_path)

    assert result.returncode == code, result.stderr
    text = " ".join((result.stdout + result.stderr).replace("│", " ").split())
    assert said.replace("PORT", port) in text


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:PORT", "ftp://127.0.0.1", "http://a:1\n2", "http://[", "no url", ""]
)
def test_a_controller_out_of_reach_is_told(url: str) -> None:
    address = url.replace("PORT", str(free_port()))

    result = campus("alarms", "list", "--url", address, env={"CAMPUS_TOKEN": "x"})

    assert result.returncode == FAILED
    assert "is the controller running there?" in result.stderr


def test_mistakes_as_json(tmp_path: Path) -> None:
    path = tmp_path / "edge.yaml"
    path.write_text(EDGE_TYPO, encoding="utf-8")
    edge = campus("edge", "check", "--config", path, "--json")
    path.write_text(PROFILE_TYPO, encoding="utf-8")
    profile = campus("profiles", "check", path, "--json")

    for result, key in ((edge, "scool"), (profile, "vendr")):
        assert result.returncode == FAILED
        mistakes = {one["key"]: one for one in json.loads(result.stdout)["mistakes"]}
        assert mistakes[key]["line"] == 2


@pytest.mark.parametrize(
    "words",
    [
        "edge check --config examples/edge.yaml --json",
        "profiles list --json",
        "profiles show xy-md02 --json",
        "profiles check --json",
        "profiles schema",
        "sims check examples/demo-school.yaml --json",
    ],
)
def test_json_for_scripts(words: str) -> None:
    result = campus(*words.split(), cwd=root())

    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("words", "chinese", "english"),
    [
        ("profiles list", "温湿度", "Temperature and humidity"),
        ("profiles show xy-md02", "温度", "temperature"),
    ],
)
def test_tables_speak_both_languages(words: str, chinese: str, english: str) -> None:
    result = campus(*words.split(), cwd=root())

    assert result.returncode == 0
    assert chinese in result.stdout
    assert english in result.stdout
