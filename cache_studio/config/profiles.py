"""Remembered caches: what is needed to attach one again by its name. Never a password."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from cache_studio.config.claims import claimed
from cache_studio.config.files import read_toml, set_aside, write_toml
from cache_studio.config.paths import private_folder
from cache_studio.model.errors import BadRequest
from cache_studio.model.targets import parse_target

DEFAULT_TARGET_HIT_RATE = 0.6
"""The target hit rate of a cache for which nobody chose one."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One remembered cache. `target` is its text without a password; `options` as a user writes them."""

    name: str
    target: str
    format: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    target_hit_rate: float = DEFAULT_TARGET_HIT_RATE
    """From 0 to 1."""
    read_only: bool = False
    last_opened: float = 0.0
    """Epoch seconds."""
    password_kept: bool = False
    """Whether the system's keyring was given the password of its server (`services.passwords`)."""
    environment: str = ""
    """What its server is for, a word of `model.environments`; "" where nobody chose."""


class Profiles:
    """All remembered caches, in one TOML file that several processes may change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.notice = ""
        """One sentence when the file could not be read, else ""."""

    def all(self) -> list[Profile]:
        """Every remembered cache, by name. A broken file is no reason to stop: it counts as empty, `notice` says so."""
        try:
            tables = read_toml(self._path).get("cache", [])
        except (ValueError, OSError) as error:
            self.notice = f"The remembered caches in {self._path} cannot be read ({error})."
            return []
        self.notice = ""
        found = [_profile(table) for table in tables] if isinstance(tables, list) else []
        return sorted((profile for profile in found if profile is not None), key=lambda profile: profile.name)

    def recent(self, count: int) -> list[Profile]:
        """The caches opened last, newest first."""
        return sorted(self.all(), key=lambda profile: -profile.last_opened)[:count]

    def find(self, text: str) -> Profile | None:
        """The cache of this name, or else the one at this target."""
        known = self.all()
        target = _without_password(text) if text.strip() else ""
        for profile in known:
            if profile.name == text:
                return profile
        return next((profile for profile in known if profile.target in (text, target)), None)

    def remember(self, profile: Profile) -> Profile:
        """Keep a cache; returns it as it is kept.

        The same target with the same format and options is replaced. A name that another cache has gets
        a number. A password in the target is left out. Raises BadRequest for an empty name or a target
        that cannot be read.
        """
        if not profile.name.strip():
            raise BadRequest("A remembered cache needs a name.", "Give it a short one.")
        profile = replace(profile, name=profile.name.strip(), target=_without_password(profile.target))
        with self._changing() as kept:
            others = [other for other in kept if _place(other) != _place(profile)]
            profile = replace(profile, name=_free_name(profile.name, {other.name for other in others}))
            kept[:] = [*others, profile]
        return profile

    def forget(self, name: str) -> bool:
        """Remove a cache by its name; whether it was there. The cache itself is not touched."""
        with self._changing() as kept:
            left = [profile for profile in kept if profile.name != name]
            found = len(left) < len(kept)
            kept[:] = left
        return found

    @contextmanager
    def _changing(self) -> Iterator[list[Profile]]:
        """Read, let the block change the list, write: alone among processes; a broken file is set aside."""
        private_folder(self._path.parent)
        with claimed(self._path.with_name(f"{self._path.name}.lock")):
            kept = self.all()
            yield kept
            if self.notice and self._path.exists():
                set_aside(self._path, time.time())
            write_toml(self._path, {"cache": [asdict(profile) for profile in kept]})


def _profile(table: object) -> Profile | None:
    """A profile of one table; what is wrong in it falls back to the default, a nameless one is none."""
    if (
        not isinstance(table, dict)
        or not isinstance(table.get("name"), str)
        or not isinstance(table.get("target"), str)
    ):
        return None
    values: dict[str, Any] = {"name": table["name"], "target": table["target"]}
    for known in fields(Profile)[2:]:
        value = table.get(known.name)
        if known.name == "options":
            values["options"] = {str(key): str(text) for key, text in value.items()} if isinstance(value, dict) else {}
        elif isinstance(value, type(known.default)) or (isinstance(known.default, float) and isinstance(value, int)):
            values[known.name] = value
    if not 0 <= values.get("target_hit_rate", DEFAULT_TARGET_HIT_RATE) <= 1:
        del values["target_hit_rate"]
    return Profile(**values)


def _place(profile: Profile) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return profile.target, profile.format, tuple(sorted(profile.options.items()))


def _without_password(text: str) -> str:
    target = parse_target(text)
    options = {name: value for name, value in target.options.items() if name != "password"}
    return str(target.with_options(options))


def _free_name(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return free
