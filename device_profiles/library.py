"""Loads profiles: those shipped with the package, and a directory of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from campus_wire.config_file import ConfigFileError, Mistake, load_document, parse_document
from campus_wire.suggest import suggest
from device_profiles.aliases import take_aliases
from device_profiles.errors import UnknownProfileError
from device_profiles.model import ModbusProfile, MqttProfile, Profile, ProfileFile

PROFILE_BYTES_MAX: Final = 256 * 1024
_BUILTIN: Final = Path(__file__).parent / "library"


def load_profile(path: Path) -> ModbusProfile | MqttProfile:
    """Read one profile.

    Raises:
        ConfigFileError: with every mistake of the file, its line and a suggestion.
    """
    document = load_document(path, ProfileFile, bytes_max=PROFILE_BYTES_MAX, prepare=take_aliases)
    profile = document.value.root
    if profile.id != path.stem:
        message = f"{profile.id} is not the name of the file"
        remedy = f"name the file {profile.id}.yaml"
        document.refuse([document.mistake(("id",), message, remedy=remedy)])
    return profile


def parse_profile(text: str, *, path: Path) -> ModbusProfile | MqttProfile:
    """Do what `load_profile` does with text that was read already; its id may be any.

    Raises:
        ConfigFileError: with every mistake of the text.
    """
    return parse_document(text, ProfileFile, path=path, prepare=take_aliases).value.root


class Library:
    """Profiles by id, in alphabetical order; a file is read when its profile is first asked for.

    Args:
        paths: files named after their profile; later ones take the place of earlier ones.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        by_id = {path.stem: path for path in paths}
        self._paths = {id_: by_id[id_] for id_ in sorted(by_id)}
        self._loaded: dict[str, ModbusProfile | MqttProfile] = {}

    @classmethod
    def builtin(cls, extra: Path | None = None) -> Library:
        """Return the shipped profiles, and those in the directory `extra`.

        Raises:
            ConfigFileError: `extra` is no directory.
        """
        return cls(profile_paths(extra))

    def get(self, id_: str) -> ModbusProfile | MqttProfile:
        """Return a profile.

        Raises:
            UnknownProfileError: there is none of that id.
            ConfigFileError: its file has mistakes.
        """
        if id_ not in self._loaded:
            self._loaded[id_] = load_profile(self._path(id_))
        return self._loaded[id_]

    def _path(self, id_: str) -> Path:
        try:
            return self._paths[id_]
        except KeyError:
            meant = suggest(id_, self._paths)
            raise UnknownProfileError(
                "unknown_profile",
                f"there is no profile {id_!r}",
                remedy=f"did you mean {meant}?" if meant else "see campus profiles list",
            ) from None

    def __iter__(self) -> Iterator[ModbusProfile | MqttProfile]:
        return map(self.get, self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._paths

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all profiles, sorted."""
        return tuple(self._paths)


def profile_paths(extra: Path | None = None) -> list[Path]:
    """Return the files of the shipped profiles, then those of `extra`.

    Raises:
        ConfigFileError: `extra` is no directory.
    """
    paths = sorted(_BUILTIN.glob("*.yaml"))
    if extra is not None:
        if not extra.is_dir():
            raise ConfigFileError(
                extra, [Mistake(0, 0, "", "is no directory of profiles")], reason="unreadable"
            )
        paths += sorted(extra.glob("*.yaml"))
    return paths


__all__ = ["Library", "Profile", "load_profile", "parse_profile", "profile_paths"]
