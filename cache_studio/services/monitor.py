"""Follows attached caches for the window: watches their files, samples their figures, keeps their history."""

import logging
import time
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock

import numpy as np

from cache_studio.adapters.base import Announcements
from cache_studio.config import paths
from cache_studio.config.settings import Settings
from cache_studio.live.history import History
from cache_studio.live.sampling import Sample
from cache_studio.live.throttle import Changed
from cache_studio.live.watch import Watch, Watcher
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Floats
from cache_studio.model.statistics import total
from cache_studio.services.attachment import Attachment, Place
from cache_studio.services.listening import Listening
from cache_studio.services.standing import News, Phase

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Series:
    """The history of one cache between two moments; NaN is a gap, never 0. All arrays have the length of `times`."""

    times: Floats
    """Epoch seconds."""
    hit_rate: Floats
    """From 0 to 1, of the lookups since the point before."""
    hits: Floats
    misses: Floats
    entries: Floats
    fresh: Floats
    """Entries that are not stale."""
    stale: Floats
    size: Floats
    volume: Floats
    reclaimable: Floats
    stored: Floats
    removed: Floats


@dataclass
class _Followed:
    """What is remembered of one attachment: who tells of changes, and the churn that is in the history already."""

    watch: Watch | None = None
    listening: Listening | None = None
    asked: bool = False
    """Whether the cache is being asked to announce its changes."""
    watched: tuple[tuple[str, bool], ...] = ()
    stored: int = 0
    removed: int = 0


class Monitor:
    """One for all attachments. `hear` is called on their threads."""

    def __init__(self, settings: Settings) -> None:
        """Open the history; raises CacheStudioError when the user's data folder cannot be written."""
        self._history = History(paths.history_file(), time.time(), settings.history_days)
        self._watcher = Watcher()
        self._followed: dict[int, _Followed] = {}
        self._lock = Lock()
        self._closed = False

    @property
    def notice(self) -> str:
        """One sentence when the history was broken and set aside, else ""."""
        return self._history.notice

    def hear(self, attachment: Attachment, news: News) -> None:
        """Take in what an attachment tells."""
        if attachment.standing.phase is Phase.CLOSED:
            self.leave(attachment)
            return
        followed = self._follow(attachment)
        if followed is None:
            return
        if news is News.PHASE:
            self._watch(attachment, followed)
        elif news is News.SAMPLE:
            self._record(attachment, followed)
        if news is not News.VIEW:
            self._listen(attachment, followed)

    def leave(self, attachment: Attachment) -> None:
        """Stop to follow it."""
        with self._lock:
            followed = self._followed.pop(id(attachment), None)
        if followed is not None:
            _stop(followed)

    def series(self, place: Place, since: float, until: float, points: int) -> Series:
        """The history of a cache, about `points` of it. Blocks; not for the window's thread."""
        found = self._history.series(_name(place), since, until, points)
        columns = {name: np.array(values, dtype=np.float64) for name, values in found.columns.items()}
        return Series(
            times=np.array(found.at, dtype=np.float64),
            hit_rate=np.array(found.hit_rate, dtype=np.float64),
            fresh=columns["entries"] - columns["stale"],
            **{
                name: columns[name]
                for name in ("hits", "misses", "entries", "stale", "size", "volume", "reclaimable", "stored", "removed")
            },
        )

    def begins(self, place: Place) -> float | None:
        """When the history of a cache begins, epoch seconds; None without one. Blocks."""
        return self._history.first(_name(place))

    def tidy(self) -> None:
        """Forget caches that were not attached for as long as the history is kept."""
        self._history.forget_unused(time.time())

    def close(self) -> None:
        """Stop all watching and close the history."""
        with self._lock:
            self._closed = True
            left = list(self._followed.values())
            self._followed.clear()
        for followed in left:
            _stop(followed)
        self._watcher.close()
        self._history.close()

    def _follow(self, attachment: Attachment) -> _Followed | None:
        with self._lock:
            if self._closed:
                return None
            return self._followed.setdefault(id(attachment), _Followed())

    def _watch(self, attachment: Attachment, followed: _Followed) -> None:
        wanted = attachment.standing.watched
        if wanted == followed.watched:
            return
        if followed.watch is not None:
            followed.watch.stop()
            followed.watch = None

        def changed(what: Changed) -> None:
            attachment.note_changes(None if what.everything else what.names)

        followed.watched = wanted
        if wanted:
            followed.watch = self._watcher.watch(wanted, changed)

    def _listen(self, attachment: Attachment, followed: _Followed) -> None:
        """Listen to a cache that announces its changes, as long as it is there; ask again where that broke off."""
        standing, listening = attachment.standing, followed.listening
        if listening is not None and (standing.phase is Phase.UNREACHABLE or not listening.active):
            listening.end()
            followed.listening = listening = None
        able = standing.capabilities.can(Ability.WATCH) and not standing.watched
        if listening is not None or followed.asked or not able or standing.phase is Phase.UNREACHABLE:
            return
        followed.asked = True
        # Served before the listing that follows: what changes after it is announced, so nothing is missed between.
        before_listing = standing.phase is Phase.READING
        told = attachment.call(lambda adapter: adapter.announcements())
        told.add_done_callback(lambda done: self._subscribed(attachment, followed, done, before_listing))

    def _subscribed(
        self,
        attachment: Attachment,
        followed: _Followed,
        done: Future[Announcements | None],
        before_listing: bool,
    ) -> None:
        followed.asked = False
        error = done.exception()
        if error is not None:  # it does not announce after all, or is gone: the cache is polled
            _log.info("Changes of “%s” are not told: %s", attachment.place.name, error)
            return
        announcements = done.result()
        if announcements is None:
            return
        with self._lock:
            if self._followed.get(id(attachment)) is followed:
                followed.listening = Listening(attachment, announcements)
                announcements = None
        if announcements is not None:
            announcements.close()
        elif not before_listing:
            attachment.note_changes(None)

    def _record(self, attachment: Attachment, followed: _Followed) -> None:
        standing = attachment.standing
        view, counters, volume = standing.view, standing.counters, standing.volume
        if view is None or not view.complete:
            return
        totals = total(view, standing.at)
        sample = Sample(
            at=standing.at,
            hits=counters.hits,
            misses=counters.misses,
            source=counters.source,
            scope=counters.scope,
            epoch=counters.epoch,
            entries=totals.entries,
            fresh=totals.fresh,
            stale=totals.stale,
            forever=totals.forever,
            unknown=totals.unknown,
            size=totals.size,
            stale_size=totals.stale_size,
            volume=totals.size if volume.volume is None else volume.volume,
            reclaimable=volume.reclaimable,
            stored=standing.stored - followed.stored,
            removed=standing.removed - followed.removed,
        )
        if self._history.record(_name(attachment.place), sample, attachment.place.sample_every):
            followed.stored, followed.removed = standing.stored, standing.removed


def _stop(followed: _Followed) -> None:
    if followed.watch is not None:
        followed.watch.stop()
    if followed.listening is not None:
        followed.listening.end()


def _name(place: Place) -> str:
    return str(place.target)
