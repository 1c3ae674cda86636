"""Whether a line repeats to the sender what it sends (pure, but stateful).

Many RS-485 transceivers and converters hear themselves: each request comes back before its reply.
For most requests that is easily told, but the reply to writing one coil or register is the request
once more, byte for byte (Modbus Application Protocol V1.1b3, sections 6.5 and 6.6), and the echo
must not pass for it. So what the line does is learnt from requests whose reply looks otherwise.
"""

from __future__ import annotations

from typing import Final

ANSWERS_WITHOUT_ECHO: Final = 3
"""So many in a row prove that a line which had an echo has none any more."""


class Echo:
    """What is known of one line's echo; outlives its connections.

    Args:
        heard: True or False when it is known for certain, None when it is to be found out.
    """

    __slots__ = ("_is_fixed", "_without", "heard")

    def __init__(self, heard: bool | None = None) -> None:  # noqa: FBT001
        self.heard = heard
        self._is_fixed = heard is not None
        self._without = 0

    def came(self) -> None:
        """Note an echo that can have been nothing else."""
        self._without = 0
        if not self._is_fixed:
            self.heard = True

    def stayed_away(self) -> None:
        """Note a reply that nothing came before."""
        if self._is_fixed or self.heard is False:
            return
        self._without += 1
        if self.heard is None or self._without >= ANSWERS_WITHOUT_ECHO:
            self.heard = False
