"""Whether SQLite opened the very file that was attached: it opens by name, and follows a link that stands there."""

import os
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import suppress

from cache_studio.adapters.sqlite_errors import replaced

_OPEN_FILES = "/dev/fd"
"""Lists the descriptors of this process, where the system has it."""
_ATTEMPTS = 3
_LOOKS = 20
_Identity = tuple[int, int]


def connected_to(path: str, expected: os.stat_result, connect: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    """A connection that holds the file `expected` open; CacheUnavailable where another stands at `path`.

    A link could be put there and taken away while SQLite opens, so that looking at the name proves nothing: the
    descriptors do. Where they cannot be listed (Windows) the name has to do.
    """
    for _ in range(_ATTEMPTS):
        before = _regular_files()
        connection = connect()
        if _is_right(path, (expected.st_dev, expected.st_ino), before):
            return connection
        connection.close()
    raise replaced()


def is_at(path: str, expected: os.stat_result) -> bool:
    """Whether this very file has the name, a link not followed."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (expected.st_dev, expected.st_ino)


def _is_right(path: str, expected: _Identity, before: dict[int, _Identity] | None) -> bool:
    after = _regular_files()
    if before is None or after is None:
        found = os.lstat(path)
        return (found.st_dev, found.st_ino) == expected
    new = {file: identity for file, identity in after.items() if before.get(file) != identity}
    if expected in new.values():
        return True
    # SQLite takes up a descriptor of this file that it kept open for another connection's locks, or it opened
    # another file, which then stays open. What other threads opened in this moment is soon closed.
    for _ in range(_LOOKS):
        if not new:
            return expected in before.values()
        time.sleep(0.001)
        now = _regular_files() or {}
        new = {file: identity for file, identity in new.items() if now.get(file) == identity}
    return False


def _regular_files() -> dict[int, _Identity] | None:
    """Every descriptor of this process that is a regular file; None where that is not known."""
    try:
        names = os.listdir(_OPEN_FILES)
    except OSError:
        return None
    found = {}
    for name in names:
        with suppress(OSError, ValueError):  # the one of the listing itself is closed again
            status = os.fstat(int(name))
            if stat.S_ISREG(status.st_mode):
                found[int(name)] = (status.st_dev, status.st_ino)
    return found
