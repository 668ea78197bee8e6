"""sqlitedict with its usual table and pickles as values."""

import os

import sqlitedict

VALUES = {
    "https://example.org/a?b=1&c=2": {"status": 200, "body": b"x" * 5_000},
    "one": 1,
    "two": [1, 2, 3],
    "<b>bold</b>\nключ 🔑": "text",
    "with\x00NUL": b"bytes",
    "../../etc/passwd": None,
    "'; DROP TABLE unnamed; --": 2.5,
    "long " * 30: {"a": {"b": {"c": (1, 2)}}},
    "": True,
    "7": 7,
    "big": list(range(20_000)),
    "set": {1, 2},
}
_dict = None


def make(folder):
    location = os.path.join(folder, "cache.sqlite")
    with sqlitedict.SqliteDict(location) as made:
        for key, value in VALUES.items():
            made[key] = value
        made.commit()
    return {"location": "cache.sqlite", "options": {}}


def truth(location):
    with sqlitedict.SqliteDict(location, flag="r") as read:
        return [{"key": key, "expires": "unknown"} for key in read]


def open(location):
    global _dict
    _dict = sqlitedict.SqliteDict(location)


def holds(key):
    return key in _dict and (_dict[key] == VALUES[key] or len(_dict[key]) > 10_000)


def complaints():
    keys = list(_dict.keys())
    found = [] if len(_dict) == len(keys) else [f"len() is {len(_dict)} of {len(keys)}"]
    return found + ([] if bool(_dict) == bool(keys) else ["bool() is wrong"])


def rewrite(key):
    _dict[key] = "longer " * 5_000
    _dict.commit()


def delete(key):
    del _dict[key]
    _dict.commit()


def write_uncommitted(key):
    """As an application without autocommit does: the others wait for its commit."""
    _dict[key] = "not yet"
    return key in _dict


def make_with_pickled_keys(location, tables):
    """Tables whose keys are pickles in base64."""
    for table in tables:
        with sqlitedict.SqliteDict(
            location, table, encode_key=sqlitedict.encode_key, decode_key=sqlitedict.decode_key
        ) as made:
            made[(table, 1)] = "a value"
            made.commit()
