"""What the Dashboard shows, worked out off the window's thread: one frozen value for all figures and charts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cache_studio.gui.plots.series import expiry_counts
from cache_studio.model.columns import Floats
from cache_studio.model.seeing import Counters
from cache_studio.model.statistics import Group, Totals, by_namespace, total
from cache_studio.services.attachment import Attachment, Place
from cache_studio.services.monitor import Monitor, Series
from cache_studio.services.standing import Standing

RANGES: Mapping[str, float | None] = {
    "5 min": 300.0,
    "15 min": 900.0,
    "1 h": 3600.0,
    "6 h": 21_600.0,
    "24 h": 86_400.0,
    "7 d": 604_800.0,
    "30 d": 2_592_000.0,
    "All": None,
}
"""Words of a range -> its seconds; None for all there is."""
POINTS = 360
"""About how many points a chart gets."""
NAMESPACES = 7
"""Namespaces that have a bar."""


@dataclass(frozen=True)
class Board:
    """One cache at one moment with its history over a range."""

    place: Place
    standing: Standing
    totals: Totals | None
    namespaces: tuple[Group, ...]
    stale: int
    expiry: tuple[int, ...]
    """Entries by the time they have left: one count for each of EXPIRY_BOUNDS."""
    series: Series | None
    since: float
    until: float

    @property
    def has_rate(self) -> bool:
        """Whether there is any hit rate to speak of; if not, fills and removals are shown in its place."""
        drawn = self.series is not None and not bool(np.isnan(self.series.hit_rate).all())
        return drawn or self.standing.counters.source is not None

    @property
    def lookups(self) -> Counters:
        """Hits and misses in the range; where none fell into it, since counting began."""
        counters = self.standing.counters
        if self.series is not None and self.series.times.size:
            hits, misses = float(np.nansum(self.series.hits)), float(np.nansum(self.series.misses))
            if hits + misses > 0:
                return Counters(round(hits), round(misses), counters.source, counters.scope)
        return counters

    @property
    def in_range(self) -> bool:
        """Whether `lookups` speaks of the range."""
        return self.lookups is not self.standing.counters

    @property
    def interval(self) -> float:
        """Seconds between two points of the charts."""
        times = self.series.times if self.series is not None else np.empty(0)
        if times.size > 1:
            return float(np.median(np.diff(times)))
        return max(self.place.sample_every, (self.until - self.since) / POINTS)

    def churn(self) -> tuple[Floats, Floats, Floats]:
        """Times, stored and removed entries per minute; NaN where nothing was recorded."""
        if self.series is None or not self.series.times.size:
            return np.empty(0), np.empty(0), np.empty(0)
        times = self.series.times
        minutes = np.diff(times, prepend=times[0] - self.interval) / 60
        minutes[minutes <= 0] = np.nan
        return times, self.series.stored / minutes, self.series.removed / minutes

    def moved(self) -> tuple[int, int]:
        """Entries stored and removed in the range; without a history since attaching."""
        if self.series is None or not self.series.times.size:
            return self.standing.stored, self.standing.removed
        return round(float(np.nansum(self.series.stored))), round(float(np.nansum(self.series.removed)))

    def minutes(self) -> float:
        """Minutes of the range that are recorded."""
        if self.series is None:
            return 0.0
        return float(np.count_nonzero(~np.isnan(self.series.stored))) * self.interval / 60


def board_of(attachment: Attachment, monitor: Monitor | None, seconds: float | None, now: float) -> Board:
    """Work everything out; blocks on the history. `seconds` of history until `now`, None for all of it."""
    place, standing = attachment.place, attachment.standing
    since = _since(place, monitor, seconds, now)
    series = None if monitor is None else monitor.series(place, since, now, POINTS)
    view = standing.view
    if view is None:
        return Board(place, standing, None, (), 0, (), series, since, now)
    alive = view.numbers["expires"][view.alive]
    stale, counts = expiry_counts(alive - now)
    return Board(
        place=place,
        standing=standing,
        totals=total(view, now),
        namespaces=tuple(by_namespace(view, now)),
        stale=stale,
        expiry=tuple(counts),
        series=series,
        since=since,
        until=now,
    )


def _since(place: Place, monitor: Monitor | None, seconds: float | None, now: float) -> float:
    if seconds is not None:
        return now - seconds
    begins = monitor.begins(place) if monitor is not None else None
    return min(now - 60.0, now - 300.0 if begins is None else begins)


def clock() -> float:
    """Now, epoch seconds: the one place where the Dashboard asks for the time."""
    return time.time()
