"""What an identifier may look like.

Ids become topic levels, database keys, tags and file names, so they hold no separator of any.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import StringConstraints

GATEWAY_PATTERN: Final = r"^[a-z0-9](?:[a-z0-9-]{1,30})[a-z0-9]$"
NAME_PATTERN: Final = r"^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$"
POINT_PATTERN: Final = r"^[a-z][a-z0-9_]{0,63}$"
DIGEST_PATTERN: Final = r"^[0-9a-f]{16}$"
UUID_PATTERN: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
ONE_LINE_PATTERN: Final = r"^[^\x00-\x1f\x7f]*$"
"""Text that a log, a table or a notice can show as it is: no control characters."""

GatewayId = Annotated[str, StringConstraints(pattern=GATEWAY_PATTERN)]
"""One edge agent, unique in the district."""
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A school, an area, a device, a profile, a rule, a channel."""
PointName = Annotated[str, StringConstraints(pattern=POINT_PATTERN)]
"""A point of a device, in snake case; becomes a field name in stores."""
Digest = Annotated[str, StringConstraints(pattern=DIGEST_PATTERN)]
"""The first 16 hexadecimal digits of a SHA-256."""
Uuid = Annotated[str, StringConstraints(pattern=UUID_PATTERN)]
"""A UUID in lower case with dashes."""

_GATEWAY = re.compile(GATEWAY_PATTERN)
_UUID = re.compile(UUID_PATTERN)
_DIGEST = re.compile(DIGEST_PATTERN)


def is_gateway_id(text: str) -> bool:
    """Say whether `text` can name a gateway."""
    # fullmatch: `$` alone lets a trailing newline through
    return _GATEWAY.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Say whether `text` is a UUID in lower case with dashes."""
    return _UUID.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Say whether `text` is a catalog revision: 16 hexadecimal digits in lower case."""
    return _DIGEST.fullmatch(text) is not None
