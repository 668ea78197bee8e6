"""One attached SQLite database: bounded reading, short writing transactions, space, and leaving no trace."""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from cache_studio.adapters.sqlite_errors import (
    READONLY_CANTINIT,
    READONLY_DIRECTORY,
    READONLY_ROLLBACK,
    is_undecodable,
    primary_code,
    replaced,
    require_database_file,
    speaking_plainly,
    translated,
    unreadable_log,
)
from cache_studio.adapters.sqlite_identity import connected_to, is_at
from cache_studio.adapters.sqlite_open import (
    Cell,
    Table,
    connect,
    connect_with,
    guard_reading,
    readable_text,
    sidecars,
    tables_of,
)
from cache_studio.adapters.sqlite_turns import Turns
from cache_studio.adapters.sqlite_unfinished import noted, was_left_by_us
from cache_studio.model.errors import CacheUnavailable, Cancelled, LimitExceeded

QUERY_SECONDS = 5.0
"""How long one query may take before it is ended."""
PAGES_A_STEP = 2_000
"""Pages that an incremental vacuum gives back at once."""
INCREMENTAL = 2
"""`PRAGMA auto_vacuum` of a database whose free pages can be given back in steps."""
HEAD_ROOM = 2.0
"""Free space that VACUUM needs, in sizes of the database."""


@dataclass(frozen=True, slots=True)
class Space:
    """The pages of a database. Bytes are `page_size` times pages."""

    page_size: int
    pages: int
    free_pages: int
    auto_vacuum: int
    """0 none, 1 full, 2 incremental."""

    @property
    def free_bytes(self) -> int:
        """What a compaction gives back at least."""
        return self.free_pages * self.page_size


