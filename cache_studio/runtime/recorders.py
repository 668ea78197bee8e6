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
from cache_studio.recording.meter import Meter
from cache_studio.recording.places import memory_recorder_path, recorder_path
from cache_studio.recording.writer import FLUSH_SECONDS, RecorderWriter

if TYPE_CHECKING:
    from cache_studio.adapters.redis_recorder import RecorderHash

RETRY_SECONDS = 5.0
"""How long the counts wait after a server was not there for them."""
IDLE_SECONDS = 3_600.0
"""How often the recorder in Redis is kept alive while nothing is counted; it lives for a day."""
_log = logging.getLogger(__name__)


class Recorder(Protocol):
    """Writes what a meter counts; never raises and never makes the cache wait."""

    def flush(self) -> None:
        """Write the counts now."""

    def close(self) -> None:
        """Write the last counts. Safe to call twice."""


class Silent:
    """Writes nothing."""

    def flush(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class InRedis:
    """Brings the counts to the recorder on the server at leisure, by a thread of its own.

    A server that is slow or gone never makes a lookup wait and never raises: the counts wait for it.
    """

    def __init__(self, place: Place, prefix: str, meter: Meter) -> None:
        """Prepare to write for the entries below `prefix`; nothing is connected before something is counted."""
        self._place = place
        self._prefix = prefix
        self._meter = meter
        self._begin()
        _in_redis.add(self)
        meter.wake = self._counted
        if meter.pending:
            self._counted()

    def begin_in_child(self) -> None:
        """In a forked child: counts, connection and thread are the parent's."""
        self._begin()

    def _begin(self) -> None:
        self._starting = threading.Lock()
        self._writing = threading.Lock()
        self._hash: RecorderHash | None = None
        self._started_at = time.time()
        self._dirty = threading.Event()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

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

    def _counted(self) -> None:
        self._dirty.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None and not self._end.is_set():
                    self._thread = threading.Thread(target=self._write_at_times, daemon=True)
                    self._thread.name = "cache-studio recorder"
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
            if self._end.is_set():
                self._dirty.set()  # it wakes the thread that is to end
            tally = self._meter.settled()
            try:
                if self._hash is None:
                    self._hash = RecorderHash(self._place, self._prefix, self._started_at)
                self._hash.write(tally, time.time())
            except CacheStudioError as error:
                _log.info("Counts are not recorded now: %s", error.message)
                self._dirty.set()
                return False
            return True


def _leave(hash: "RecorderHash", reachable: bool) -> None:
    try:
        if reachable:
            hash.leave()
    except CacheStudioError as error:
        _log.info("The recorder was not left: %s", error.message)
    hash.close()


def open_recorder(target: Target, format: Format, meter: Meter) -> Recorder:
    """The recorder of a target. Where none can be written the cache works all the same, and the log says why."""
    if target.is_url:
        if target.location.partition("://")[0] not in SCHEMES:
            return Silent()
        options = read_options(format.options, target.options)
        return InRedis(place_of(target, options), str(options.get("prefix") or ""), meter)
    return _in_file(recorder_path(format.home(target.location)), meter)


def open_memory_recorder(name: str, meter: Meter) -> Recorder:
    """The recorder of a cache that lives in memory, in the user's data folder."""
    from cache_studio.config.paths import data_folder  # platformdirs: only caches in memory need it

    path = memory_recorder_path(name, data_folder())
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        _log.warning("Hits and misses are not recorded: %s", error)
        return Silent()
    return _in_file(path, meter)


def _in_file(path: Path, meter: Meter) -> Recorder:
    try:
        return RecorderWriter(path, meter)
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
