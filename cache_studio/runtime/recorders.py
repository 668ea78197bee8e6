"""Where a running cache counts: the recorder beside it, or nowhere when it was switched off."""

import atexit
import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cache_studio.adapters.base import Format
from cache_studio.adapters.redis_options import SCHEMES, Place, place_of
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target
from cache_studio.recording.counts import COUNTERS, OTHERS, WIDTH, Fill, Row, Tally
from cache_studio.recording.places import recorder_path
from cache_studio.recording.writer import EXPIRED, FLUSH_SECONDS, MOST_PLACES, Event, RecorderWriter

if TYPE_CHECKING:
    from cache_studio.adapters.redis_recorder import RecorderHash

WHOLE = ""
"""The level under which the recorder counts lookups of the cache as a whole."""
DISK = "disk"
"""The stored level of a cache."""
RETRY_SECONDS = 5.0
"""How long the counts wait after a server was not there for them."""
IDLE_SECONDS = 3_600.0
"""How often the recorder in Redis is kept alive while nothing is counted; it lives for a day."""
_log = logging.getLogger(__name__)


class Recorder(Protocol):
    """Counts what a cache does; never raises and never makes it wait."""

    def looked_up(self, namespace: str, hit: bool, seconds: float, expired: bool) -> None:
        """One `get`; `expired` when it met a stale entry."""

    def stored(self, namespace: str) -> None:
        """One `put`."""

    def evicted(self, namespace: str) -> None:
        """One entry removed for room."""

    def filled(self, entries: int, size: int) -> None:
        """How many entries and bytes are stored now."""

    def flush(self) -> None:
        """Write the counts now."""

    def close(self) -> None:
        """Write the last counts. Safe to call twice."""