class Database:
    """A database that is looked at: `rows` reads, `writing` changes it in one short transaction.

    For one thread; `interrupt` alone may come from another. No read transaction stays open between two
    calls. Errors of SQLite leave as `model.errors`.
    """

    def __init__(self, path: str) -> None:
        self.given = path
        self.syncs_late = False
        """Whether a write-ahead log is synced after its lock was let go: for who waits a few milliseconds for it."""
        self.path = os.path.realpath(path)
        self.file = require_database_file(self.path)
        """The file that is open, as it was found: device and number tell it from another one at its path."""
        self._end = 0.0
        self._stopped = threading.Event()
        self._busy: sqlite3.Connection | None = None
        self._shared: sqlite3.Connection | None = None
        self._wrote = self._is_uncertain = self._closed = False
        self._frozen: tuple[int, int] | None = None
        self._turns = Turns()
        _Visits.come(self.path)
        try:
            self._reader = self._connected()
        except BaseException:
            _Visits.go(self.path, False)
            raise

    def _connected(self) -> sqlite3.Connection:
        self._frozen = None
        try:
            return self._tried("mode=ro")
        except sqlite3.Error as error:
            if error.sqlite_errorcode == READONLY_ROLLBACK and was_left_by_us(self.path):
                self._roll_back()
                return self._tried("mode=ro")
            no_rights = error.sqlite_errorcode in (READONLY_DIRECTORY, READONLY_CANTINIT, sqlite3.SQLITE_CANTOPEN)
            if no_rights and _is_at_rest(self.path):
                # A resting database in WAL mode in a folder that we may not write: nobody has it open, so it
                # may be taken as it is, as long as it stays like that (`_require_frozen`).
                self._frozen = _moment(self.path)
                with speaking_plainly():
                    return self._tried("mode=ro&immutable=1")
            if no_rights and os.path.exists(sidecars(self.path)[0]):
                raise unreadable_log() from error
            raise translated(error) from error

    def _roll_back(self) -> None:
        """Let SQLite undo what a killed process of ours was writing."""
        with speaking_plainly(), closing(self._new_writer()) as writer:
            writer.execute("SELECT count(*) FROM sqlite_master").fetchall()

    def _new_writer(self) -> sqlite3.Connection:
        return connected_to(self.path, self.file, partial(connect, self.path, "rw"))

    def _tried(self, parameters: str) -> sqlite3.Connection:
        reader = connected_to(self.path, self.file, lambda: connect_with(self.path, parameters))
        try:
            self._end = time.monotonic() + QUERY_SECONDS
            guard_reading(reader, self._must_stop)
            reader.execute("SELECT count(*) FROM sqlite_master").fetchall()
        except BaseException:
            reader.close()
            raise
        return reader

    def _has_thawed(self) -> bool:
        return self._frozen is not None and (not _is_at_rest(self.path) or _moment(self.path) != self._frozen)

    def _require_frozen(self) -> None:
        if self._has_thawed():
            raise CacheUnavailable("The application writes to the database again.", "Attach it anew to see its state.")

    def _must_stop(self) -> bool:
        return self._stopped.is_set() or time.monotonic() > self._end

    def rows(self, sql: str, values: Sequence[Cell] = (), seconds: float = QUERY_SECONDS) -> list[tuple[Cell, ...]]:
        """All rows of a query, the cursor finished. WrongFormat means damage, Cancelled an interrupt."""
        with self._bounded(seconds):
            try:
                return self._reader.execute(sql, values).fetchall()
            except sqlite3.OperationalError as error:
                if not is_undecodable(error):
                    raise
            # Decoding by a function of ours costs a call a text, so only where the fast way fails.
            self._reader.text_factory = readable_text
            try:
                return self._reader.execute(sql, values).fetchall()
            finally:
                self._reader.text_factory = str

    def value(self, sql: str, values: Sequence[Cell] = ()) -> Cell:
        """The first column of the first row, None without rows."""
        rows = self.rows(sql, values)
        return rows[0][0] if rows else None

    def head(self, table: str, column: str, rowid: int, length: int | None) -> tuple[bytes, int]:
        """The first bytes of a stored text or blob and its whole length, without loading the rest."""
        with (
            self._bounded(QUERY_SECONDS),
            self._reader.blobopen(table, column, rowid, readonly=True) as blob,
        ):
            total = len(blob)
            return blob.read(total if length is None else min(length, total)), total

    def tables(self) -> Mapping[str, Table]:
        """The plain tables by name."""
        with self._bounded(QUERY_SECONDS):
            return tables_of(self._reader)

    @contextmanager
    def _bounded(self, seconds: float) -> Iterator[None]:
        self._require_frozen()
        self._stopped.clear()
        self._end = time.monotonic() + seconds
        self._busy = self._reader
        try:
            yield
        except sqlite3.Error as error:
            if primary_code(error) != sqlite3.SQLITE_INTERRUPT:
                raise translated(error) from error
            if self._stopped.is_set():
                raise Cancelled() from error
            raise LimitExceeded(f"The database did not answer within {seconds:.0f} s.", "Try again.") from error
        finally:
            self._busy = None

    def interrupt(self) -> None:
        """End the query or the compaction in progress; harmless without one."""
        self._stopped.set()
        busy = self._busy
        if busy is not None:
            with suppress(sqlite3.ProgrammingError):  # it was closed in this moment
                busy.interrupt()

    @property
    def was_replaced(self) -> bool:
        """Whether another file stands at the path now, or none, or one that was taken at rest is written again."""
        try:
            return not self._leads_here() or not is_at(self.path, self.file) or self._has_thawed()
        except OSError:
            return True

    def _leads_here(self) -> bool:
        try:
            return os.path.realpath(self.given) == self.path
        except OSError:  # a link that was there a moment ago
            return False

    def require_same_file(self) -> None:
        """Raise CacheUnavailable when the file was replaced or deleted since it was opened."""
        if self.was_replaced:
            raise replaced()

    def renew(self) -> None:
        """Open the file that stands at the path now, if it is another one.

        CacheUnavailable where a link was put there since it was attached: it would lead out of the cache.
        """
        if self.was_replaced:
            file = require_database_file(self.path)
            if not is_at(self.path, file) or not self._leads_here():
                raise replaced()
            self.file = file
            self._reader.close()
            _Visits.go(self.path, self._wrote)
            self._wrote = False
            _Visits.come(self.path)
            self._reader = self._connected()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One short transaction on a connection of its own, begun IMMEDIATE: nobody else writes meanwhile.

        Committed at the end, rolled back on any error; others have their turn first. Text: through surrogateescape.
        """
        with self._writing_connection() as writer:
            late = self.syncs_late and writer.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
            if late:
                writer.execute("PRAGMA synchronous = NORMAL")
            with self._turns.locked(writer):
                try:
                    yield writer
                except BaseException:
                    if writer.in_transaction:
                        writer.execute("ROLLBACK")
                    raise
                try:
                    writer.execute("COMMIT")
                except sqlite3.Error:
                    self._is_uncertain = not covered(writer)
                    raise
                self._is_uncertain = False
        if late:
            self._is_uncertain = True
            _sync_log(self.path)
            self._is_uncertain = False

    @contextmanager
    def several(self) -> Iterator[sqlite3.Connection]:
        """Transactions within the block follow each other on one connection: to open one takes longer than most."""
        with self._writer() as self._shared:
            try:
                yield self._shared
            finally:
                self._shared = None

    @contextmanager
    def _writing_connection(self) -> Iterator[sqlite3.Connection]:
        if self._shared is None:
            with self._writer() as writer:
                yield writer
        else:
            self.require_same_file()
            with speaking_plainly(), self._interruptible(self._shared):
                yield self._shared

    def require_certain(self) -> None:
        """Raise CacheUnavailable while what is read may not be what the next start of SQLite finds."""
        if self._is_uncertain:
            raise CacheUnavailable(
                "Whether the last change was written is not certain: the disk failed.", "Check the disk, attach anew."
            )

    @contextmanager
    def _writer(self) -> Iterator[sqlite3.Connection]:
        self.require_same_file()
        self._stopped.clear()
        with noted(self.path), speaking_plainly(), closing(self._new_writer()) as writer:
            writer.text_factory = readable_text
            self._wrote = True
            with self._interruptible(writer):
                yield writer

    @contextmanager
    def _interruptible(self, connection: sqlite3.Connection) -> Iterator[None]:
        self._busy = connection
        try:
            yield
        finally:
            self._busy = None

    def space(self) -> Space:
        """The pages now, as the database itself counts them."""
        found = [self.value(f"PRAGMA {name}") for name in ("page_size", "page_count", "freelist_count", "auto_vacuum")]
        return Space(*(int(number or 0) for number in found))

    def volume(self) -> int:
        """Bytes of the database file with its -wal, -shm and -journal."""
        total = 0
        for path in (self.path, *sidecars(self.path)):
            with suppress(OSError):
                total += os.stat(path).st_size
        return total

    def vacuum(self) -> int:
        """Give free pages back to the disk; the bytes by which the files became smaller.

        In place, because a rewritten and renamed file would part the application from its database.
        CacheUnavailable when the disk has no room for it or somebody is writing.
        """
        before, space = self.volume(), self.space()
        if space.auto_vacuum != INCREMENTAL:
            _require_room(self.path, space)
        with self._writer() as writer:
            if space.auto_vacuum == INCREMENTAL:
                self._vacuum_in_steps(writer)
            else:
                writer.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 1)  # VACUUM attaches its own temporary database
                writer.execute("VACUUM")
            # In WAL mode the file itself shrinks only with the checkpoint; a reader may keep it from being complete.
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return max(0, before - self.volume())

    def _vacuum_in_steps(self, writer: sqlite3.Connection) -> None:
        """Each step is a short transaction of its own, so that others can write between two of them."""
        left = int(writer.execute("PRAGMA freelist_count").fetchone()[0])
        while left:
            # A pragma that answers nothing is only run to its end by a script.
            writer.executescript(f"PRAGMA incremental_vacuum({PAGES_A_STEP})")
            now = int(writer.execute("PRAGMA freelist_count").fetchone()[0])
            if self._stopped.is_set():
                raise Cancelled()
            left = now if now < left else 0

    def close(self) -> None:
        """Close, and let SQLite take its -wal and -shm away if they came with us. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._reader.close()
            _Visits.go(self.path, self._wrote)

    def writable_reason(self) -> str:
        """Why the database cannot be written, one sentence; "" when it can."""
        effective = os.access in os.supports_effective_ids
        if not os.access(self.path, os.W_OK, effective_ids=effective):
            return f"The file {os.path.basename(self.path)} cannot be written."
        if not os.access(os.path.dirname(self.path), os.W_OK, effective_ids=effective):
            return "The folder of the database cannot be written, and SQLite needs a journal there."
        return ""


