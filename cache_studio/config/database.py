"""Opens our own SQLite databases: write-ahead log, versioned, set aside when broken, many threads and processes.

A database that SQLite cannot read is renamed to `<name>.broken-<time>`, a fresh one takes its place and
`Database.notice` says so in one sentence: the application always starts.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cache_studio.config.claims import claimed
from cache_studio.config.files import set_aside
from cache_studio.config.paths import private_folder
from cache_studio.model.errors import CacheStudioError

Row = tuple[Any, ...]
BUSY_SECONDS = 10.0
"""How long a call waits for another process before it gives up."""
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_COMPANIONS = ("-wal", "-shm", "-journal", ".damaged")


@dataclass(frozen=True, slots=True)
class Schema:
    """What a database is: `name` for sentences ("The history"), the steps from each version to the next."""

    name: str
    steps: Sequence[str]
    """SQL scripts; step n (from 0) leads from version n to n + 1. Released steps are never edited."""
    synchronous: Literal["FULL", "NORMAL"] = "NORMAL"
    """FULL: what was committed survives a power cut. NORMAL: it survives a kill."""


class Database:
    """One connection, guarded by a lock, so that any thread may use it. Make one with `open_database`."""

    def __init__(self, path: Path, schema: Schema, connection: sqlite3.Connection, notice: str) -> None:
        self.path = path
        self.notice = notice
        """One sentence when the old file was set aside, else ""."""
        self._schema = schema
        self._connection = connection
        self._lock = threading.RLock()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, alone among writers; committed (durable as the schema says) when the block ends.

        SQLite's errors leave as CacheStudioError. Not to be nested.
        """
        with self._lock, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:  # whatever ended the block, half of it must not stay
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def read(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All rows of one query."""
        with self._lock, self._translated():
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if _is_broken(error):
                _marker(self.path).touch()
            raise _in_words(self._schema.name, self.path, error) from error


def open_database(path: Path, schema: Schema, now: float) -> Database:
    """Open or create a database and bring it to the newest version.

    Raises CacheStudioError when the folder cannot be written, or when a newer Cache Studio made it.
    """
    private_folder(path.parent)
    try:
        return Database(path, schema, _connected(path, schema), "")
    except sqlite3.Error as error:
        if not _is_broken(error):
            raise _in_words(schema.name, path, error) from error
    return _instead_of_broken(path, schema, now)


def _instead_of_broken(path: Path, schema: Schema, now: float) -> Database:
    """Set the broken file aside; a second process that saw the same finds the fresh one."""
    with claimed(path.with_name(f"{path.name}.repair")):
        notice = ""
        try:
            connection = _connected(path, schema)
        except sqlite3.Error as error:
            if not _is_broken(error):
                raise _in_words(schema.name, path, error) from error
            aside = set_aside(path, now, _COMPANIONS)
            notice = f"{schema.name} could not be read and was set aside as {aside.name}; a new one was begun."
            connection = _connected(path, schema)
        return Database(path, schema, connection, notice)


def _connected(path: Path, schema: Schema) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        path.chmod(0o600)
        with claimed(path.with_name(f"{path.name}.opening"), BUSY_SECONDS):
            # SQLite does not wait where two processes turn one file over to the write-ahead log.
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={schema.synchronous}")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA foreign_keys=ON")
        _migrate(connection, path, schema)
        _check(connection, path)
    except BaseException:  # the caller sees the reason; the file must not stay open
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    if _version(connection) == len(schema.steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # another process may have been first
        if version > len(schema.steps):
            raise CacheStudioError(
                f"{schema.name} was written by a newer Cache Studio ({path}).", "Use that version, or move the file."
            )
        for step in schema.steps[version:]:
            for statement in filter(str.strip, step.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(schema.steps)}")
        connection.execute("COMMIT")
    except BaseException:  # a half-made version must not stay
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Read the first page of every table; all pages only where damage was met in the middle of work."""
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'").fetchall():
        connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone()
    marker = _marker(path)
    if not marker.exists():
        return
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _Damaged(verdict)
    marker.unlink(missing_ok=True)


class _Damaged(sqlite3.DatabaseError):
    """What the full check found."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def _marker(path: Path) -> Path:
    """Says that damage was met, so that the next open looks at every page."""
    return path.with_name(f"{path.name}.damaged")


def _is_broken(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in _BROKEN or "already exists" in str(error)  # tables without a version: not ours, or half written


_REASONS: dict[int, Callable[[str, Path], CacheStudioError]] = {
    sqlite3.SQLITE_FULL: lambda name, path: CacheStudioError(
        f"{name} cannot be written: the disk is full.", f"Free some space where {path.parent} lies."
    ),
    sqlite3.SQLITE_BUSY: lambda name, path: CacheStudioError(
        f"{name} is in use by another process.", "Try again when it has finished."
    ),
    sqlite3.SQLITE_READONLY: lambda name, path: CacheStudioError(
        f"{name} cannot be written.", f"Check the rights of {path}."
    ),
    sqlite3.SQLITE_CORRUPT: lambda name, path: CacheStudioError(
        f"{name} is damaged.", "Restart: it is then set aside and a new one is begun."
    ),
}


def _in_words(name: str, path: Path, error: sqlite3.Error) -> CacheStudioError:
    made = _REASONS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
    if made is not None:
        return made(name, path)
    return CacheStudioError(f"{name} cannot be used: {error}.", f"Check the rights and the disk of {path}.")
