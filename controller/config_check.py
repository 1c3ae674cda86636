"""Checks of a configuration that look at the files it names."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from controller.config import ControllerConfig
from controller.errors import ConfigError

_OTHERS = stat.S_IRWXO


def check_files(config: ControllerConfig, *, place: str) -> None:
    """Check that all files are there and that secrets are not for everybody.

    Raises:
        ConfigError: naming every file that is missing or open.
    """
    missing = [path for path in (*_secrets(config), *_public(config)) if not path.is_file()]
    if missing:
        message = "cannot be read: " + ", ".join(str(path) for path in missing)
        raise ConfigError("file_missing", message, place=place)
    secrets = [*_secrets(config), config.command_key_file]
    is_open = [path for path in secrets if path.exists() and path.stat().st_mode & _OTHERS]
    if is_open:
        message = "holds a secret that everybody may read: "
        raise ConfigError(
            "secret_readable",
            message + ", ".join(str(path) for path in is_open),
            place=place,
            remedy="chmod 600, or 640 with a group of its own",
        )


def _secrets(config: ControllerConfig) -> Iterator[Path]:
    candidates = [config.broker.password_file, config.store.secret_file]
    if config.broker.tls is not None:
        candidates.append(config.broker.tls.key_file)
    if config.api is not None and config.api.tls is not None:
        candidates.append(config.api.tls.key_file)
    candidates += [
        channel.url_file if channel.kind == "apprise" else channel.secret_file
        for channel in config.notices.channels
    ]
    return (path for path in candidates if path is not None)


def _public(config: ControllerConfig) -> Iterator[Path]:
    candidates = [config.store.ca_file]
    if config.broker.tls is not None:
        candidates += [config.broker.tls.ca_file, config.broker.tls.cert_file]
    if config.api is not None and config.api.tls is not None:
        candidates.append(config.api.tls.cert_file)
    return (path for path in candidates if path is not None)
