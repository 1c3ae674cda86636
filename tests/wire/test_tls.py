"""TLS with a real mosquitto: server and client certificates, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from campus_wire.settings import TlsSettings
from tests.support.servers import Mosquitto, TlsFiles
from tests.wire.sessions import Recorder, running, settings_for, until

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Certificates:
    """One authority with a server and a client, and another authority."""

    server: TlsFiles
    client: TlsSettings
    stranger: TlsSettings
    other_ca: Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    directory = tmp_path_factory.mktemp("certificates")
    ca, other = trustme.CA(), trustme.CA()
    for name, authority in (("ca", ca), ("other", other)):
        authority.cert_pem.write_to_path(directory / f"{name}.pem")
    certs = {
        "server": ca.issue_cert("localhost"),
        "client": ca.issue_cert("demo-school-1", common_name="demo-school-1"),
        "stranger": other.issue_cert("demo-school-1", common_name="demo-school-1"),
    }
    for name, cert in certs.items():
        cert.private_key_pem.write_to_path(directory / f"{name}.key")
        for number, pem in enumerate(cert.cert_chain_pems):
            pem.write_to_path(directory / f"{name}.pem", append=number > 0)
    client, stranger = (
        TlsSettings(
            ca_file=directory / "ca.pem",
            cert_file=directory / f"{name}.pem",
            key_file=directory / f"{name}.key",
        )
        for name in ("client", "stranger")
    )
    server = TlsFiles(
        ca=directory / "ca.pem",
        certificate=directory / "server.pem",
        key=directory / "server.key",
        require_client_certificate=True,
    )
    return Certificates(server, client, stranger, directory / "other.pem")


@pytest.fixture(scope="module")
def broker(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mosquitto]:
    with Mosquitto(
        tmp_path_factory.mktemp("mosquitto-tls"),
        tls=certificates.server,
        extra=("use_identity_as_username true",),
    ) as server:
        yield server


async def test_server_and_client_know_each_other_by_certificate(
    broker: Mosquitto, certificates: Certificates
) -> None:
    recorder = Recorder()
    settings = settings_for(broker, tls=certificates.client)
    async with running(settings, recorder, subscriptions=[("tls/#", 1)]) as session:
        await session.publish("tls/large", bytes(200_000))
        await until(lambda: len(recorder.messages) == 1)

    assert recorder.messages[0][1] == bytes(200_000)


async def test_a_large_burst_passes_through_tls(
    broker: Mosquitto, certificates: Certificates
) -> None:
    recorder = Recorder()
    settings = settings_for(broker, tls=certificates.client)
    async with running(settings, recorder, subscriptions=[("burst/#", 1)]) as session:
        async with asyncio.TaskGroup() as group:
            for number in range(300):
                group.create_task(session.publish("burst/x", bytes([number % 256]) * 3_000))
        await until(lambda: len(recorder.messages) == 300)


@pytest.mark.parametrize("which", ["wrong authority", "wrong name"])
async def test_a_server_that_cannot_prove_itself_is_refused(
    broker: Mosquitto, certificates: Certificates, which: str, caplog: pytest.LogCaptureFixture
) -> None:
    if which == "wrong authority":
        tls = certificates.client.model_copy(update={"ca_file": certificates.other_ca})
        settings = settings_for(broker, tls=tls)
    else:
        settings = settings_for(broker, tls=certificates.client, host="127.0.0.1")
    async with running(settings, wait=False) as session:
        await asyncio.sleep(0.8)
        assert not session.connected

    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert "(certificate)" in said[0]
    assert "verify failed" in said[0]


async def test_a_client_without_the_right_certificate_is_refused(
    broker: Mosquitto, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    nobody = TlsSettings(ca_file=certificates.client.ca_file)
    for tls in (nobody, certificates.stranger):
        caplog.clear()
        async with running(settings_for(broker, tls=tls), wait=False) as session:
            await asyncio.sleep(0.5)
            assert not session.connected
        assert len(caplog.records) == 1
        assert "client certificate" in caplog.records[0].getMessage()


async def test_plain_text_to_a_tls_port_and_the_reverse_do_not_connect(
    broker: Mosquitto,
    mosquitto: Mosquitto,
    certificates: Certificates,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for settings in (
        settings_for(broker, timeout_s=0.3),
        settings_for(mosquitto, tls=certificates.client, timeout_s=0.3),
    ):
        async with running(settings, wait=False) as session:
            await asyncio.sleep(0.6)
            assert not session.connected
    assert caplog.records


async def test_renewed_certificates_are_taken_without_a_restart(
    broker: Mosquitto, certificates: Certificates, tmp_path: Path
) -> None:
    assert certificates.client.ca_file is not None
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(certificates.other_ca.read_bytes())
    tls = certificates.client.model_copy(update={"ca_file": ca_file})
    async with running(settings_for(broker, tls=tls), wait=False) as session:
        await asyncio.sleep(0.4)
        assert not session.connected
        ca_file.write_bytes(certificates.client.ca_file.read_bytes())
        await until(lambda: session.connected)
