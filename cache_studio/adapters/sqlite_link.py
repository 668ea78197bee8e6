"""The connections of a running application to its database, shared by its threads."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from cache_studio.adapters.files import unavailable
from cache_studio.adapters.sqlite_errors import primary_code, translated
from cache_studio.adapters.sqlite_open import Cell, connect_with, readable_text
from cache_studio.model.errors import BadRequest, CacheStudioError, CacheUnavailable

WAIT_SECONDS = 10.0
"""How long a call waits for another process that writes; SQLite serves the waiting in no order."""
_REFUSALS = (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH)
_inherited: list[sqlite3.Connection] = []
"""The parent's connections in a forked child: SQLite forbids to use them there, and to close them."""


class Link:
    """One connection that reads and one that writes, so that no lookup waits for somebody else's lock.

    Any thread may use it. A database that is created here keeps a write-ahead log; where there is one,
    commits are not synced (`synchronous=NORMAL`): a killed process loses nothing that was committed, a
    power failure may lose the last commits, never the database. Else the database is left as it is.
    Every error is CacheUnavailable, or BadRequest for a row that the database refuses.
    """

    def __init__(self, path: str) -> None:
        """Open or create the database, with its folder."""
        self.path = path
        self._closed = False
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            is_new = not os.path.exists(path) or not os.path.getsize(path)
        except (OSError, ValueError) as error:
            raise _unreachable(path, error) from error
        self._connect(is_new)

    def _connect(self, is_new: bool) -> None:
        self._reading, self._writing = threading.Lock(), threading.RLock()
        connections: list[sqlite3.Connection] = []
        try:
            for _ in range(2):
                connections.append(_connected(self.path, is_new))
        except sqlite3.Error as error:
            for connection in connections:
                connection.close()
            raise explained(error) from error
        self._reader, self._writer = connections

    def rows(self, sql: str, values: Sequence[Cell] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        try:
            with self._reading:
                return self._reader.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise explained(error) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection that reads, for a look at more than rows."""
        with self._reading:
            try:
                yield self._reader
            except sqlite3.Error as error:
                raise explained(error) from error

    def change(self, sql: str, values: Sequence[Cell]) -> int:
        """Run one statement as a transaction of its own; how many rows it changed."""
        try:
            with self._writing:
                return self._writer.execute(sql, values).rowcount
        except sqlite3.Error as error:
            raise explained(error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction during which nobody else writes; committed at the end, undone by any error."""
        with self._writing:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                    self._writer.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.Error):  # a full disk ends the transaction by itself
                        self._writer.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise explained(error) from error

    @contextmanager
    def writing_at_once(self) -> Iterator[sqlite3.Connection]:
        """As `writing`, but CacheUnavailable where it would have to wait for anybody."""
        if not self._writing.acquire(blocking=False):
            raise CacheUnavailable("The database is busy.", "Another thread is writing to it.")
        try:
            _wait_at_most(self._writer, 0.0)
            with self.writing() as connection:
                yield connection
        finally:
            _wait_at_most(self._writer, WAIT_SECONDS)
            self._writing.release()

    def close(self) -> None:
        """Let go of the database. Safe to call twice."""
        if not self._closed:
            self._closed = True
            with self._reading, self._writing:
                self._reader.close()
                self._writer.close()

    def begin_in_child(self) -> None:
        """In a forked child: connections and locks are the parent's."""
        if not self._closed:
            _inherited.extend((self._reader, self._writer))
            self._connect(False)


def _connected(path: str, is_new: bool) -> sqlite3.Connection:
    connection = connect_with(path, "mode=rwc")
    try:
        connection.text_factory = readable_text
        _wait_at_most(connection, WAIT_SECONDS)
        wanted = "PRAGMA journal_mode = WAL" if is_new else "PRAGMA journal_mode"
        if connection.execute(wanted).fetchone()[0] == "wal":
            connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _wait_at_most(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def explained(error: sqlite3.Error) -> CacheStudioError:
    """The sentence for an error of a running cache."""
    code = primary_code(error)
    if code in _REFUSALS:
        return BadRequest(f"The database refuses this entry: {error}.", "Another format may hold it.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        waited = f"The database is busy: tried for {WAIT_SECONDS:g} s."
        return CacheUnavailable(waited, "Another program is writing to it. Try again.")
    found = translated(error)
    return found if isinstance(found, CacheUnavailable) else CacheUnavailable(found.message, found.hint)


def _unreachable(path: str, error: OSError | ValueError) -> CacheStudioError:
    if isinstance(error, OSError):
        found = unavailable(path, error)
        return found if isinstance(found, CacheUnavailable) else CacheUnavailable(found.message, "Check the path.")
    return CacheUnavailable("The path cannot be used.", "It holds a NUL or half a character.")


def text_cell(text: str, what: str) -> str | bytes:
    """A text to bind to `CAST(? AS TEXT)`, which takes bytes that are no UTF-8, too.

    BadRequest, in which `what` names it, for half a character.
    """
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        pass
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise BadRequest(f"{what} holds half a character.", "A lone surrogate is no text.") from None
