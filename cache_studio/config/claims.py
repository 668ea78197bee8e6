"""A claim: a lock between processes (and threads) that ends at the latest with the process that holds it.

SQLite's own file lock is the lock: it works on every system, and neither a kill nor another open and
close of the same file by this process disturbs it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cache_studio.model.errors import CacheStudioError


class Claim:
    """A claim that is held until `release`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def release(self) -> None:
        """Give it up. The file stays: to unlink it would let two processes hold it. Safe to call twice."""
        self._connection.close()

    def retire(self) -> None:
        """Give it up for good: nobody will ask for this name again, so its file goes."""
        with suppress(OSError):
            self._path.unlink()
        self._connection.close()


def try_claim(path: Path, wait: float = 0.0) -> Claim | None:
    """Claim `path` (its folder exists) within `wait` seconds, or None when somebody else holds it."""
    try:
        connection = sqlite3.connect(path, timeout=wait, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise _cannot(path, error) from error
    try:
        connection.execute("PRAGMA journal_mode=OFF")  # nothing is ever written
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return None
        raise _cannot(path, error) from error
    except sqlite3.Error as error:
        connection.close()
        raise _cannot(path, error) from error
    with suppress(OSError):  # whoever had it before us may have retired it
        path.chmod(0o600)
    return Claim(path, connection)


@contextmanager
def claimed(path: Path, wait: float = 5.0) -> Iterator[None]:
    """Hold the claim for the length of a block; raises CacheStudioError when `wait` seconds are not enough."""
    claim = try_claim(path, wait)
    if claim is None:
        raise CacheStudioError(f"Another process has held {path.name} for too long.", "Close it and try again.")
    try:
        yield
    finally:
        claim.release()


def _cannot(path: Path, error: sqlite3.Error) -> CacheStudioError:
    return CacheStudioError(f"The file {path} cannot be locked: {error}.", "Check the rights of its folder.")
