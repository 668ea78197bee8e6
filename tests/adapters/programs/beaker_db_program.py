"""Beaker's ext:database: namespaces with entries in them."""

import warnings
from pathlib import Path

warnings.simplefilter("ignore")

from beaker.cache import CacheManager  # noqa: E402
from beaker.util import parse_cache_config_options  # noqa: E402

NAMES = ["pages", "users", "плитка", "<b>html</b>", "line\nbreak", "emoji 🦊", *(f"space {n}" for n in range(6))]
_manager = None
_location = ""


def make(folder):
    path = Path(folder) / "beaker.db"
    open(str(path))
    for place, name in enumerate(NAMES):
        cache = _manager.get_cache(name, expire=3600)
        for n in range(place + 1):
            cache.put(f"key {n}", {"text": "value " * 10, "n": n})
    return {"location": "beaker.db"}


def truth(location):
    import sqlite3

    found = sqlite3.connect(location).execute("SELECT namespace FROM beaker_cache").fetchall()
    return [{"key": name, "expires": "unknown"} for (name,) in found]


def open(location):
    global _manager, _location
    _location = location
    options = {
        "cache.type": "ext:database",
        "cache.url": f"sqlite:///{location}",
        "cache.lock_dir": str(Path(location).parent.parent / "locks"),
    }
    _manager = CacheManager(**parse_cache_config_options(options))


def holds(key):
    return "key 0" in _manager.get_cache(key)


def complaints():
    return []


def rewrite(key):
    _manager.get_cache(key).put("key 0", "another, longer value " * 100)


def delete(key):
    import sqlite3

    connection = sqlite3.connect(_location)
    connection.execute("DELETE FROM beaker_cache WHERE namespace = ?", (key,))
    connection.commit()
