"""Follows attached caches for the window: watches their files, samples their figures, keeps their history."""

from dataclasses import dataclass

import numpy as np

from cache_studio.config.settings import Settings
from cache_studio.model.columns import Floats
from cache_studio.services.attachment import Attachment, Place
from cache_studio.services.standing import News


@dataclass(frozen=True, slots=True)
class Series:
    """The history of one cache between two moments; NaN is a gap, never 0. All arrays have the length of `times`."""

    times: Floats
    """Epoch seconds."""
    hit_rate: Floats
    hits: Floats
    misses: Floats
    entries: Floats
    fresh: Floats
    stale: Floats
    size: Floats
    volume: Floats
    reclaimable: Floats
    stored: Floats
    removed: Floats
    source: str = ""
    """Where the hit rate comes from; "" for not recorded."""


class Monitor:
    """One for all attachments. `hear` is called on their threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def hear(self, attachment: Attachment, news: News) -> None:
        """Take in what an attachment tells."""

    def leave(self, attachment: Attachment) -> None:
        """Stop to follow it."""

    def series(self, place: Place, since: float, until: float, points: int) -> Series:
        """The history of a cache, at most about `points` of it. Blocks; not for the window's thread."""
        empty = np.zeros(0)
        return Series(*[empty] * 12)

    def tidy(self, days: float) -> None:
        """Forget what is older."""

    def close(self) -> None:
        """Stop all watching and close the history."""
