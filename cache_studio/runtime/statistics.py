"""The figures of a running cache: what this process counted, and what is stored now."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

from cache_studio.adapters.key_access import DISK, Known, Place
from cache_studio.model.errors import CacheUnavailable
from cache_studio.recording.counts import COUNTERS, Row, Tally, totals
from cache_studio.runtime.costs import Costs
from cache_studio.runtime.levels import Shelf
from cache_studio.runtime.stack import Stack
from cache_studio.runtime.stored import Stored

TARGET_HIT_RATE = 0.6
"""The share of lookups that should be hits (systems.md, S1)."""
_HITS, _MISSES, _EVICTIONS, _EXPIRATIONS, _PUTS = range(len(COUNTERS))


@dataclass(frozen=True, slots=True)
class Counted:
    """Counts of this process since it opened the cache. Rates are None without lookups."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    expirations: int = 0
    """Misses that met a stale entry; it was removed."""
    puts: int = 0
    hit_rate: float | None = None
    """From 0 to 1."""
    mean_lookup_seconds: float | None = None

    @property
    def total_requests(self) -> int:
        """Lookups."""
        return self.hits + self.misses

    @property
    def removals(self) -> int:
        """Entries that the cache itself removed, for room or when they had ended: "evictions" in systems.md, S3."""
        return self.evictions + self.expirations


@dataclass(frozen=True, slots=True)
class LevelStats:
    """One level: what it holds now (None: it was not there to tell), what it may hold, and its counts."""

    entries: int | None
    size: int | None
    """Bytes."""
    capacity: int | None
    max_bytes: int | None
    policy: str
    counted: Counted


@dataclass(frozen=True, slots=True)
class NamespaceStats:
    """One namespace: what is stored in it, and its counts."""

    entries: int
    size: int
    counted: Counted


@dataclass(frozen=True, slots=True)
class Stats:
    """Everything that a running cache can say of itself. Unknown is None."""

    target: str
    counted: Counted
    entries: int | None
    stale: int | None
    size: int | None
    """Bytes of all entries, each counted once."""
    memory_usage: int
    """Bytes of the values on the levels of memory."""
    disk_usage: int | None
    """Bytes on the disk level; None without one."""
    ttl: float | None
    capacity: int | None
    policy: str
    levels: Mapping[str, LevelStats]
    namespaces: Mapping[str, NamespaceStats]
    seconds_per_miss: float | None
    seconds_per_miss_source: str | None
    """"measured" from loaders, "given" by the application, or None."""
    lost_puts: int = 0
    """Values that were not stored because a server was away."""
    target_hit_rate: float = TARGET_HIT_RATE
    money_saved: float | None = None
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def target_met(self) -> bool | None:
        """Whether the hit rate is at its target; None without lookups."""
        rate = self.counted.hit_rate
        return None if rate is None else rate >= self.target_hit_rate

    @property
    def time_saved(self) -> float | None:
        """Hits x seconds per miss."""
        return None if self.seconds_per_miss is None else self.counted.hits * self.seconds_per_miss

    @property
    def efficiency_score(self) -> float | None:
        """Hit rate x 100 (systems.md, S3)."""
        return None if self.counted.hit_rate is None else self.counted.hit_rate * 100

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        derived = {name: getattr(self, name) for name in ("target_met", "time_saved", "efficiency_score")}
        return asdict(self) | derived


def counted(row: Row) -> Counted:
    """The figures of one row of a tally."""
    hits, misses, evictions, expirations, puts = map(int, row[:-1])
    lookups = hits + misses
    rate = hits / lookups if lookups else None
    return Counted(hits, misses, evictions, expirations, puts, rate, row[-1] / lookups if lookups else None)


def by_namespace(tally: Tally, entries: Iterable[Known]) -> dict[str, NamespaceStats]:
    """Counts and contents of each namespace that was asked or holds something."""
    contents: dict[str, tuple[int, int]] = {}
    nothing = 0, 0
    for entry in entries:
        count, size = contents.get(entry.namespace, nothing)
        contents[entry.namespace] = count + 1, size + entry.size
    rows = {namespace: row for (namespace, level), row in tally.rows.items() if not level}
    names = sorted({*contents, *rows})
    return {
        name: NamespaceStats(*contents.get(name, nothing), counted(rows[name]) if name in rows else Counted())
        for name in names
    }


def of_level(tally: Tally, level: str) -> Counted:
    """The counts of one level, or "" for the cache as a whole, over all namespaces."""
    return counted(totals(row for (_, name), row in tally.rows.items() if name == level))


def describe(name: str, ttl: float | None, policy: str, stack: Stack, tally: Tally, costs: Costs, now: float) -> Stats:
    """The figures of a cache; lists it. A stored level that is away has None for what it holds."""
    stored = {door.name: _listed(door) for door in stack.doors}
    levels = {shelf.name: _shelf_stats(shelf, tally) for shelf in stack.shelves}
    for door in stack.doors:
        entries = stored[door.name]
        levels[door.name] = LevelStats(
            None if entries is None else len(entries),
            None if entries is None else sum(entry.size for entry in entries),
            door.index.capacity if door.index else None,
            door.index.max_bytes if door.index else None,
            policy,
            of_level(tally, door.name),
        )
    away = bool(stack.doors) and stored[stack.doors[0].name] is None
    everything = _each_once(*(entries or () for entries in stored.values()), stack.only_in_memory())
    seconds, source = costs.per_miss()
    top = (stack.doors or stack.shelves)[0]
    return Stats(
        target=name,
        counted=of_level(tally, ""),
        entries=None if away else len(everything),
        stale=None if away else sum(entry.expires is not None and entry.expires <= now for entry in everything),
        size=None if away else sum(entry.size for entry in everything),
        memory_usage=sum(shelf.bytes for shelf in stack.shelves),
        disk_usage=levels[DISK].size if DISK in levels else None,
        ttl=ttl,
        capacity=levels[top.name].capacity,
        policy=policy,
        levels=levels,
        namespaces=by_namespace(tally, everything),
        seconds_per_miss=seconds,
        seconds_per_miss_source=source,
        lost_puts=sum(getattr(door.access, "lost", 0) for door in stack.doors),
    )


def _each_once(*listings: Iterable[Known]) -> list[Known]:
    found: dict[Place, Known] = {}
    for entry in chain(*listings):
        found.setdefault(entry.place, entry)
    return list(found.values())


def _shelf_stats(shelf: Shelf, tally: Tally) -> LevelStats:
    return LevelStats(
        len(shelf), shelf.bytes, shelf.capacity, shelf.max_bytes, shelf.policy, of_level(tally, shelf.name)
    )


def _listed(door: Stored) -> list[Known] | None:
    try:
        return list(door.known())
    except CacheUnavailable:
        return None
