"""What this package raises.

    ProfilesError
    ├── UnknownProfileError    no profile of that name
    ├── MessageRefusedError    an MQTT message that cannot be decoded at all
    ├── TopicParameterError    a topic that cannot be filled in
    ├── WriteRefusedError      a write the profile does not allow
    └── GivenDataError         registers, frames or files that a person gave and nobody can read

A profile file with mistakes raises `campus_wire.config_file.ConfigFileError`.
"""

from __future__ import annotations

from campus_wire.errors import CampusError, PermanentError


class ProfilesError(CampusError):
    """Anything this package raises."""


class UnknownProfileError(ProfilesError, PermanentError):
    """No profile of that name (reason `unknown_profile`); the remedy names the closest one."""


class MessageRefusedError(ProfilesError, PermanentError):
    """A message refused as a whole.

    Reasons: `topic`, `too_large`, `too_deep`, `not_text`, `not_json`, `not_hex`, `not_base64`,
    `unreadable` (not written as the profile says), `envelope` (of no network server that is known),
    `unknown_record` (of a frame), `checksum`, `sparkplug`.
    """


class TopicParameterError(ProfilesError, PermanentError):
    """What stands for a capture of a topic is missing or cannot be part of a topic.

    Reason: `topic_parameter`.
    """


class WriteRefusedError(ProfilesError, PermanentError):
    """A write the profile does not allow.

    Reasons: `unknown_point`, `read_only`, `not_finite`, `not_a_state`, `below_minimum`,
    `above_maximum`, `off_step`, `unrepresentable`, `factor_unknown`.
    """


class GivenDataError(ProfilesError, PermanentError):
    """Registers, a frame or a file given by a person that cannot be read.

    Reasons: `table`, `address`, `word`, `frame`, `checksum`, `exception`, `request`, `payload`,
    `format`, `exists`.
    """
