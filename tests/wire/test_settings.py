"""Settings of the connection: what is refused, and that no secret shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from campus_wire.errors import CredentialsError
from campus_wire.settings import MqttSettings, TlsSettings
from campus_wire.tls import client_context
from tests.wire.sessions import secret_file


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"host": ""}, "at least 1 character"),
        ({"host": "x", "port": 70_000}, "65535"),
        ({"host": "x", "colour": 1}, "Extra inputs"),
        ({"host": "x", "password": "y"}, "Extra inputs"),
        ({"host": "localhost", "password_env": "X"}, "needs a username"),
        ({"host": "localhost", "username": "u", "password_env": "X", "password_file": "f"}, "both"),
        ({"host": "broker.example", "username": "u", "password_env": "X"}, "unencrypted"),
        ({"host": "192.0.2.1", "username": "u", "password_file": "f"}, "unencrypted"),
        ({"host": "x", "tls": {"cert_file": "f"}}, "belong together"),
        ({"host": "x", "tls": {"insecure": True}}, "Extra inputs"),
        ({"host": "x", "timeout_s": 0}, "greater than 0"),
    ],
)
def test_what_cannot_work_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MqttSettings.model_validate(settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "localhost"},
        {"host": "127.8.9.1"},
        {"host": "::1"},
        {"host": "broker.example", "tls": {}},
        {"host": "192.168.1.5", "allow_plain_password": True},
    ],
)
def test_a_password_is_taken_where_nobody_listens(settings: dict[str, Any]) -> None:
    MqttSettings.model_validate(settings | {"username": "u", "password_env": "X"})


def test_ports_follow_tls() -> None:
    assert MqttSettings(host="x").address == "mqtt://x:1883"
    assert MqttSettings(host="::1", tls=TlsSettings()).address == "mqtts://[::1]:8883"
    assert MqttSettings(host="x", port=99).address == "mqtt://x:99"


def test_the_password_comes_from_a_file_or_the_environment_and_does_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROKER_PASSWORD", "from-environment")
    account = {"host": "localhost", "username": "u"}
    by_file = MqttSettings.model_validate(
        account | {"password_file": secret_file(tmp_path, "from-file ")}
    )
    by_name = MqttSettings.model_validate(account | {"password_env": "BROKER_PASSWORD"})

    for settings, text in ((by_file, "from-file "), (by_name, "from-environment")):
        password = settings.password()
        assert password is not None
        assert password.get_secret_value() == text
        assert text not in repr(settings) + repr(password) + settings.address
    assert MqttSettings(host="localhost").password() is None


def test_a_missing_password_is_said(tmp_path: Path) -> None:
    account = {"host": "localhost", "username": "u"}
    for how in ({"password_file": tmp_path / "none"}, {"password_env": "NOT_SET_ANYWHERE"}):
        with pytest.raises(CredentialsError):
            MqttSettings.model_validate(account | how).password()


def test_a_file_that_is_no_certificate_is_said(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    for text in (None, "not a certificate"):
        if text is not None:
            file.write_text(text)
        with pytest.raises(CredentialsError) as caught:
            client_context(TlsSettings(ca_file=file))
        assert caught.value.reason == "certificate_file"
        assert str(file) in str(caught.value)
