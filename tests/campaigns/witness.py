"""Who listens to the broker beside the product: mosquitto's own client, writing to a file.

It keeps a session on the broker, so that what passes while it reconnects reaches it late and not
never; only what the broker had queued for it when it was killed is lost.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final, Self

from tests.campaigns.evidence import acks_in, parse_heard, read_heard
from tests.support.process import find_program

_TAIL_BYTES: Final = 64 * 1024


class Witness:
    """Writes down what passes on some topics; killed at the end, by its id.

    Args:
        port: the broker's.
        account: name and password.
        topics: filters.
        log: a line a message: seconds, topic, payload in hexadecimal digits.
    """

    def __init__(
        self, port: int, *, account: tuple[str, str], topics: tuple[str, ...], log: Path
    ) -> None:
        name, password = account
        self.log = log
        self._command = [
            find_program("mosquitto_sub", "mosquitto-clients"),
            *("-h", "127.0.0.1", "-p", str(port), "-u", name, "-P", password),
            *("-c", "-i", "campaign-witness", "-q", "1", "-k", "10"),
            *(part for topic in topics for part in ("-t", topic)),
            *("-F", "%U %t %x"),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL
            )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @property
    def is_listening(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def acked_since(self, time_ns: int) -> set[str]:
        """Return the gateways to which an ack of stored samples went after `time_ns`."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            log.readline()
            tail = log.read()
        recent = [one for one in parse_heard(tail) if one.time_ns > time_ns]
        return set(acks_in(recent))

    def last_status(self) -> dict[str, dict[str, object]]:
        """Return the latest status of each gateway that was heard of."""
        found: dict[str, dict[str, object]] = {}
        for one in read_heard(self.log):
            if one.topic.endswith("/status"):
                found[one.topic.split("/")[-2]] = json.loads(one.payload)
        return found
