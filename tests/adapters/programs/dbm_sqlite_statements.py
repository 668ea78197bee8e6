"""The statements of dbm.sqlite3 (Python 3.13), for a Python that does not have it yet."""

import sqlite3
from collections.abc import MutableMapping
from contextlib import suppress

_BUILD = """
  CREATE TABLE IF NOT EXISTS Dict (
    key BLOB UNIQUE NOT NULL,
    value BLOB NOT NULL
  )
"""
_MODES = {"r": "ro", "w": "rw", "c": "rwc"}


class _Database(MutableMapping):
    def __init__(self, path, flag):
        self._connection = sqlite3.connect(f"file:{path}?mode={_MODES[flag]}", uri=True, isolation_level=None)
        with suppress(sqlite3.OperationalError):
            self._connection.execute("PRAGMA journal_mode = wal")
        if flag == "c":
            self._connection.execute(_BUILD)

    def _ask(self, sql, *values):
        return self._connection.execute(sql, values).fetchall()

    def __len__(self):
        return self._ask("SELECT COUNT (key) FROM Dict")[0][0]

    def __getitem__(self, key):
        found = self._ask("SELECT value FROM Dict WHERE key = CAST(? AS BLOB)", key)
        if not found:
            raise KeyError(key)
        return found[0][0]

    def __setitem__(self, key, value):
        self._ask("REPLACE INTO Dict (key, value) VALUES (CAST(? AS BLOB), CAST(? AS BLOB))", key, value)

    def __delitem__(self, key):
        if not self._connection.execute("DELETE FROM Dict WHERE key = CAST(? AS BLOB)", (key,)).rowcount:
            raise KeyError(key)

    def __iter__(self):
        return (row[0] for row in self._ask("SELECT key FROM Dict"))

    def close(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()


def open(path, flag):
    """A database by its path; "r", "w" or "c"."""
    return _Database(path, flag)
