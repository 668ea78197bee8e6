"""The settings of a user: a frozen value, and the TOML file it is kept in.

A wrong or unreadable setting never stops anything: its default takes the place and one sentence says so.
What this version does not know stays in the file.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from cache_studio.config.claims import claimed
from cache_studio.config.files import read_toml, set_aside, write_toml
from cache_studio.config.paths import private_folder

THEMES = ("system", "light", "dark")
"""Choices of `theme`."""
DENSITIES = ("comfortable", "compact")
"""Choices of `density`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user can set that belongs to no single cache."""

    theme: str = "system"
    density: str = "comfortable"
    reduced_motion: bool = False
    trash_days: int = 30
    """How long removed entries wait for undo."""
    trash_bytes: int = 2_000_000_000
    """How many bytes of removed entries wait at most; the newest action always does."""
    history_days: int = 30
    """How long samples are kept."""
    target_hit_rate: float = 0.6
    """From 0 to 1, for caches that are newly attached."""
    sample_seconds: float = 2.0
    """Time between two samples of an attached cache."""
    prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """What a million tokens of a language model cost: `[prices."gpt-4o"]` with `input` and `output`, in a currency of
    the user's own. Read from the file; a model without a price has a cost that is not recorded."""


def _among(*choices: str) -> Callable[[Any], bool]:
    return lambda value: value in choices


def _at_least(lowest: float) -> Callable[[Any], bool]:
    return lambda value: value >= lowest


def _are_prices(value: Any) -> bool:
    return all(isinstance(price, dict) and set(price) == {"input", "output"} for price in value.values()) and all(
        isinstance(part, int | float) and not isinstance(part, bool) and 0 <= part < math.inf
        for price in value.values()
        for part in price.values()
    )


_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "theme": (_among(*THEMES), "one of " + ", ".join(THEMES)),
    "density": (_among(*DENSITIES), "one of " + ", ".join(DENSITIES)),
    "trash_days": (_at_least(1), "a number of days from 1"),
    "trash_bytes": (_at_least(0), "a number of bytes"),
    "history_days": (_at_least(1), "a number of days from 1"),
    "target_hit_rate": (lambda value: 0 <= value <= 1, "between 0 and 1"),
    "sample_seconds": (_at_least(0.5), "a number of seconds from 0.5"),
    "prices": (_are_prices, "a table of models, each with input and output as numbers from 0"),
}
_KINDS: Mapping[type, tuple[tuple[type, ...], str]] = {
    str: ((str,), "a text"),
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((float, int), "a number"),
    dict: ((dict,), "a table"),
}


class SettingsFile:
    """The file of the settings; several processes may read and save it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> tuple[Settings, list[str]]:
        """The settings, and one sentence for each thing that could not be understood."""
        try:
            document = read_toml(self._path)
        except (ValueError, OSError) as error:
            return Settings(), [f"The settings in {self._path} cannot be read ({error}); the defaults are used."]
        good: dict[str, Any] = {}
        problems = []
        for known in fields(Settings):
            if known.name not in document:
                continue
            value, default = document[known.name], _default(known)
            wanted = _fault(known.name, value, type(default))
            if wanted:
                problems.append(f"The setting {known.name} must be {wanted}; {default!r} is used.")
            else:
                good[known.name] = value
        return Settings(**good), problems

    def save(self, settings: Settings) -> None:
        """Write the settings; what this version does not know stays, a file that cannot be read is set aside."""
        private_folder(self._path.parent)
        with claimed(self._path.with_name(f"{self._path.name}.lock")):
            try:
                document = read_toml(self._path)
            except ValueError:
                set_aside(self._path, time.time())
                document = {}
            write_toml(self._path, document | asdict(settings))


def _default(known: "Field[Any]") -> object:
    return known.default if known.default_factory is MISSING else known.default_factory()


def _fault(name: str, value: object, kind: type) -> str:
    """What the value must be instead, or "" when it is right."""
    kinds, wanted = _KINDS[kind]
    if not isinstance(value, kinds) or (kind is not bool and isinstance(value, bool)):
        return wanted
    rule, wanted = _RULES.get(name, (lambda _: True, ""))
    return "" if rule(value) else wanted