class Silent:
    """Counts nothing."""

    def looked_up(self, namespace: str, hit: bool, seconds: float, expired: bool) -> None:
        """Nothing."""

    def stored(self, namespace: str) -> None:
        """Nothing."""

    def evicted(self, namespace: str) -> None:
        """Nothing."""

    def filled(self, entries: int, size: int) -> None:
        """Nothing."""

    def flush(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class InFile:
    """Counts in the recorder file beside the cache."""

    def __init__(self, path: Path) -> None:
        """Create or join the recorder; CacheUnavailable when its folder cannot be written."""
        self._writer = RecorderWriter(path)

    def looked_up(self, namespace: str, hit: bool, seconds: float, expired: bool) -> None:
        """One `get`; `expired` when it met a stale entry."""
        self._writer.count(namespace, WHOLE, hit, seconds, EXPIRED if expired else "")

    def stored(self, namespace: str) -> None:
        """One `put`."""
        self._writer.happened(namespace, WHOLE, Event.PUT)

    def evicted(self, namespace: str) -> None:
        """One entry removed for room."""
        self._writer.happened(namespace, WHOLE, Event.EVICTION)

    def filled(self, entries: int, size: int) -> None:
        """How many entries and bytes are stored now, the same for every process."""
        self._writer.set_level(DISK, entries, size, shared=True)

    def flush(self) -> None:
        """Write the counts now."""
        self._writer.flush()

    def close(self) -> None:
        """Write the last counts. Safe to call twice."""
        self._writer.close()


class InRedis:
    """Counts in memory; a thread of its own brings the counts to the recorder on the server at leisure.

    A server that is slow or gone never makes a lookup wait and never raises: the counts wait for it.
    """

    def __init__(self, place: Place, prefix: str) -> None:
        """Prepare to count for the entries below `prefix`; nothing is connected before something is counted."""
        self._place = place
        self._prefix = prefix
        self._begin()
        _in_redis.add(self)

    def begin_in_child(self) -> None:
        """In a forked child: counts, connection and thread are the parent's."""
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._tally = Tally()
        self._hash: RecorderHash | None = None
        self._started_at = time.time()
        self._dirty = threading.Event()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def looked_up(self, namespace: str, hit: bool, seconds: float, expired: bool) -> None:
        """One `get`; `expired` when it met a stale entry."""
        with self._lock:
            row = self._row(namespace)
            row[_HITS if hit else _MISSES] += 1
            row[_SECONDS] += seconds
            row[_EXPIRATIONS] += expired
        self._counted()

    def stored(self, namespace: str) -> None:
        """One `put`."""
        with self._lock:
            self._row(namespace)[_PUTS] += 1
        self._counted()

    def evicted(self, namespace: str) -> None:
        """One entry removed for room."""
        with self._lock:
            self._row(namespace)[_EVICTIONS] += 1
        self._counted()

    def filled(self, entries: int, size: int) -> None:
        """How many entries and bytes are stored now, the same for every process."""
        with self._lock:
            self._tally.fills[DISK] = Fill(entries, size, shared=True, at=time.time())
        self._counted()

    def flush(self) -> None:
        """Write the counts now; waits a second for a server that hangs, then they wait for the next time."""
        if self._dirty.is_set():
            self._write()

    def close(self) -> None:
        """Write the last counts and leave the recorder. Safe to call twice."""
        _in_redis.discard(self)
        self._end.set()
        self._dirty.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            wrote = self._write()
            with self._writing:
                if self._hash is not None:
                    _leave(self._hash, wrote)
                    self._hash = None

    def _row(self, namespace: str) -> Row:
        rows = self._tally.rows
        if len(rows) >= MOST_PLACES and (namespace, WHOLE) not in rows:
            namespace = OTHERS
        return rows.setdefault((namespace, WHOLE), [0.0] * WIDTH)

    def _counted(self) -> None:
        if self._dirty.is_set():
            return
        self._dirty.set()
        with self._lock:
            if self._thread is None and not self._end.is_set():
                self._thread = threading.Thread(target=self._write_at_times, name="cache-studio recorder", daemon=True)
                self._thread.start()

    def _write_at_times(self) -> None:
        rest = FLUSH_SECONDS
        while True:
            self._dirty.wait(IDLE_SECONDS)
            if self._end.wait(rest):
                return
            rest = FLUSH_SECONDS if self._write() else RETRY_SECONDS

    def _write(self) -> bool:
        """Whether the counts are on the server now."""
        from cache_studio.adapters.redis_recorder import RecorderHash  # the driver: not before it is needed

        with self._writing:
            self._dirty.clear()
            with self._lock:
                tally = self._tally.copy()
            try:
                if self._hash is None:
                    self._hash = RecorderHash(self._place, self._prefix, self._started_at)
                self._hash.write(tally, time.time())
            except CacheStudioError as error:
                _log.info("Counts are not recorded now: %s", error.message)
                self._dirty.set()
                return False
            return True


_HITS, _MISSES, _EVICTIONS, _EXPIRATIONS, _PUTS = range(len(COUNTERS))
_SECONDS = WIDTH - 1


def _leave(hash: "RecorderHash", reachable: bool) -> None:
    try:
        if reachable:
            hash.leave()
    except CacheStudioError as error:
        _log.info("The recorder was not left: %s", error.message)
    hash.close()


def open_recorder(target: Target, format: Format) -> Recorder:
    """The recorder of a target. Where none can be written the cache works all the same, and the log says why."""
    if target.is_url:
        if target.location.partition("://")[0] not in SCHEMES:
            return Silent()
        options = read_options(format.options, target.options)
        return InRedis(place_of(target, options), str(options.get("prefix") or ""))
    try:
        return InFile(recorder_path(format.home(target.location)))
    except CacheStudioError as error:
        _log.warning("%s %s", error.message, error.hint)
        return Silent()


_in_redis: set[InRedis] = set()
"""Those that are not closed: what they counted last is written when the process ends."""


def _close_all() -> None:
    for recorder in list(_in_redis):
        recorder.close()


def _begin_again() -> None:
    for recorder in list(_in_redis):
        recorder.begin_in_child()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
