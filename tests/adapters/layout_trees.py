"""The smallest tree of each file layout, written as its application does: what the others must not take for theirs."""

import json
import pickle
import sqlite3
import struct
import time
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

_NAMES = [sha256(bytes([number])).hexdigest() for number in range(3)]


def json_directory(base: Path) -> Path:
    """One JSON file an entry."""
    folder = base / "comparisons" / "cache"
    folder.mkdir(parents=True)
    for key in _NAMES:
        entry = {"cache_key": key, "timestamp": datetime.now().isoformat(), "result": {"passed": True}}
        (folder / f"{key}.json").write_text(json.dumps(entry, indent=2))
    return folder


def json_file(base: Path) -> Path:
    """All entries in one JSON file."""
    now = time.time()
    entry = {"response": "yes", "timestamp": "2026-01-01 10:00:00", "created_at": now, "last_accessed": now}
    path = base / "ai_responses.json"
    path.write_text(json.dumps({key: {**entry, "text_length": 3} for key in _NAMES}, indent=2))
    return path


def multi_level(base: Path) -> Path:
    """Pickles in namespace folders."""
    folder = base / "levels" / "l3" / "ai_operations"
    folder.mkdir(parents=True)
    for key in _NAMES:
        entry = {
            "value": {"text": "yes"},
            "created_at": datetime.now(UTC),
            "ttl": timedelta(hours=1),
            "tags": {"analyze"},
            "namespace": "ai_operations",
        }
        (folder / f"analyze:{key[:32]}.cache").write_bytes(pickle.dumps(entry))
    return base / "levels"


def asset_cache(base: Path) -> Path:
    """An index in SQLite and a file an entry."""
    folder = base / "assets" / "cache"
    (folder / "image").mkdir(parents=True)
    with sqlite3.connect(folder / "cache.db") as database:
        database.execute(
            "CREATE TABLE cache_entries(id INTEGER PRIMARY KEY, asset_type TEXT NOT NULL, prompt_hash TEXT NOT NULL,"
            " prompt_text TEXT NOT NULL, file_path TEXT NOT NULL, metadata TEXT, created_at TEXT, last_used_at TEXT,"
            " use_count INTEGER DEFAULT 1, UNIQUE(asset_type, prompt_hash))"
        )
        for key in _NAMES:
            file = folder / "image" / f"{key}.png"
            file.write_bytes(b"\x89PNG\r\n\x1a\n")
            database.execute(
                "INSERT INTO cache_entries(asset_type, prompt_hash, prompt_text, file_path, created_at)"
                " VALUES ('image', ?, 'a fox', ?, ?)",
                (key, str(file), datetime.now().isoformat()),
            )
    database.close()
    return base / "assets" / "cache"


def diskcache(base: Path) -> Path:
    """An index in SQLite, large values in files of random names."""
    folder = base / "application" / "cache"
    (folder / "0a" / "1b").mkdir(parents=True)
    (folder / "0a" / "1b" / f"{'c' * 28}.val").write_bytes(b"x" * 100)
    settings = {"count": 1, "size": 100, "hits": 0, "misses": 0, "eviction_policy": "least-recently-stored"}
    with sqlite3.connect(folder / "cache.db") as database:
        database.execute("CREATE TABLE Settings (key TEXT NOT NULL UNIQUE, value)")
        database.executemany("INSERT INTO Settings VALUES (?, ?)", settings.items())
        database.execute(
            "CREATE TABLE Cache (rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL,"
            " access_time REAL, access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0,"
            " mode INTEGER DEFAULT 0, filename TEXT, value BLOB)"
        )
        row = ("key", 1, time.time(), 100, 2, f"0a/1b/{'c' * 28}.val")
        database.execute("INSERT INTO Cache(key, raw, store_time, size, mode, filename) VALUES (?, ?, ?, ?, ?, ?)", row)
    database.close()
    return folder


def diskcache_fanout(base: Path) -> Path:
    """Shards, each a diskcache."""
    for number in range(3):
        (base / "fanout").mkdir(exist_ok=True)
        diskcache(base / f"{number}").rename(base / "fanout" / f"{number:03}")
    return base / "fanout"


def django_files(base: Path) -> Path:
    """A file an entry: a pickled expiry, then the value."""
    folder = base / "django"
    folder.mkdir()
    for key in _NAMES:
        expiry, value = pickle.dumps(time.time() + 60, 5), pickle.dumps({"text": "yes"}, 5)
        (folder / f"{key[:32]}.djcache").write_bytes(expiry + zlib.compress(value))
    return folder


def cachelib_files(base: Path) -> Path:
    """A file an entry, four bytes of expiry before the value, and one that counts them."""
    folder = base / "flask_cache"
    folder.mkdir()
    for key in _NAMES:
        (folder / key).write_bytes(struct.pack("I", int(time.time()) + 60) + pickle.dumps({"text": "yes"}, 5))
    count = sha256(b"__wz_cache_count").hexdigest()
    (folder / count).write_bytes(struct.pack("I", 0) + pickle.dumps(len(_NAMES), 5))
    return folder


TREES: dict[str, Callable[[Path], Path]] = {
    "json-directory": json_directory,
    "json-file": json_file,
    "multi-level": multi_level,
    "asset-cache": asset_cache,
    "diskcache": diskcache,
    "diskcache-fanout": diskcache_fanout,
    "django-files": django_files,
    "cachelib-files": cachelib_files,
}
"""Format name to the function that writes its tree below a folder and returns the path to attach."""