def _is_at_rest(path: str) -> bool:
    return not any(os.path.exists(name) for name in sidecars(path))


def _moment(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size


def _sync_log(path: str) -> None:
    """Make what was committed durable while nobody has to wait for it."""
    try:
        log = os.open(sidecars(path)[0], os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:  # it was written back to the database, which is synced before
        return
    except OSError as error:
        raise CacheUnavailable(f"The log of the database cannot be opened: {error.strerror}.", "") from error
    try:
        os.fsync(log)
    except OSError as error:
        raise CacheUnavailable(f"The disk failed: {error.strerror}.", "Check the disk, attach anew.") from error
    finally:
        os.close(log)


def _require_room(path: str, space: Space) -> None:
    needed = int(space.page_size * space.pages * HEAD_ROOM)
    free = shutil.disk_usage(os.path.dirname(path)).free
    if free < needed:
        raise CacheUnavailable(
            f"Compacting needs {needed:,} free bytes; the disk has {free:,}.",
            "Nothing was changed. Make room first.",
        )


class _Visits:
    """Which databases this process visits, and whether their -wal and -shm were there before it came.

    Only the last visitor can let SQLite remove them; a -wal that was there before us belongs to somebody.
    """

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _counts: ClassVar[dict[str, int]] = {}
    _clean: ClassVar[dict[str, bool]] = {}

    @classmethod
    def come(cls, path: str) -> None:
        with cls._lock:
            count = cls._counts.get(path, 0)
            if not count:
                cls._clean[path] = not any(os.path.exists(name) for name in sidecars(path)[:2])
            cls._counts[path] = count + 1

    @classmethod
    def go(cls, path: str, wrote: bool) -> None:
        with cls._lock:
            cls._counts[path] -= 1
            if cls._counts[path]:
                return
            del cls._counts[path]
            clean = cls._clean.pop(path)
        wal = sidecars(path)[0]
        with suppress(OSError, sqlite3.Error):  # somebody else is there now: then the files are theirs
            if clean and os.path.exists(wal) and (wrote or os.path.getsize(wal) == 0):
                with closing(connect(path, "rw")) as last:
                    last.execute("SELECT count(*) FROM sqlite_master").fetchall()


def covered(writer: sqlite3.Connection) -> bool:
    """Make a COMMIT that failed impossible to come true later; whether that is so.

    A write-ahead log still holds its pages, and who recovers the log takes them for committed. The next commit is
    written over them: here one that changes nothing.
    """
    try:
        if writer.in_transaction:
            writer.execute("ROLLBACK")
        if writer.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            return True
        version = writer.execute("PRAGMA user_version").fetchone()[0]
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(f"PRAGMA user_version={version}")
        writer.execute("COMMIT")
    except sqlite3.Error:
        return False
    return True
