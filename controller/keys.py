"""The district's secret, from which each gateway's command key is derived."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from campus_wire.signing import KEY_BYTES_MIN
from controller.errors import ConfigError


def load_or_create_secret(path: Path) -> bytes:
    """Return the secret in `path`, a text of 64 hexadecimal digits; make the file when missing.

    Raises:
        ConfigError: the file cannot be made or read, holds no secret, or others may read it.
    """
    try:
        return load_secret(path)
    except FileNotFoundError:
        write_private(path, secrets.token_bytes(KEY_BYTES_MIN).hex() + "\n")
        return load_secret(path)


def load_secret(path: Path) -> bytes:
    """Return the secret in `path`.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigError: as `load_or_create_secret`.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("secret_file", f"cannot be read: {error}", place=str(path)) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(
            "secret_readable", "others may read it", place=str(path), remedy=f"chmod 600 {path}"
        )
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) < KEY_BYTES_MIN:
        message = f"holds no secret of at least {2 * KEY_BYTES_MIN} hexadecimal digits"
        raise ConfigError("secret_file", message, place=str(path))
    return secret


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read.

    Raises:
        ConfigError: it cannot be made, or is there already.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        message = f"cannot be made: {error.strerror}"
        raise ConfigError("secret_file", message, place=str(path)) from error
