"""The key that commands to this gateway are signed with."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from campus_wire.errors import PermanentError
from campus_wire.signing import KEY_BYTES_MIN
from edge_agent.errors import EdgeError

_HEX: Final = re.compile(rb"\s*([0-9a-fA-F]{%d,1024})\s*" % (2 * KEY_BYTES_MIN))
_FILE_BYTES_MAX: Final = 4096


class KeyFileError(EdgeError, PermanentError):
    """The key cannot be read, or is no key."""


def read_command_key(path: Path | None) -> bytes | None:
    """Read a key file, 64 or more hexadecimal digits; None without a file.

    Raises:
        KeyFileError: it cannot be read, everybody may read it, or it holds no key.
    """
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_FILE_BYTES_MAX)
    except OSError as error:
        raise KeyFileError(
            "command_key_file", f"the command key cannot be read: {error.strerror}", place=str(path)
        ) from error
    if mode & stat.S_IRWXO:
        raise KeyFileError(
            "command_key_readable",
            "every user of this machine may read it, and sign commands with it",
            place=str(path),
            remedy=f"chmod 600 {path}",
        )
    digits = _HEX.fullmatch(content)
    if digits is None or len(digits[1]) % 2:
        raise KeyFileError(
            "command_key_file",
            f"holds no key of {2 * KEY_BYTES_MIN} or more hexadecimal digits",
            place=str(path),
            remedy="take the key that the controller has made for this gateway",
        )
    return bytes.fromhex(digits[1].decode())
