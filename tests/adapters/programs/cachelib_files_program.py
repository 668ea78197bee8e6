"""cachelib's FileSystemCache: with a count and sha256, or as older versions and without a limit."""

import hashlib
import os
import struct
import time
from pathlib import Path
from unittest import mock

from cachelib.file import FileSystemCache

ORDINARY = ["user:1", "user:2", "плитка", "emoji 🦊", "<b>html</b>", "line\nbreak", "with\0nul", "view//about"]
STALE = ["old 1", "old 2"]
FOREVER = ["always", "always 2"]
_cache = None


def open(location, threshold=500, method="sha256"):
    global _cache
    _cache = FileSystemCache(str(location), threshold=threshold, hash_method=getattr(hashlib, method))


def _keys():
    return {os.path.basename(_cache._get_filename(key)): key for key in [*ORDINARY, *STALE, *FOREVER]}


def make(folder, threshold=500, method="sha256"):
    open(Path(folder) / "flask_cache", threshold, method)
    for place, key in enumerate(ORDINARY):
        _cache.set(key, {"text": "value " * (place + 1), "n": place}, 3600 * (place + 1))
    with mock.patch("cachelib.file.time", return_value=time.time() - 1000):
        for key in STALE:
            _cache.set(key, [1, 2, 3], 100)
    for key in FOREVER:
        _cache.set(key, "for ever", 0)
    return {"location": "flask_cache"}


def truth(location):
    open(location)
    found = []
    for path in _cache._list_dir():
        moment = struct.unpack("I", Path(path).read_bytes()[:4])[0]
        found.append({"key": os.path.basename(path), "expires": moment or None})
    return found


def holds(key):
    return key in _keys() and _cache.get(_keys()[key]) is not None and _cache.has(_keys()[key])


def complaints():
    there = len(list(_cache._list_dir()))
    return [] if _cache._file_count == there else [f"it counts {_cache._file_count} and has {there}"]


def rewrite(key):
    _cache.set(_keys()[key], "another, longer value " * 50, 7200)


def delete(key):
    _cache.delete(_keys()[key])
