"""Uses a region of dogpile.cache over a dbm.dumb, the kind that every Python has."""

import dbm.dumb
import time
from unittest.mock import patch

from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE

dbm._names = ["dbm.dumb"]
LENGTH = 3
TTL = 7200
FRESH = ["plain", "<b>bold</b>", "line\nbreak", "emoji 🦊", "nul\0", "quote'\"\\", *(f"user:{n}" for n in range(4))]
OLD = ["old 1", "old 2"]
_held = {}


def _region(base):
    region = make_region()
    region.configure("dogpile.cache.dbm", expiration_time=TTL, arguments={"filename": base})
    return region


def make(folder):
    region = _region(folder + "/region.dbm")
    real = time.time
    for key in FRESH:
        region.set(key, {"key": key, "tail": "x" * LENGTH})
    with patch("time.time", lambda: real() - 5 * 3600):
        for key in OLD:
            region.set(key, "old")
    region.set("gone", 1)
    region.delete("gone")
    return {"location": "region.dbm.dir", "options": {"ttl": "2h"}}


def _base(location):
    return location.removesuffix(".dir")


def _keys(base):
    with dbm.dumb.open(base, "r") as found:
        return [key.decode() for key in found]


def truth(location):
    region = _region(_base(location))
    entries = {key: region._get_from_backend(key) for key in _keys(_base(location))}
    return [{"key": key, "expires": entry.metadata["ct"] + TTL} for key, entry in entries.items()]


def open(location):
    _held["base"] = _base(location)
    _held["region"] = _region(_base(location))


def holds(key):
    return _held["region"].get(key) is not NO_VALUE


def values(location):
    with dbm.dumb.open(_base(location), "r") as found:
        return {key.decode(): found[key].hex() for key in found}


def complaints():
    region = _held["region"]
    return [key for key in _keys(_held["base"]) if region.get(key, ignore_expiration=True) is NO_VALUE]


def rewrite(key):
    global LENGTH
    LENGTH += 40
    _held["region"].set(key, "y" * LENGTH)


def delete(key):
    _held["region"].delete(key)
