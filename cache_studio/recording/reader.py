"""Reads what a cache recorded, without ever making its writers wait."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cache_studio.recording.counts import COUNTERS, WIDTH, Fill, Row, Rows, Tally, totals
from cache_studio.recording.processes import is_alive
from cache_studio.recording.slots import (
    NOBODY,
    Content,
    Header,
    content_of,
    owner_of,
    read_header,
    slot_count,
)

_TRIES = 20
_HITS, _MISSES, _, _EXPIRATIONS, _PUTS = range(len(COUNTERS))


@dataclass(frozen=True, slots=True)
class Counts:
    """Counters since the recorder began; `seconds` is the sum of all lookup times."""

    hits: int
    misses: int
    evictions: int
    expirations: int
    puts: int
    seconds: float

    @property
    def hit_rate(self) -> float | None:
        """hits / (hits + misses), from 0 to 1; None without lookups."""
        lookups = self.hits + self.misses
        return self.hits / lookups if lookups else None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What all processes of a cache counted."""

    totals: Counts
    namespaces: Mapping[str, Counts]
    levels: Mapping[str, Counts]
    """The named levels; empty for a cache of one."""
    fills: Mapping[str, Fill]
    started_at: float
    """Epoch seconds of the first count."""
    epoch: str
    """Counters of different epochs are never compared."""
    pids: tuple[int, ...]
    """Processes that count now."""


def read_recorder(path: Path, now: float) -> Recorded | None:
    """What the recorder says, or None when there is none or it cannot be read."""
    try:
        for left in reversed(range(_TRIES)):
            data = path.read_bytes()
            header = read_header(data)
            if header is None:
                return None
            contents = _contents(data)
            readable = [content for content in contents if content is not None]
            if left == 0 or (len(readable) == len(contents) and _frame(path.read_bytes()) == _frame(data)):
                return _recorded(header, readable, now)
    except OSError:
        return None
    return None


def combine(tallies: Iterable[Tally], started_at: float, epoch: str, pids: tuple[int, ...] = ()) -> Recorded:
    """What several tallies (one a process) say together; also for the hashes of a Redis recorder."""
    whole = Tally()
    for tally in tallies:
        whole.add(tally)
    spaces = sorted({namespace for namespace, _ in whole.rows})
    by_space = {name: _namespace_row(whole.rows, name) for name in spaces}
    levels = sorted({level for _, level in whole.rows if level})
    by_level = {name: totals(row for (_, level), row in whole.rows.items() if level == name) for name in levels}
    return Recorded(
        totals=_counts(totals(by_space.values())),
        namespaces={name: _counts(row) for name, row in by_space.items()},
        levels={name: _counts(row) for name, row in by_level.items()},
        fills=whole.fills,
        started_at=started_at,
        epoch=epoch,
        pids=pids,
    )


def _contents(data: bytes) -> list[Content | None]:
    """What the slots say that are to be added up; None for one that was written twice meanwhile, or is damaged."""
    base = content_of(data, 0)
    found: list[Content | None] = [] if base is None else [base]
    for slot in range(1, slot_count(len(data))):
        owner = owner_of(data, slot)
        if owner == NOBODY or (base is not None and owner == base.folding):
            continue
        found.append(content_of(data, slot))
    return found


def _frame(data: bytes) -> tuple[object, ...]:
    """What changes when slots are claimed or folded."""
    base = content_of(data, 0)
    owners = tuple(owner_of(data, slot) for slot in range(1, slot_count(len(data))))
    return (data[:64], base.sequence if base else 0, owners)


def _recorded(header: Header, contents: list[Content], now: float) -> Recorded:
    alive = {
        content.mark.pid for content in contents if content.mark.pid and is_alive(content.mark, content.wrote_at, now)
    }
    tallies = []
    for content in contents:
        ended = content.mark.pid not in alive
        fills = {level: fill for level, fill in content.tally.fills.items() if fill.shared or not ended}
        tallies.append(Tally(content.tally.rows, fills))
    started_at = min((content.started_at for content in contents), default=header.created)
    return combine(tallies, started_at, header.epoch, tuple(sorted(alive)))


def _namespace_row(rows: Rows, namespace: str) -> Row:
    """The lookups of a namespace as a whole: as they were counted, else what its levels say together.

    Levels are asked one after the other: the one asked first has seen every lookup. What a level evicts may lie on
    the next one still, so evictions of the whole are only those that were counted as such.
    """
    named = [row for (name, level), row in rows.items() if name == namespace and level]
    whole = list(rows.get((namespace, ""), [0.0] * WIDTH))
    if not named:
        return whole
    together = totals(named)
    if not whole[_HITS] + whole[_MISSES]:
        lookups = max(row[_HITS] + row[_MISSES] for row in named)
        whole[_HITS] = min(together[_HITS], lookups)
        whole[_MISSES] = lookups - whole[_HITS]
        whole[-1] = together[-1]
        whole[_EXPIRATIONS] = whole[_EXPIRATIONS] or together[_EXPIRATIONS]
        whole[_PUTS] = whole[_PUTS] or max(row[_PUTS] for row in named)
    return whole


def _counts(row: Row) -> Counts:
    hits, misses, evictions, expirations, puts = map(int, row[:-1])
    return Counts(hits, misses, evictions, expirations, puts, row[-1])
