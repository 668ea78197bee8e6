"""A shelve in dbm.sqlite3. A Python before 3.13 has no such module: then the same statements are made here."""

import os
import pickle
import shelve

import dbm_sqlite_statements

try:
    from dbm import sqlite3 as dbm_sqlite
except ImportError:
    dbm_sqlite = dbm_sqlite_statements

VALUES = {
    "https://example.org/a?b=1&c=2": {"status": 200, "body": b"x" * 5_000},
    "one": 1,
    "two": [1, 2, 3],
    "<b>bold</b>\nключ 🔑": "text",
    "with\x00NUL": b"bytes",
    "../../etc/passwd": None,
    "'; DROP TABLE Dict; --": 2.5,
    "long " * 30: {"a": {"b": {"c": (1, 2)}}},
    "": True,
    "7": 7,
    "big": list(range(20_000)),
    "set": {1, 2},
}
_shelf = None


def _open(location, flag):
    return shelve.Shelf(dbm_sqlite.open(location, flag))


def make(folder):
    location = os.path.join(folder, "shelf")
    with _open(location, "c") as made:
        for key, value in VALUES.items():
            made[key] = value
    return {"location": "shelf", "options": {}}


def truth(location):
    with _open(location, "r") as read:
        return [{"key": key, "expires": "unknown"} for key in read]


def open(location):
    global _shelf
    _shelf = _open(location, "w")


def holds(key):
    return key in _shelf and (_shelf[key] == VALUES[key] or len(_shelf[key]) > 10_000)


def complaints():
    keys = list(_shelf)
    return [] if len(_shelf) == len(keys) else [f"len() is {len(_shelf)} of {len(keys)}"]


def rewrite(key):
    _shelf[key] = "longer " * 5_000


def delete(key):
    del _shelf[key]


def make_plain(location):
    """A dbm with bytes as keys and values."""
    with dbm_sqlite.open(location, "c") as made:
        made[b"\xff\x00key"] = pickle.dumps(1)
        made["text"] = "no pickle"


def is_real():
    return dbm_sqlite is not dbm_sqlite_statements
