"""What an adapter is told about an entry that was seen, and what it answers when it removes or restores."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from cache_studio.model.identity import EntryId, Stamp


class Seen(NamedTuple):
    """An entry as it was seen: removed only if it still has this stamp."""

    id: EntryId
    stamp: Stamp
    title: tuple[str, str] | None = None
    """Key and namespace as they were listed; None where the adapter has to look for them."""


class Fate(StrEnum):
    """What became of an entry that was to be removed."""

    REMOVED = "removed"
    CHANGED = "changed"
    """It changed since it was seen and stays."""
    GONE = "gone"
    FAILED = "failed"


class Removal(NamedTuple):
    """The answer for one entry; `freed` bytes are really given back to the disk or server."""

    id: EntryId
    fate: Fate
    freed: int = 0
    reason: str = ""


class Renewed(StrEnum):
    """What became of an entry whose expiry was to change."""

    SET = "set"
    CHANGED = "changed"
    """The application stored it anew since it was seen; its own expiry stays."""
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Renewal:
    """The answer for one entry: what became of it, and the expiry it has now where it was set."""

    id: EntryId
    fate: Renewed
    expires: float = float("nan")
    """As a listing says it from now on: what the cache can store of the moment that was asked for."""
    reason: str = ""


class Return(StrEnum):
    """What became of a copy that was to be restored."""

    RESTORED = "restored"
    NEWER_KEPT = "newer_kept"
    """The application stored a newer value meanwhile; it stays, the copy stays in the trash."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Restoration:
    """The answer for one copy."""

    fate: Return
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of unused space that `compact` gives back: what it is, how many, how many bytes."""

    what: str
    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Volume:
    """Bytes the attached part takes, what `compact` would give back, the limit the cache keeps. None: not recorded."""

    volume: int | None
    reclaimable: int | None = None
    capacity: int | None = None
    """Bytes, where the cache limits its bytes."""
    capacity_entries: int | None = None


class Source(StrEnum):
    """Where a figure comes from."""

    RECORDED = "recorded"
    DERIVED = "derived"
    SAMPLED = "sampled"


class Scope(StrEnum):
    """What a hit rate speaks of."""

    CACHE = "cache"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Counters:
    """Hits and misses since the beginning of what counts them; None where they are not recorded."""

    hits: int | None = None
    misses: int | None = None
    source: Source | None = None
    scope: Scope | None = None
    epoch: str = ""
    """Changes when the counters began anew (a server restarted): no difference across it."""

    @property
    def hit_rate(self) -> float | None:
        """hits / (hits + misses), from 0 to 1; None without lookups."""
        if self.hits is None or self.misses is None or self.hits + self.misses == 0:
            return None
        return self.hits / (self.hits + self.misses)
