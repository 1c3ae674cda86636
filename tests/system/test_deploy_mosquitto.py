"""Mosquitto with the very configuration, ACL and certificates of docs/deploy.md."""

import asyncio
import contextlib
import getpass
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest

from tests.support import servers
from tests.system import deploy_page

pytestmark = pytest.mark.integration

GATEWAY, NEIGHBOUR, CONTROLLER = "school-a", "school-b", "controller"
PASSWORDS = {name: f"secret of {name}" for name in (GATEWAY, NEIGHBOUR, CONTROLLER)}
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Site:
    """A broker set up by the page, and the directory with its certificates."""

    broker: servers.Mosquitto
    certificates: Path

    def tls(self, certificate: str | None = None) -> ssl.SSLContext:
        """A client's context, with a certificate of its own when one is named."""
        context = ssl.create_default_context(cafile=self.certificates / "ca.crt")
        if certificate is not None:
            context.load_cert_chain(
                self.certificates / f"{certificate}.crt", self.certificates / f"{certificate}.key"
            )
        return context

    @asynccontextmanager
    async def connected(
        self,
        name: str,
        *,
        subscriptions: Sequence[str] = (),
        password: str | None = None,
        certificate: str | None = None,
        will: aiomqtt.Will | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> AsyncIterator[aiomqtt.Client]:
        """A client of this account, with its password unless told another."""
        client = aiomqtt.Client(
            self.broker.host,
            self.broker.port,
            username=name,
            password=PASSWORDS.get(name) if password is None else password,
            identifier=f"client-of-{name}",
            tls_context=self.tls(certificate),
            will=will,
            timeout=timeout_s,
        )
        async with client:
            for topic in subscriptions:
                await client.subscribe(topic, qos=1)
            yield client


def start_site(directory: Path, *, further_lines: str = "") -> Site:
    """Make certificates, accounts and configuration by the page, and start the broker."""
    certificates = directory / "certs"
    certificates.mkdir(parents=True)
    deploy_page.run("ca", certificates)
    deploy_page.run("server certificate", certificates, ("mqtt.example", "localhost"))
    for name in (GATEWAY, NEIGHBOUR, CONTROLLER):
        deploy_page.run("client certificate", certificates, ("school-17", name))
    deploy_page.run("revocation list", certificates)
    port = servers.free_port()
    config = deploy_page.block(
        "mosquitto.conf",
        ("user mosquitto", f"user {getpass.getuser()}"),
        ("listener 8883", f"listener {port} 127.0.0.1"),
        ("/run/mosquitto/", f"{directory}/"),
        ("/var/lib/mosquitto/", f"{directory}/"),
        ("/var/log/mosquitto/", f"{directory}/"),
        ("/etc/mosquitto/", f"{directory}/"),
    )
    broker = servers.Mosquitto(
        directory,
        config=config + further_lines.replace("/etc/mosquitto/", f"{directory}/"),
        acl=deploy_page.block("acl"),
        users=PASSWORDS,
        port=port,
    )
    broker.host = "localhost"  # the name in the certificate
    return Site(broker, certificates)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The broker as the page sets it up first: TLS and passwords."""
    started = start_site(tmp_path_factory.mktemp("deploy") / "broker")
    with started.broker:
        yield started


async def topics_until(client: aiomqtt.Client, last: str) -> list[str]:
    """Topics of all messages up to the one on ``last``."""
    topics: list[str] = []
    async with asyncio.timeout(TIMEOUT_S):
        async for message in client.messages:
            topics.append(message.topic.value)
            if topics[-1] == last:
                break
    return topics


def up(gateway: str, kind: str = "batch") -> str:
    """A topic from a gateway to the controller."""
    return f"campus/1/up/{gateway}/{kind}"


def down(gateway: str, kind: str = "command") -> str:
    """A topic from the controller to a gateway."""
    return f"campus/1/down/{gateway}/{kind}"


async def test_gateway_and_controller_reach_each_other(site: Site) -> None:
    async with (
        site.connected(CONTROLLER, subscriptions=["campus/1/up/#"]) as controller,
        site.connected(GATEWAY, subscriptions=[down(GATEWAY, "#")]) as gateway,
        site.connected(NEIGHBOUR, subscriptions=[down(NEIGHBOUR, "#")]) as neighbour,
    ):
        await gateway.publish(up(GATEWAY), b"1", qos=1)
        await neighbour.publish(up(NEIGHBOUR), b"2", qos=1)
        heard = {await anext(topic_stream(controller)), await anext(topic_stream(controller))}
        assert heard == {up(GATEWAY), up(NEIGHBOUR)}

        await controller.publish(down(GATEWAY), b"3", qos=1)
        await controller.publish(down(NEIGHBOUR), b"4", qos=1)
        assert await topics_until(gateway, down(GATEWAY)) == [down(GATEWAY)]
        assert await topics_until(neighbour, down(NEIGHBOUR)) == [down(NEIGHBOUR)]


async def topic_stream(client: aiomqtt.Client) -> AsyncIterator[str]:
    """Topics as they come in."""
    async with asyncio.timeout(TIMEOUT_S):
        yield (await anext(client.messages)).topic.value


# Messages of one publisher arrive in order: when the allowed last one is there and the others are
# not, the broker has dropped them.
async def test_gateway_cannot_publish_outside_its_level(site: Site) -> None:
    forbidden = [
        up(NEIGHBOUR),
        up(NEIGHBOUR, "status"),
        up(CONTROLLER),
        up("school-a-annex"),
        down(NEIGHBOUR),
        down(NEIGHBOUR, "ack"),
        down(GATEWAY),
        "campus/1/up",
        "campus/2/up/school-a/batch",
        "anything/else",
    ]
    async with (
        site.connected(CONTROLLER, subscriptions=["campus/1/up/#", "campus/#", "#"]) as controller,
        site.connected(NEIGHBOUR, subscriptions=[down(NEIGHBOUR, "#"), "#"]) as neighbour,
        site.connected(GATEWAY) as gateway,
    ):
        for topic in forbidden:
            await gateway.publish(topic, b"forged", qos=1)
        await gateway.publish(up(GATEWAY), b"mine", qos=1)
        assert set(await topics_until(controller, up(GATEWAY))) == {up(GATEWAY)}

        await controller.publish(down(NEIGHBOUR, "config"), b"last", qos=1)
        heard = await topics_until(neighbour, down(NEIGHBOUR, "config"))
        assert set(heard) == {down(NEIGHBOUR, "config")}


async def test_gateway_cannot_hear_outside_its_level(site: Site) -> None:
    greedy = ["#", "campus/#", "campus/1/down/+/#", down(NEIGHBOUR, "#"), up(NEIGHBOUR, "#")]
    async with (
        site.connected(CONTROLLER) as controller,
        site.connected(NEIGHBOUR) as neighbour,
    ):
        await neighbour.publish(up(NEIGHBOUR, "status"), b"online", qos=1, retain=True)
        async with site.connected(GATEWAY, subscriptions=greedy) as gateway:
            await neighbour.publish(up(NEIGHBOUR), b"a batch", qos=1)
            await gateway.publish(up(GATEWAY), b"its own", qos=1)
            await controller.publish(down(NEIGHBOUR), b"a command", qos=1)
            await controller.publish(down(GATEWAY), b"its own", qos=1)
            assert set(await topics_until(gateway, down(GATEWAY))) == {down(GATEWAY)}


@pytest.mark.parametrize(
    ("will_of", "arrives"),
    [(GATEWAY, True), (NEIGHBOUR, False)],
)
async def test_last_will_speaks_for_its_own_gateway_only(
    site: Site, will_of: str, arrives: bool
) -> None:
    will = aiomqtt.Will(up(will_of, "event"), b"gone", qos=1)
    async with site.connected(CONTROLLER, subscriptions=["campus/1/up/+/event"]) as controller:
        with contextlib.suppress(aiomqtt.MqttError):  # the first connection is taken over
            async with site.connected(GATEWAY, will=will), site.connected(GATEWAY):
                pass
        async with site.connected(GATEWAY) as gateway:
            await gateway.publish(up(GATEWAY, "event"), b"back", qos=1)
        payloads = []
        async with asyncio.timeout(TIMEOUT_S):
            async for message in controller.messages:
                payloads.append(message.payload)
                if message.payload == b"back":
                    break

    assert payloads == ([b"gone", b"back"] if arrives else [b"back"])


@pytest.mark.parametrize(
    ("name", "password"),
    [
        (GATEWAY, "guessed"),
        (GATEWAY, ""),
        (GATEWAY, PASSWORDS[NEIGHBOUR]),
        ("nobody-knows-me", "guessed"),
    ],
)
async def test_wrong_accounts_are_refused(site: Site, name: str, password: str) -> None:
    with pytest.raises(aiomqtt.MqttError, match=r"(?i)not authori[sz]ed"):
        async with site.connected(name, password=password):
            pass


async def test_anonymous_is_refused(site: Site) -> None:
    client = aiomqtt.Client(
        site.broker.host, site.broker.port, tls_context=site.tls(), timeout=TIMEOUT_S
    )
    with pytest.raises(aiomqtt.MqttError, match=r"(?i)not authori[sz]ed"):
        async with client:
            pass


async def test_connection_without_tls_is_refused(site: Site) -> None:
    client = aiomqtt.Client(
        site.broker.host,
        site.broker.port,
        username=GATEWAY,
        password=PASSWORDS[GATEWAY],
        timeout=2,
    )
    with pytest.raises(aiomqtt.MqttError):
        async with client:
            pass


async def test_client_refuses_a_broker_of_another_authority(site: Site, tmp_path: Path) -> None:
    deploy_page.run("ca", tmp_path)
    context = Site(site.broker, tmp_path).tls()
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection(site.broker.host, site.broker.port, ssl=context)


@pytest.fixture(scope="module")
def strict_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The broker as the page sets it up for client certificates, with one of them revoked."""
    lines = deploy_page.block("client certificates as well")
    started = start_site(tmp_path_factory.mktemp("deploy") / "strict", further_lines=lines)
    revoke = "openssl ca -config crl.conf -md sha256 -keyfile ca.key -cert ca.crt -revoke "
    subprocess.run(
        [*revoke.split(), f"{NEIGHBOUR}.crt"],
        cwd=started.certificates,
        check=True,
        capture_output=True,
        timeout=30,
    )
    # The page makes the list again after a revocation; its first lines must not empty the record.
    deploy_page.run("revocation list", started.certificates)
    with started.broker:
        yield started


async def test_client_certificate_and_password_let_in(strict_site: Site) -> None:
    async with strict_site.connected(GATEWAY, certificate=GATEWAY) as gateway:
        await gateway.publish(up(GATEWAY), b"1", qos=1)


@pytest.mark.parametrize(
    ("certificate", "password", "said_by_the_broker"),
    [
        pytest.param(None, PASSWORDS[GATEWAY], "peer did not return a certificate", id="no-cert"),
        pytest.param(NEIGHBOUR, PASSWORDS[GATEWAY], "certificate verify failed", id="revoked"),
        pytest.param(GATEWAY, "guessed", "not authorised", id="wrong-password"),
    ],
)
async def test_client_certificate_alone_or_password_alone_is_refused(
    strict_site: Site, certificate: str | None, password: str, said_by_the_broker: str
) -> None:
    log = strict_site.broker.log_path
    said_before = len(log.read_text())
    with pytest.raises(aiomqtt.MqttError):
        async with strict_site.connected(
            GATEWAY, certificate=certificate, password=password, timeout_s=2
        ):
            pass

    servers.wait_until(
        lambda: said_by_the_broker in log.read_text()[said_before:], what="reason", timeout_s=5
    )
