"""What SQLite's errors mean to a user: one sentence and a hint each."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from cache_studio.model.errors import CacheStudioError, CacheUnavailable, Cancelled, WrongFormat

BUSY_SECONDS = 2.0
"""How long a locked database is waited for."""

READONLY_CANTINIT = 1288
READONLY_DIRECTORY = 1544
"""A write-ahead log would have to be made, and the folder cannot be written."""
_READONLY_RECOVERY = 264
READONLY_ROLLBACK = 776
_READONLY_DBMOVED = 1032
_PRIMARY = 0xFF

_DAMAGED_HINT = "Make a copy; `sqlite3 FILE .recover` may save more."
_REPLACED = ("The database file was replaced or deleted.", "Refresh, or attach it again.")

_UNREADABLE_LOG = (
    "The application's last writes are in a -wal file that cannot be read without writing to its folder.",
    "Copy the database with its -wal to a folder of yours and attach the copy.",
)

_BY_EXTENDED: dict[int, tuple[type[CacheStudioError], str, str]] = {
    READONLY_ROLLBACK: (
        CacheUnavailable,
        "The application died in the middle of a write; SQLite has to roll that back first.",
        "Start the application once, or open the database with `sqlite3`, after making a copy of it and its -journal.",
    ),
    _READONLY_RECOVERY: (CacheUnavailable, *_UNREADABLE_LOG),
    _READONLY_DBMOVED: (CacheUnavailable, *_REPLACED),
}
_BY_PRIMARY: dict[int, tuple[type[CacheStudioError], str, str]] = {
    sqlite3.SQLITE_BUSY: (
        CacheUnavailable,
        f"The database is busy: tried for {BUSY_SECONDS:.0f} s.",
        "Another program is writing to it. Try again.",
    ),
    sqlite3.SQLITE_LOCKED: (
        CacheUnavailable,
        f"The database is busy: tried for {BUSY_SECONDS:.0f} s.",
        "Another program is writing to it. Try again.",
    ),
    sqlite3.SQLITE_NOTADB: (
        WrongFormat,
        "This is not a SQLite database, or it is encrypted.",
        "An encrypted database (SQLCipher) cannot be read here.",
    ),
    sqlite3.SQLITE_CORRUPT: (WrongFormat, "The database is damaged.", _DAMAGED_HINT),
    sqlite3.SQLITE_FULL: (CacheUnavailable, "The disk is full.", "Nothing was changed. Make room and try again."),
    sqlite3.SQLITE_READONLY: (
        CacheUnavailable,
        "The database cannot be written.",
        "The file or its folder is read-only; SQLite needs to write to both.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        CacheUnavailable,
        "The database cannot be opened.",
        "Check the rights of the file and of its folder; a write-ahead log needs write access to the folder.",
    ),
    sqlite3.SQLITE_PERM: (CacheUnavailable, "The database cannot be opened.", "Check the rights of the file."),
    sqlite3.SQLITE_TOOBIG: (CacheUnavailable, "A value of the database is too big to be read.", ""),
    sqlite3.SQLITE_IOERR: (CacheUnavailable, "The database cannot be read from its disk.", "Check the disk."),
}


def translated(error: sqlite3.Error) -> CacheStudioError:
    """The sentence for an error of SQLite, its own words in the hint where they add something."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    found = _BY_EXTENDED.get(code) or _BY_PRIMARY.get(code & _PRIMARY)
    if found is None:
        return CacheUnavailable(f"SQLite refuses: {error}.", "")
    kind, message, hint = found
    return kind(message, hint)


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code, 0 where Python gives none."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & _PRIMARY


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the error speaks of a broken page, so that other pages may still be read."""
    return primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOTADB)


def is_undecodable(error: sqlite3.Error) -> bool:
    """Whether Python could not read a text because it is no UTF-8 (no error of SQLite's own)."""
    return isinstance(error, sqlite3.OperationalError) and "decode to UTF-8" in str(error)


@contextmanager
def speaking_plainly() -> Iterator[None]:
    """Let every error of SQLite leave as one of ours; an interrupted call leaves as Cancelled."""
    try:
        yield
    except sqlite3.Error as error:
        if primary_code(error) == sqlite3.SQLITE_INTERRUPT:
            raise Cancelled() from error
        raise translated(error) from error


def require_database_file(path: str) -> os.stat_result:
    """The file's identity, without opening it; CacheUnavailable or WrongFormat when it cannot be a database.

    Only `stat` is used: opening and closing a database file drops the locks this process holds on it.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise CacheUnavailable("There is no such file.", "Check the path.") from None
    except (OSError, ValueError) as error:
        raise CacheUnavailable(f"The file cannot be reached: {error}.", "Check the path and its rights.") from None
    if not os.path.isfile(path):
        raise WrongFormat("This is not a regular file.", "Give the path of a SQLite database.")
    if found.st_size == 0:
        raise WrongFormat("The file is empty.", "A SQLite database has at least one page.")
    return found


def replaced() -> CacheUnavailable:
    """The error for a database file that is not the one that was attached."""
    return CacheUnavailable(*_REPLACED)


def unreadable_log() -> CacheUnavailable:
    """The error for a write-ahead log in a folder that cannot be written."""
    return CacheUnavailable(*_UNREADABLE_LOG)
