"""From a document that a dialect made to a profile."""

from __future__ import annotations

from typing import Any

import orjson

from device_profiles.model import MqttProfile


def as_profile(document: dict[str, Any]) -> MqttProfile:
    """Return the profile of a document.

    Raises:
        pydantic.ValidationError: it is none.
    """
    # by way of JSON, as profiles in files are: there lists are tuples and keys are texts
    return MqttProfile.model_validate_json(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))
