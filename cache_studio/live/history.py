"""The history: samples of all caches, kept across restarts, finer for yesterday than for last month.

Each sample is added to one row of every resolution at once, so nothing has to be summed up later. How far
the counters grew is worked out against the newest row in the database: two processes that sample one cache
write one history.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cache_studio.config.database import Database, Row, Schema, open_database
from cache_studio.live.sampling import GAP_INTERVALS, Reading, Sample, growth, hit_rate, is_gap

DAY = 86_400.0
STEPS: Mapping[int, float] = {5: DAY, 60: 7 * DAY, 600: 30 * DAY}
"""Seconds of one row, and how long rows of this resolution are kept (the coarsest: as the settings say)."""
FINEST, COARSEST = min(STEPS), max(STEPS)
CLOCK_SET = 600.0
"""A sample older than the newest by less than this comes late from another process; by more, the clock was set."""
LEVELS = ("entries", "fresh", "stale", "forever", "unknown", "size", "stale_size", "volume", "reclaimable")
"""Columns of which a row holds the newest reading."""
SUMS = ("hits", "misses", "stored", "removed")
"""Columns of which a row holds the sum over its seconds."""

SCHEMA = Schema(
    name="The history",
    steps=(
        """
        CREATE TABLE caches(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
            at REAL, every REAL, raw_hits INTEGER, raw_misses INTEGER, epoch TEXT, source TEXT, scope TEXT);
        CREATE TABLE samples(
            cache INTEGER NOT NULL REFERENCES caches(id), step INTEGER NOT NULL, slot INTEGER NOT NULL,
            at REAL NOT NULL, every REAL NOT NULL, hits INTEGER, misses INTEGER, stored INTEGER, removed INTEGER,
            entries INTEGER, fresh INTEGER, stale INTEGER, forever INTEGER, unknown INTEGER,
            size INTEGER, stale_size INTEGER, volume INTEGER, reclaimable INTEGER,
            PRIMARY KEY(cache, step, slot)) WITHOUT ROWID
        """,
    ),
)

_COLUMNS = ("cache", "step", "slot", "at", "every", *SUMS, *LEVELS)
_ADDED = ", ".join(
    f"{name}=CASE WHEN excluded.{name} IS NULL THEN {name} ELSE coalesce({name}, 0)+excluded.{name} END"
    for name in SUMS
)
_REPLACED = ", ".join(f"{name}=excluded.{name}" for name in ("at", "every", *LEVELS))
_UPSERT = (
    f"INSERT INTO samples({', '.join(_COLUMNS)}) VALUES({', '.join('?' * len(_COLUMNS))})"
    f" ON CONFLICT DO UPDATE SET {_ADDED}, {_REPLACED}"
)


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one cache in the order of time, ready to be drawn: NaN is not recorded, and breaks the line."""

    at: list[float]
    """Epoch seconds; a gap is one point between its ends, NaN in every column."""
    hit_rate: list[float]
    """From 0 to 1, of the lookups of each point."""
    columns: Mapping[str, list[float]]
    """For each name of SUMS the sum over the point, for each of LEVELS the newest reading."""


