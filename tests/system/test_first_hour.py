"""README's first hour: a kept demo, the commands for a second terminal, and Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cli.program import environment, root
from tests.support.servers import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(170)]

READY_TIMEOUT_S = 60
COMMAND_TIMEOUT_S = 40
STOP_TIMEOUT_S = 40


def commands() -> list[str]:
    """What README says to type into the second terminal, without the way there."""
    readme = (root() / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```sh\n(cd /tmp/school .*?)^```$", readme, re.MULTILINE | re.DOTALL)
    return str(block).splitlines()[1:]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A demo that runs, and its directory."""
    directory = tmp_path / "school"
    log = (tmp_path / "demo.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "campus_cli.main", "demo", "--for", "600", "--keep", str(directory)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=environment(),
    )
    try:
        yield process, directory
    finally:
        log.close()
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_TIMEOUT_S)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_the_second_terminal_and_the_end(
    kept: tuple[subprocess.Popen[bytes], Path], tmp_path: Path, ending: signal.Signals
) -> None:
    process, directory = kept
    log = tmp_path / "demo.log"
    wait_until(
        lambda: "relay 2 on" in log.read_text("utf-8") or process.poll() is not None,
        what="the demo",
        timeout_s=READY_TIMEOUT_S,
    )
    assert process.poll() is None, log.read_text("utf-8")

    for command in commands() if ending is signal.SIGINT else ():
        result = terminal(f". ./env && {command}", directory)
        assert result.returncode == 0, (command, result.stdout, result.stderr)
        assert "Traceback" not in result.stderr, command
        assert result.stdout.strip(), command

    process.send_signal(ending)
    process.wait(STOP_TIMEOUT_S)
    said = log.read_text("utf-8")
    assert "Traceback" not in said, said
    assert f"cd {directory} && . ./env" in said
    assert process.returncode != 0, "it did not tell its story to the end"
    assert left(directory) == []


def terminal(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    scripts = str(Path(sys.executable).parent)
    return subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env=environment({"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


def left(directory: Path) -> list[list[str]]:
    """Command lines of processes that still use the directory."""
    return [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline"])
        if any(str(directory) in word for word in process.info["cmdline"] or ())
    ]
