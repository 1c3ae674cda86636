"""The real servers of the tests, benchmarks and campaigns, under one name.

Each is a class with ``start``, ``stop``, ``kill``, ``restart`` and a context manager; see
:class:`tests.support.process.Server`.
"""

from tests.support.influx import InfluxDB, VictoriaMetrics, http_request
from tests.support.mosquitto import Mosquitto, TlsFiles, write_password_file
from tests.support.process import (
    Server,
    ServerMissingError,
    ServerStartError,
    accepts_connections,
    find_program,
    free_port,
    running_servers,
    wait_until,
)
from tests.support.serial_pair import SerialPair

__all__ = [
    "InfluxDB",
    "Mosquitto",
    "SerialPair",
    "Server",
    "ServerMissingError",
    "ServerStartError",
    "TlsFiles",
    "VictoriaMetrics",
    "accepts_connections",
    "find_program",
    "free_port",
    "http_request",
    "running_servers",
    "wait_until",
    "write_password_file",
]