class History:
    """The history in one database. Any thread may use it."""

    def __init__(self, path: Path, now: float, keep_days: float = 30) -> None:
        """Open or create it; raises CacheStudioError. A broken one is set aside: see `notice`."""
        self._database: Database = open_database(path, SCHEMA, now)
        self._keep = {**STEPS, COARSEST: max(keep_days * DAY, STEPS[FINEST])}

    @property
    def notice(self) -> str:
        """One sentence when the database was broken and set aside, else ""."""
        return self._database.notice

    def close(self) -> None:
        """Close the database. Safe to call twice."""
        self._database.close()

    def record(self, cache: str, sample: Sample, every: float) -> bool:
        """Add a sample of a cache that is sampled every `every` seconds.

        False when one of the same five seconds or a younger is there already (of another process): then nothing
        is added, and who counts `stored` and `removed` carries them over to the next sample. `cache` is the
        name of its profile or the text of its target, never with a password.
        """
        with self._database.transaction() as write:
            name = _kept_name(cache)
            write.execute("INSERT OR IGNORE INTO caches(name) VALUES(?)", (name,))
            number, at, *last = write.execute(
                "SELECT id, at, raw_hits, raw_misses, epoch, source, scope FROM caches WHERE name=?", (name,)
            ).fetchone()
            if at is not None and sample.at > at - CLOCK_SET and _slot(sample.at, FINEST) <= _slot(at, FINEST):
                return False
            reading: Reading = (sample.hits, sample.misses, sample.epoch, sample.source, sample.scope)
            broken = at is None or is_gap(at, sample.at, max(every, FINEST))
            hits, misses = (None, None) if broken else growth((last[0], last[1], *last[2:]), reading)
            sums = (hits, misses, sample.stored, sample.removed)
            levels = [getattr(sample, level) for level in LEVELS]
            for step in STEPS:
                write.execute(_UPSERT, (number, step, _slot(sample.at, step), sample.at, every, *sums, *levels))
            write.execute(
                "UPDATE caches SET at=?, every=?, raw_hits=?, raw_misses=?, epoch=?, source=?, scope=? WHERE id=?",
                (sample.at, every, *reading, number),
            )
            if at is None or _slot(at, COARSEST) != _slot(sample.at, COARSEST):
                for step, seconds in self._keep.items():
                    oldest = _slot(sample.at - seconds, step)
                    write.execute("DELETE FROM samples WHERE cache=? AND step=? AND slot<?", (number, step, oldest))
        return True

    def series(self, cache: str, since: float, until: float, points: int) -> Series:
        """About `points` points (fewer where less was recorded, more by the gaps) from `since` to `until`."""
        width = max((until - since) / max(points, 1), FINEST)
        rows = self._rows(cache, since, until, width)
        return _drawn(_gathered(rows, since, width), width)

    def caches(self) -> list[str]:
        """All caches that have a history."""
        return [name for (name,) in self._database.read("SELECT name FROM caches ORDER BY name")]

    def first(self, cache: str) -> float | None:
        """When the history of a cache begins; None without one."""
        sql = "SELECT min(s.at) FROM samples s JOIN caches c ON c.id=s.cache WHERE c.name=?"
        at: float | None = self._database.read(sql, (_kept_name(cache),))[0][0]
        return at

    def forget(self, cache: str) -> None:
        """Delete the history of a cache."""
        name = _kept_name(cache)
        with self._database.transaction() as write:
            write.execute("DELETE FROM samples WHERE cache=(SELECT id FROM caches WHERE name=?)", (name,))
            write.execute("DELETE FROM caches WHERE name=?", (name,))

    def forget_unused(self, now: float) -> None:
        """Delete caches of which nothing was recorded for as long as the history is kept."""
        old = self._database.read("SELECT name FROM caches WHERE at<?", (now - self._keep[COARSEST],))
        for (name,) in old:
            self.forget(name)

    def _rows(self, cache: str, since: float, until: float, width: float) -> list[Row]:
        """Rows in the order of time, of the coarsest resolution that is fine enough; older ones as they were kept."""
        fine_enough = max((step for step in STEPS if step <= width), default=FINEST)
        found: list[Row] = []
        for step in sorted(step for step in STEPS if step >= fine_enough):
            rows = self._database.read(
                f"SELECT s.at, s.every, s.step, {', '.join(f's.{name}' for name in (*SUMS, *LEVELS))}"
                " FROM samples s JOIN caches c ON c.id=s.cache"
                " WHERE c.name=? AND step=? AND s.slot>=? AND s.at>=? AND s.at<=? AND s.slot<? ORDER BY slot",
                (
                    _kept_name(cache),
                    step,
                    _slot(since, step),
                    since,
                    until,
                    _slot(found[0][0], step) if found else 1 << 62,
                ),
            )
            found = rows + found
        return found


def _kept_name(cache: str) -> str:
    """Text that is no UTF-8 cannot be kept as it is; its escapes tell it apart as well."""
    return cache.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _slot(at: float, step: int) -> int:
    return int(at // step)


def _gathered(rows: Sequence[Row], since: float, width: float) -> list[list[float | None]]:
    """Rows that share a point become one: time, spacing, sums, newest readings."""
    points: list[list[float | None]] = []
    current = None
    first_level = 2 + len(SUMS)
    for at, every, step, *values in rows:
        place = int((at - since) // width)
        spacing = max(every, step)
        if place != current:
            points.append([at, spacing, *values])
            current = place
            continue
        point = points[-1]
        point[0], point[1] = at, max(spacing, point[1] or 0)
        for column, value in enumerate(values[: len(SUMS)], 2):
            if value is not None:
                point[column] = (point[column] or 0) + value
        point[first_level:] = values[len(SUMS) :]
    return points


def _drawn(points: Sequence[Sequence[float | None]], width: float) -> Series:
    names = (*SUMS, *LEVELS)
    at: list[float] = []
    columns: dict[str, list[float]] = {name: [] for name in names}
    rates: list[float] = []
    spacing_before = 0.0
    for moment, spacing, *values in points:
        moment, spacing = moment or 0.0, spacing or 0.0
        if at and moment - at[-1] > GAP_INTERVALS * max(spacing, spacing_before, width):
            at.append((at[-1] + moment) / 2)
            rates.append(math.nan)
            for column in columns.values():
                column.append(math.nan)
        spacing_before = spacing
        at.append(moment)
        rate = hit_rate(values[0], values[1])
        rates.append(math.nan if rate is None else rate)
        for name, value in zip(names, values, strict=True):
            columns[name].append(math.nan if value is None else float(value))
    return Series(at, rates, columns)
