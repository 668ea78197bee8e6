"""The access log a running cache can keep: a bounded ring on disk of what was asked, put and deleted.

Two segments, `<name>.accesses` and before it `<name>.accesses.1`; when the first is full it takes the place
of the second. A segment is a row of frames, each one batch of one process with a checksum, so that what a kill
or a full disk cut short is passed over.
"""

import atexit
import logging
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import msgpack

from cache_studio.model.errors import BadRequest
from cache_studio.recording.locking import held, set_aside

DEFAULT_BYTES = 16_000_000
"""What both segments may take together: about 200,000 accesses with keys of 64 characters."""
LEAST_BYTES = 4_096
FLUSH_SECONDS = 0.5
"""How old a row may be before it is in the file; so much a kill can lose."""
BATCH = 1_000
"""Rows that are written at once, and at the latest."""
MOST_WAITING = 50_000
"""Rows that wait for a disk that hangs; what comes on top is not logged."""
MAGIC = b"CSA1"
_HEAD = struct.Struct("<4sII")
_log = logging.getLogger(__name__)


class Op(StrEnum):
    """What was done."""

    GET = "get"
    PUT = "put"
    DELETE = "delete"


class Result(StrEnum):
    """What a lookup found; NONE for what is no lookup."""

    HIT = "hit"
    MISS = "miss"
    EXPIRED = "expired"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Access:
    """One row of the log. None is not known."""

    at: float
    """Epoch seconds."""
    op: Op
    result: Result
    namespace: str
    key: str
    """As it was, or 16 hex digits where keys are hashed."""
    size: int | None = None
    """Bytes of the value."""
    ttl: float | None = None
    """Seconds that it was put for; +inf is for ever."""
    seconds: float | None = None
    """How long it took."""


_Row: TypeAlias = tuple[float, Op, Result, str, str, int | None, float | None, float | None]
_OPS, _RESULTS = tuple(Op), tuple(Result)
_OP_NUMBERS = {op: number for number, op in enumerate(_OPS)}
_RESULT_NUMBERS = {result: number for number, result in enumerate(_RESULTS)}


class AccessLog:
    """Writes the accesses of this process, at leisure; for any number of threads. A forked child writes its own.

    It never raises into the application and never makes it wait: what cannot be written is not logged.
    """

    def __init__(self, path: Path, *, max_bytes: int = DEFAULT_BYTES, hashed: bool = False) -> None:
        """`hashed`: 64 bits of a hash in place of each key. It tells keys apart; whoever can guess one can check it."""
        if max_bytes < LEAST_BYTES:
            raise BadRequest(f"An access log needs {LEAST_BYTES} bytes at least.", "Give it some megabytes.")
        self._path = path
        self._segment_bytes = max_bytes // 2
        self._hashed = hashed
        self._begin()
        _logs.add(self)

    def _begin(self) -> None:
        self._rows: list[_Row] = []
        self._pending = self._closed = self._warned = False
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._wake, self._hurry = threading.Event(), threading.Event()
        self._flusher: threading.Thread | None = None

    def begin_in_child(self) -> None:
        """In a forked child: rows and flusher are the parent's."""
        self._begin()

    def note(
        self,
        at: float,
        op: Op,
        result: Result,
        namespace: str,
        key: str,
        size: int | None = None,
        ttl: float | None = None,
        seconds: float | None = None,
    ) -> None:
        """Log one access (the fields are those of Access)."""
        rows = self._rows
        if len(rows) < MOST_WAITING:
            rows.append((at, op, result, namespace, key, size, ttl, seconds))
        if not self._pending:
            self._noted()
        elif len(rows) >= BATCH:
            self._hurry.set()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            self._wake.clear()
            self._hurry.clear()
            self._pending = False  # from here on a row wakes the flusher again
            count = len(self._rows)
            rows = self._rows[:count]
            del self._rows[:count]  # what was appended meanwhile stays
            try:
                for start in range(0, count, BATCH):
                    for frame in _frames(rows[start : start + BATCH], self._hashed, self._segment_bytes):
                        self._append(frame)
            except OSError as error:
                _log.log(logging.DEBUG if self._warned else logging.WARNING, "Accesses are not logged: %s", error)
                self._warned = True

    def close(self) -> None:
        """Write what waits, then end. Safe to call twice; what is noted afterwards is not logged."""
        with self._starting:
            self._closed = True
            flusher = self._flusher
        self._wake.set()
        self._hurry.set()
        if flusher is not None:
            flusher.join()
        if self in _logs:
            _logs.discard(self)
            self.flush()

    def __enter__(self) -> "AccessLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _noted(self) -> None:
        """The first row since a flush: somebody will have to write it."""
        self._pending = True
        if self._flusher is None:
            with self._starting:
                if self._flusher is None and not self._closed:
                    self._flusher = threading.Thread(target=self._flush_at_times, daemon=True)
                    self._flusher.name = "cache-studio access log"
                    self._flusher.start()
        self._wake.set()

    def _flush_at_times(self) -> None:
        """The flusher: sleeps while nothing is noted."""
        while not self._closed:
            self._wake.wait()
            self._hurry.wait(FLUSH_SECONDS)
            self.flush()

    def _append(self, frame: bytes) -> None:
        while True:
            with held(self._path, 0o644) as file:
                if file.read(len(MAGIC)) not in (b"", MAGIC):
                    set_aside(self._path)
                    continue
                end = file.seek(0, os.SEEK_END)
                if end and end + len(frame) > self._segment_bytes:
                    os.replace(self._path, older_segment(self._path))
                    continue
                _write_whole(file, end, frame)
                return


