"""controller.yaml, and the command line that reads it."""

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from campus_wire import signing
from campus_wire.config_file import ConfigFileError
from controller.cli import app
from controller.config import load_config
from controller.config_check import check_files
from controller.errors import ConfigError
from controller.keys import load_secret

ROOT = Path(__file__).resolve().parents[3]
MINIMAL = "broker: {host: 127.0.0.1}\n"


def write(directory: Path, text: str) -> Path:
    path = directory / "controller.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_example_is_valid() -> None:
    config = load_config(ROOT / "examples" / "controller.yaml")

    assert [channel.id for channel in config.notices.channels] == ["duty", "operations"]


def test_every_key_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "controller.md").read_text(encoding="utf-8")
    config = load_config(ROOT / "examples" / "controller.yaml")
    for name in ("ingest", "liveness", "commands", "state", "store"):
        for key in type(getattr(config, name)).model_fields:
            assert f"`{name}.{key}`" in page, f"{name}.{key}"


def test_paths_count_from_the_files_directory(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        MINIMAL
        + "state: {url: 'sqlite:///s/state.db'}\n"
        + "store: {url: 'duckdb:///t.duckdb', secret_file: secret}\n"
        + "rules: [rules.yaml, /abs/rules.yaml]\n",
    )

    config = load_config(path)

    assert config.state.url == f"sqlite:///{tmp_path}/s/state.db"
    assert config.store.url == f"duckdb:///{tmp_path}/t.duckdb"
    assert config.store.secret_file == tmp_path / "secret"
    assert config.rules == (tmp_path / "rules.yaml", Path("/abs/rules.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        (MINIMAL + "brokr: {}\n", "brokr: unknown key"),
        (MINIMAL + "ingest: {linger: 1}\n", "did you mean linger_s"),
        (MINIMAL + "ingest: {writes_in_flight: 0}\n", "writes_in_flight"),
        (MINIMAL + "store: {url: 'mysql://x'}\n", "begins with duckdb"),
        (MINIMAL + "api: {host: 0.0.0.0}\n", "needs tls"),
        (MINIMAL + "commands: {life_s: 301}\n", "life_s"),
        (
            MINIMAL
            + "notices: {channels: [{id: a, kind: apprise, url_file: x},"
            + " {id: a, kind: apprise, url_file: y}]}\n",
            "same id",
        ),
        (MINIMAL + "notices: {channels: [{id: a, kind: carrier-pigeon}]}\n", "kind"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigFileError) as caught:
        load_config(write(tmp_path, text))

    assert message in str(caught.value)


def test_missing_files_and_open_secrets_are_named(tmp_path: Path) -> None:
    path = write(
        tmp_path, "broker: {host: 127.0.0.1, username: controller, password_file: password}\n"
    )
    with pytest.raises(ConfigError, match="password"):
        check_files(load_config(path), place=str(path))

    (tmp_path / "password").write_text("secret")
    (tmp_path / "password").chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        check_files(load_config(path), place=str(path))
    assert caught.value.reason == "secret_readable"

    (tmp_path / "password").chmod(0o600)
    check_files(load_config(path), place=str(path))


def test_the_gateway_key_is_the_derived_one(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)

    result = CliRunner().invoke(app, ["gateway-key", "sunrise-1", "--config", str(path)])

    secret = load_secret(tmp_path / "district.key")
    assert result.stdout.strip() == signing.gateway_key(secret, "sunrise-1").hex()
    assert stat.S_IMODE((tmp_path / "district.key").stat().st_mode) == 0o600


def test_tokens_on_the_command_line(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    run = CliRunner().invoke

    created = run(app, ["token", "create", "duty", "--role", "operator", "-c", str(path), "--json"])
    listed = run(app, ["token", "list", "-c", str(path)])
    revoked = run(app, ["token", "revoke", "duty", "-c", str(path)])
    again = run(app, ["token", "revoke", "duty", "-c", str(path)])

    assert '"token":"campus_' in created.stdout
    assert "operator" in listed.stdout
    assert "campus_" not in listed.stdout
    assert revoked.exit_code == 0
    assert again.exit_code != 0


def test_check_says_that_all_is_well(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", "-c", str(write(tmp_path, MINIMAL))])

    assert "is fine" in result.stdout
