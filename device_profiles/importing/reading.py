"""Files of other programs into drafts of profiles, and drafts into files."""

from __future__ import annotations

import re
import tempfile
import tomllib
from pathlib import Path
from typing import Any, Final, Literal

from campus_wire.config_file import ConfigFileError
from device_profiles.errors import GivenDataError
from device_profiles.importing.draft import ProfileDraft
from device_profiles.importing.home_assistant import hubs_of, import_home_assistant
from device_profiles.importing.telegraf import import_telegraf, inputs_of
from device_profiles.importing.volttron import AddressBase, import_volttron, is_registry
from device_profiles.importing.yaml_text import profile_text
from device_profiles.library import load_profile

Format = Literal["volttron", "telegraf", "home-assistant"]
BYTES_MAX: Final = 4 * 1024 * 1024
_TRIES_MAX: Final = 200
_POINT_KEY: Final = re.compile(r"points[.\[](\d+)")


def read_drafts(
    path: Path, wanted: Format | None, *, title: str, address_base: AddressBase | None
) -> tuple[Format, list[ProfileDraft]]:
    """Return the format and the profiles of a file.

    Raises:
        GivenDataError: it cannot be read, or is of no known format (reason `format`).
    """
    text = _text(path)
    source = path.name
    try:
        if wanted == "volttron" or (wanted is None and is_registry(text)):
            draft = import_volttron(
                text, title=title, source=source, address_base=address_base or 0
            )
            return "volttron", [draft]
        if address_base not in (None, 0):
            message = (
                "Telegraf and Home Assistant count addresses from 0; no other base is possible"
            )
            raise GivenDataError("format", message)
        if wanted == "telegraf" or (wanted is None and path.suffix in (".toml", ".conf")):
            return "telegraf", import_telegraf(_toml(text), title=title, source=source)
        document = _yaml(text)
        if wanted == "home-assistant" or hubs_of(document):
            found = import_home_assistant(document, title=title, source=source)
            return "home-assistant", found
        if inputs_of(_toml(text)):
            return "telegraf", import_telegraf(_toml(text), title=title, source=source)
    except ValueError as error:
        raise GivenDataError("format", f"{path.name} {error}") from None
    raise GivenDataError(
        "format",
        f"{path.name} is no registry of VOLTTRON, no configuration of Telegraf or Home Assistant",
        remedy="say which with --format",
    )


def finished_text(draft: ProfileDraft, id_: str) -> str:
    """Return the YAML of a draft, without the points that do not pass the check.

    Raises:
        GivenDataError: nothing is left, or the whole cannot be right (reason `format`).
    """
    document: dict[str, Any] = {**draft.document(), "id": id_}
    for _ in range(_TRIES_MAX):
        if not document["points"]:
            raise GivenDataError("format", f"{id_}: no point can be carried over")
        text = profile_text(document, _comments(draft))
        mistakes = _mistakes(text, id_)
        if not mistakes:
            return text
        bad = _mend(document, mistakes)
        if not bad:
            key, message = mistakes[0]
            raise GivenDataError("format", f"{id_}: {key}: {message}")
        for number in sorted(bad, reverse=True):
            point = document["points"].pop(number)
            draft.leave_out(str(point["name"]), bad[number])
    raise GivenDataError("format", f"{id_}: too many mistakes")


def _mend(document: dict[str, Any], mistakes: list[tuple[str, str]]) -> dict[int, str]:
    """Return the points to leave out, by their numbers, with the reason."""
    found: dict[int, str] = {}
    for key, message in mistakes:
        match = _POINT_KEY.search(key)
        if match is not None and int(match[1]) < len(document["points"]):
            found.setdefault(int(match[1]), message)
    return found


def _mistakes(text: str, id_: str) -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{id_}.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            load_profile(path)
        except ConfigFileError as error:
            return [(one.key, one.message) for one in error.mistakes]
    return []


def _comments(draft: ProfileDraft) -> dict[str, str]:
    comments: dict[str, list[str]] = {}
    names = {
        one.item: one.message.removeprefix("is the point ")
        for one in draft.remarks
        if one.message.startswith("is the point ")
    }
    for remark in draft.remarks:
        if remark.kind == "check":
            comments.setdefault(names.get(remark.item, remark.item), []).append(remark.message)
    return {name: "check: " + "; ".join(some) for name, some in comments.items()}


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > BYTES_MAX:
            raise GivenDataError("format", f"{path} is larger than {BYTES_MAX} bytes")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise GivenDataError("format", f"{path}: {error}") from None


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is no TOML: {error}") from None


def _yaml(text: str) -> Any:
    from ruamel.yaml import YAML  # noqa: PLC0415 - only here and in reading configurations
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    reader = YAML(typ="safe", pure=True)
    # !secret, !include and the like are Home Assistant's; what they stand for is elsewhere
    reader.constructor.add_multi_constructor("!", lambda _loader, _suffix, _node: None)
    try:
        return reader.load(text)
    except YAMLError as error:
        raise ValueError(f"is no YAML: {str(error).splitlines()[0]}") from None