def older_segment(path: Path) -> Path:
    """Where the older half of the log at `path` lies."""
    return path.with_name(path.name + ".1")


def read_accesses(path: Path) -> Iterator[Access]:
    """What the log at `path` holds, oldest first; nothing where there is none. Never makes a writer wait."""
    parts = []
    with ExitStack() as stack:
        seen: list[os.stat_result] = []
        for segment in (path, older_segment(path)):  # in this order a segment that moves meanwhile is not missed
            try:
                file = stack.enter_context(open(segment, "rb"))
                status = os.fstat(file.fileno())
                if not any(os.path.samestat(status, other) for other in seen):
                    seen.append(status)
                    parts.append(file.read())
            except OSError:
                continue
    accesses = [access for data in reversed(parts) for rows in _batches(data) for access in rows]
    accesses.sort(key=lambda access: access.at)  # batches of several processes lie in each other's time
    yield from accesses


def key_hash(key: str) -> int:
    """The 64 bits that stand for a key in a log with hashed keys."""
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8).digest())


def _frames(rows: Sequence[_Row], hashed: bool, most: int) -> Iterator[bytes]:
    """Rows as frames of at most `most` bytes; a row that is too long by itself is left out."""
    if not rows:
        return
    spaces = {space: number for number, space in enumerate(dict.fromkeys(row[3] for row in rows))}
    packed = [
        (at, _OP_NUMBERS[op], _RESULT_NUMBERS[result], spaces[space], key_hash(key) if hashed else key, *figures)
        for at, op, result, space, key, *figures in rows
    ]
    body = msgpack.packb((list(spaces), packed), unicode_errors="surrogateescape")
    if _HEAD.size + len(body) <= most:
        yield _HEAD.pack(MAGIC, len(body), zlib.crc32(body)) + body
    elif len(rows) > 1:
        half = len(rows) // 2
        yield from _frames(rows[:half], hashed, most)
        yield from _frames(rows[half:], hashed, most)


def _write_whole(file: BinaryIO, end: int, frame: bytes) -> None:
    try:
        if file.write(frame) == len(frame):
            return
    except OSError:
        file.truncate(end)
        raise
    file.truncate(end)
    raise OSError("the disk took a part only")


def _batches(data: bytes) -> Iterator[list[Access]]:
    """The whole frames of a segment; what is damaged is passed over."""
    start = data.find(MAGIC)
    while start >= 0:
        head = data[start : start + _HEAD.size]
        end = start + 1
        if len(head) == _HEAD.size:
            _, length, checksum = _HEAD.unpack(head)
            body = data[start + _HEAD.size : start + _HEAD.size + length]
            if len(body) == length and zlib.crc32(body) == checksum:
                end = start + _HEAD.size + length
                yield _accesses(body)
        start = data.find(MAGIC, end)


def _accesses(body: bytes) -> list[Access]:
    try:
        spaces, rows = msgpack.unpackb(body, unicode_errors="surrogateescape")
        return [_access(spaces, row) for row in rows]
    except (ValueError, TypeError, LookupError):
        return []  # whole, but of another make


def _access(spaces: Sequence[str], row: Sequence[Any]) -> Access:
    at, op, result, space, key, size, ttl, seconds = row
    shown = f"{key:016x}" if isinstance(key, int) else str(key)
    return Access(float(at), _OPS[op], _RESULTS[result], str(spaces[space]), shown, size, ttl, seconds)


_logs: set[AccessLog] = set()
"""Those that are not closed: what waits is written when the process ends."""


def _close_all() -> None:
    for log in list(_logs):
        log.close()


def _begin_again() -> None:
    for log in list(_logs):
        log.begin_in_child()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
