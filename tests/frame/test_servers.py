"""The helpers that start real servers, on real servers."""

import os
import socket
from pathlib import Path

import aiomqtt
import pytest
import serial

from tests.support import servers


def test_free_port_is_never_handed_out_twice() -> None:
    ports = [servers.free_port() for _ in range(20)]

    assert len(set(ports)) == len(ports)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", ports[0]))


def test_missing_program_is_a_failure_that_names_the_package() -> None:
    with pytest.raises(servers.ServerMissingError, match="apt-get install some-package"):
        servers.find_program("no-such-program-here", "some-package")


@pytest.mark.integration
def test_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    broker = servers.Mosquitto(tmp_path / "broker", config="no_such_option true\n")

    with pytest.raises(servers.ServerStartError, match="no_such_option"):
        broker.start()

    assert not broker.is_running
    assert broker not in servers.running_servers()


@pytest.mark.integration
async def test_mosquitto_carries_a_message(mosquitto: servers.Mosquitto, gateway_id: str) -> None:
    topic = f"test/{gateway_id}"
    async with aiomqtt.Client(mosquitto.host, mosquitto.port, timeout=5) as client:
        await client.subscribe(topic, qos=1)
        await client.publish(topic, b"hello", qos=1)
        message = await anext(client.messages)

    assert message.payload == b"hello"


@pytest.mark.integration
async def test_mosquitto_with_accounts_refuses_a_wrong_password(tmp_path: Path) -> None:
    with servers.Mosquitto(tmp_path / "broker", users={"gw": "right"}) as broker:
        with pytest.raises(aiomqtt.MqttError):
            async with aiomqtt.Client(broker.host, broker.port, username="gw", password="wrong"):
                pass
        async with aiomqtt.Client(broker.host, broker.port, username="gw", password="right"):
            pass


@pytest.mark.integration
@pytest.mark.parametrize("wiped", [False, True])
async def test_mosquitto_keeps_retained_messages_unless_wiped(tmp_path: Path, wiped: bool) -> None:
    broker = servers.Mosquitto(tmp_path / "broker", persistence=True)
    with broker:
        async with aiomqtt.Client(broker.host, broker.port) as client:
            await client.publish("kept", b"1", qos=1, retain=True)
    if wiped:
        broker.wipe()

    with broker:
        async with aiomqtt.Client(broker.host, broker.port) as client:
            await client.subscribe("#", qos=1)
            await client.publish("live", b"2", qos=1)
            first = await anext(client.messages)

    assert first.payload == (b"2" if wiped else b"1")


@pytest.mark.integration
def test_influxdb_keeps_what_it_acknowledged_through_a_kill(tmp_path: Path) -> None:
    server = servers.InfluxDB(tmp_path / "influx")
    with server:
        server.write("climate,room=r1 t=21.5,seq=1i 1700000000000000001")
        server.kill()
        server.start()
        rows = server.query("SELECT * FROM climate")

    assert rows == [
        {"measurement": "climate", "time": 1700000000000000001, "room": "r1", "seq": 1, "t": 21.5}
    ]


@pytest.mark.integration
def test_influx_fixture_is_empty(influx: servers.InfluxDB) -> None:
    assert influx.query("SHOW MEASUREMENTS") == []
    influx.write("m f=1 1")
    assert influx.query("SELECT count(f) FROM m")[0]["count"] == 1


@pytest.mark.integration
def test_influx_fixture_is_empty_again(influx: servers.InfluxDB) -> None:
    assert influx.query("SHOW MEASUREMENTS") == []


@pytest.mark.integration
def test_influxdb_with_auth_asks_for_a_password(tmp_path: Path) -> None:
    with servers.InfluxDB(tmp_path / "influx", auth=True) as server:
        server.write("m f=1 1")
        server._admin_password = "guessed"
        with pytest.raises(OSError, match="401"):
            server.write("m f=1 2")


@pytest.mark.integration
def test_victoria_metrics_takes_line_protocol(victoria: servers.VictoriaMetrics) -> None:
    body = b"climate,room=r1 t=21.5 1700000000000000000"
    url = f"{victoria.http_url}/api/v2/write?bucket=campus&org=school&precision=ns"
    servers.http_request(url, body=body)

    [series] = victoria.export('{__name__="climate_t"}')

    assert series["values"] == [21.5]
    assert series["timestamps"] == [1700000000000]


@pytest.mark.integration
def test_serial_pair_survives_closing_one_end(serial_pair: servers.SerialPair) -> None:
    for text in (b"first", b"again"):
        with (
            serial.Serial(str(serial_pair.gateway_port), timeout=5) as gateway,
            serial.Serial(str(serial_pair.device_port), timeout=5) as device,
        ):
            gateway.write(text)
            assert device.read(len(text)) == text
            device.write(text[::-1])
            assert gateway.read(len(text)) == text[::-1]


@pytest.mark.integration
def test_stopped_server_is_gone(tmp_path: Path) -> None:
    with servers.Mosquitto(tmp_path / "broker") as broker:
        pid = broker.pid
        broker.pause()

    assert not broker.is_running
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
