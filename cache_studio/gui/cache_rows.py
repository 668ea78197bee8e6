"""Attachments as rows of the left panel."""

import time
from collections.abc import Sequence

import numpy as np

from cache_studio.gui.look.text import tr
from cache_studio.gui.widgets.place_marks import TONES
from cache_studio.gui.widgets.roles import CacheRow, CacheState
from cache_studio.model.columns import Floats
from cache_studio.services.attachment import Attachment, Place
from cache_studio.services.monitor import Monitor
from cache_studio.services.standing import Phase
from cache_studio.services.whereabouts import NOT_CHECKED, is_unchecked

SPARK_SECONDS = 900.0
SPARK_POINTS = 30
_STATES = {
    Phase.LIVE: CacheState.LIVE,
    Phase.PAUSED: CacheState.PAUSED,
    Phase.UNREACHABLE: CacheState.UNREACHABLE,
    Phase.CLOSED: CacheState.PAUSED,
}


def cache_row(attachment: Attachment, spark: tuple[float, ...]) -> CacheRow:
    """An attachment as a tile."""
    place, standing = attachment.place, attachment.standing
    return CacheRow(
        name=place.name,
        format=place.format.name,
        state=_STATES.get(standing.phase, CacheState.READING),
        read_only=not place.writable,
        entries=None if standing.view is None else len(standing.view),
        volume=standing.volume.volume,
        hit_rate=standing.counters.hit_rate,
        spark=spark,
        marks=_marks(place),
    )


def _marks(place: Place) -> tuple[tuple[str, str], ...]:
    environment, tone = place.environment, TONES.get(place.environment, "")
    marks = ((tr(environment.value), tone),) if tone else ()
    return (*marks, (tr(NOT_CHECKED), "last")) if is_unchecked(place.target) else marks


def sparks(monitor: Monitor, attachments: Sequence[Attachment]) -> dict[str, tuple[float, ...]]:
    """The hit rate of the last minutes by target, NaN for gaps. Reads the history: not for the window's thread."""
    now = time.time()
    since = now - SPARK_SECONDS
    found = {str(one.place.target): monitor.series(one.place, since, now, SPARK_POINTS) for one in attachments}
    return {target: in_slots(series.times, series.hit_rate, since) for target, series in found.items()}


def in_slots(times: Floats, rates: Floats, since: float) -> tuple[float, ...]:
    """Rates at their places in time: SPARK_POINTS of them from `since` on, the newest of each, NaN without any."""
    slots = np.full(SPARK_POINTS, np.nan)
    places = ((times - since) / SPARK_SECONDS * SPARK_POINTS).astype(np.intp)
    known = ~np.isnan(rates) & (places >= 0)
    slots[np.minimum(places[known], SPARK_POINTS - 1)] = rates[known]
    return tuple(slots.tolist())
