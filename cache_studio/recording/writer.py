"""Writes what a meter counted into the recorder, at leisure."""

import atexit
import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cache_studio.model.errors import CacheUnavailable
from cache_studio.recording.counts import Tally
from cache_studio.recording.meter import Meter
from cache_studio.recording.processes import is_alive, own_mark
from cache_studio.recording.slots import (
    NOBODY,
    Content,
    content_of,
    fold,
    locked_file,
    owner_of,
    read_owner,
    slot_count,
    write_content,
    write_owner,
)

FLUSH_SECONDS = 0.5
"""How old a count may be before it is in the file; so much a kill can lose."""


@dataclass(frozen=True, slots=True)
class _Claimed:
    file: BinaryIO
    slot: int
    owner: bytes


class RecorderWriter:
    """Writes the counters of this process for one cache; a forked child writes for itself.

    Failing disks never disturb the application: what cannot be written waits for the next time.
    """

    def __init__(self, path: Path, meter: Meter, clock: Callable[[], float] = time.time) -> None:
        """Create or join the recorder; raises CacheUnavailable when its folder cannot be written."""
        self._path = path
        self._meter = meter
        self._clock = clock
        self._claimed: _Claimed | None = None
        self._begin()
        try:
            self._claimed = self._claim()
        except OSError as error:
            raise CacheUnavailable(
                f"The recorder {path} cannot be written: {error.strerror}.", "Hits and misses are not recorded."
            ) from error
        _writers.add(self)
        meter.wake = self._counted
        if meter.pending:
            self._counted()

    def begin_in_child(self) -> None:
        """In a forked child: the parent's counts, slot and flusher are the parent's."""
        if self._claimed is not None:
            self._claimed.file.close()
        self._begin()

    def _begin(self) -> None:
        """Nothing is written, nobody flushes."""
        self._lock = threading.Lock()
        self._elsewhere = Tally()
        self._written = Tally()
        self._claimed = None
        self._sequence = 1
        self._started_at = self._clock()
        self._closed = False
        self._wake = threading.Event()
        self._end = threading.Event()
        self._flusher: threading.Thread | None = None

    def flush(self) -> None:
        """Write the counts now; after `close` nothing. Never raises: what cannot be written waits."""
        with self._lock, suppress(OSError):
            if not self._closed:  # else the flusher would forget that it was woken to end
                self._flush()

    def close(self) -> None:
        """Write the last counts and leave the recorder. Safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            with suppress(OSError):
                self._flush()
                self._leave()
            if self._claimed is not None:
                self._claimed.file.close()
                self._claimed = None
            flusher = self._flusher
            self._end.set()
            self._wake.set()
        _writers.discard(self)
        if flusher is not None:
            flusher.join()

    def __enter__(self) -> "RecorderWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _counted(self) -> None:
        """The first count since a flush: somebody will have to write it."""
        if self._flusher is None:
            with self._lock:
                if self._flusher is None and not self._closed:
                    self._flusher = threading.Thread(target=self._flush_at_times, daemon=True)
                    self._flusher.name = "cache-studio recorder"
                    self._flusher.start()
        self._wake.set()

    def _flush(self) -> None:
        self._wake.clear()
        if not self._meter.pending:
            return
        try:
            self._write(self._meter.settled())
        except OSError:
            self._meter.pending = True
            self._wake.set()  # the flusher tries again
            raise

    def _write(self, counted: Tally) -> None:
        claimed = self._claimed
        if claimed is None or not self._is_ours(claimed):
            if claimed is not None:
                claimed.file.close()
                self._claimed = None
            self._elsewhere.add(Tally(self._written.rows))  # it was folded, or went with the file
            self._written = Tally()
            claimed = self._claimed = self._claim()
        left = counted.without(self._elsewhere)
        self._sequence += 1
        content = Content(left, own_mark(), self._started_at, self._clock(), NOBODY, self._sequence)
        write_content(claimed.file, claimed.slot, content)
        self._written = left

    def _flush_at_times(self) -> None:
        """The flusher: sleeps while nothing is counted."""
        while True:
            self._wake.wait()
            if self._end.wait(FLUSH_SECONDS):
                return
            self.flush()

    def _is_ours(self, claimed: _Claimed) -> bool:
        """Whether the slot is still this writer's and the file still the recorder."""
        if read_owner(claimed.file, claimed.slot) != claimed.owner:
            return False
        try:
            return os.path.samestat(os.fstat(claimed.file.fileno()), self._path.stat())
        except FileNotFoundError:
            return False

    def _claim(self) -> _Claimed:
        """Fold what ended processes left, then take a free slot."""
        now = self._clock()
        with locked_file(self._path, now) as file:
            data = _all(file)
            free = slot_count(len(data)) or 1
            for slot in range(slot_count(len(data)) - 1, 0, -1):
                if owner_of(data, slot) != NOBODY:
                    content = content_of(data, slot)
                    if content is not None and is_alive(content.mark, content.wrote_at, now):
                        continue
                    fold(file, data, slot, now)
                    data = _all(file)
                free = slot
            owner = secrets.token_bytes(16)
            self._sequence = 1
            write_content(file, free, Content(Tally(), own_mark(), self._started_at, now, NOBODY, 1))
            write_owner(file, free, owner)
            return _Claimed(file, free, owner)

    def _leave(self) -> None:
        """Fold the own slot, so that the file does not wait for the next writer."""
        claimed = self._claimed
        if claimed is None or not self._is_ours(claimed):
            return
        with locked_file(self._path, self._clock()) as file:
            fold(file, _all(file), claimed.slot, self._clock())
            file.close()


def _all(file: BinaryIO) -> bytes:
    file.seek(0)
    parts = []
    while part := file.read(1 << 20):
        parts.append(part)
    return b"".join(parts)


_writers: set[RecorderWriter] = set()
"""Writers that are not closed: what they counted last is written when the process ends."""


def _close_all() -> None:
    for writer in list(_writers):
        writer.close()


def _begin_again() -> None:
    for writer in list(_writers):
        writer.begin_in_child()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
