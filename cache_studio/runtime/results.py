"""What the calls of a running cache answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Removed:
    """What one level lost."""

    entries: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Freed:
    """What a removal took out: `entries` counts a key once, however many levels held it."""

    entries: int
    levels: Mapping[str, Removed] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Bytes freed on all levels together."""
        return sum(level.bytes for level in self.levels.values())


@dataclass(frozen=True, slots=True)
class Warmed:
    """What warming did: `failed` names the keys whose loader raised, with what it said."""

    loaded: int
    present: int
    failed: Mapping[str, str] = field(default_factory=dict)
