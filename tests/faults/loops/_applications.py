"""One application for each format: it makes a small cache and writes entries in the way the original does.

Keys are `key(0)` to `key(COUNT - 1)`. Every write stores another number, so that what an application stored last can
be told from all that it stored before; `stored` reads it back without the studio.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from servers import RedisServer, find_redis_server

from cache_studio.adapters.base import Adapter
from cache_studio.adapters.registry import get_format
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target, parse_target

COUNT = 6
_NUMBER = re.compile(rb"number (\d+)")


def key(number: int) -> str:
    """A key as the five systems have them."""
    return sha256(f"question {number}".encode()).hexdigest()


def text(number: int) -> str:
    """A value that says its number."""
    return f"the answer with number {number} \u00e9"


def number_in(content: bytes) -> int | None:
    """The number of the value that these bytes hold."""
    found = _NUMBER.search(content)
    return int(found[1]) if found else None


class Application(ABC):
    """A cache below `folder` and the program that writes it."""

    format: str
    options: Mapping[str, str] = {}
    five = False
    """Whether it is one of the five systems."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / type(self).__name__
        self.folder.mkdir(parents=True)
        self.prepare()
        for number in range(COUNT):
            self.write(key(number), number)

    def prepare(self) -> None:
        """What there is before the first entry."""
        return None

    @property
    @abstractmethod
    def location(self) -> str:
        """What is attached."""

    @abstractmethod
    def write(self, key: str, number: int) -> None:
        """Store this number under the key."""

    @abstractmethod
    def stored(self, key: str) -> int | None:
        """The number that is stored under the key, None when there is none."""

    def shown(self, key: str) -> str:
        """The key as the studio lists it."""
        return key

    @property
    def target(self) -> Target:
        """The cache with its options."""
        if "://" in self.location:
            return parse_target(self.location)
        return Target(self.location, self.format, dict(self.options))

    @contextmanager
    def opened(self, *, writable: bool = True) -> Iterator[Adapter]:
        """The studio's adapter."""
        found = get_format(self.format)
        options = read_options(found.options, self.target.options)
        with closing(found.adapter_class().open(self.target, options, writable=writable)) as adapter:
            yield adapter


class JsonDirectory(Application):
    """S1: one file an entry, written in place and now and then by rename."""

    format, five = "json-directory", True

    @property
    def location(self) -> str:
        """The folder."""
        return str(self.folder)

    def write(self, key: str, number: int) -> None:
        """As the image comparison does."""
        entry = {"cache_key": key, "timestamp": datetime.now().isoformat(), "result": {"failure_reason": text(number)}}
        path = self.folder / f"{key}.json"
        _put(path, json.dumps(entry).encode(), by_rename=bool(number % 2))

    def stored(self, key: str) -> int | None:
        """Out of its file."""
        return _number_of(self.folder / f"{key}.json")


class MultiLevel(Application):
    """S3: its disk level, pickles written in place."""

    format, five = "multi-level", True

    @property
    def location(self) -> str:
        """The folder above the levels."""
        return str(self.folder)

    def _path(self, key: str) -> Path:
        return self.folder / "l3" / "ai_operations" / f"{key}.cache"

    def write(self, key: str, number: int) -> None:
        """A pickle of the entry."""
        entry = {"value": text(number), "created_at": datetime.now(UTC), "ttl": timedelta(hours=1)}
        entry |= {"tags": {"analyze"}, "namespace": "ai_operations"}
        self._path(key).parent.mkdir(parents=True, exist_ok=True)
        _put(self._path(key), pickle.dumps(entry), by_rename=False)

    def stored(self, key: str) -> int | None:
        """Out of its file."""
        return _number_of(self._path(key))


class JsonFile(Application):
    """S2: the whole file by rename, from what the application holds in memory."""

    format, five = "json-file", True

    def prepare(self) -> None:
        """An empty memory."""
        self.memory: dict[str, object] = {}

    @property
    def file(self) -> Path:
        """Where all entries are."""
        return self.folder / "ai_responses.json"

    @property
    def location(self) -> str:
        """The file."""
        return str(self.file)

    def write(self, key: str, number: int) -> None:
        """Change the memory and write all of it."""
        now = time.time()
        self.memory[key] = {"response": text(number), "created_at": now, "last_accessed": now}
        _put(self.file, json.dumps(self.memory, indent=2, ensure_ascii=False).encode(), by_rename=True)

    def stored(self, key: str) -> int | None:
        """Out of the file."""
        entry = json.loads(self.file.read_bytes()).get(key)
        return None if entry is None else number_in(entry["response"].encode())


class JsonTable(Application):
    """A list of objects in a file."""

    format = "json-table"
    options: Mapping[str, str] = {"key": "id", "value": "body", "created": "saved"}

    def prepare(self) -> None:
        """An empty memory."""
        self.memory: dict[str, object] = {}

    @property
    def file(self) -> Path:
        """Where the list is."""
        return self.folder / "entries.json"

    @property
    def location(self) -> str:
        """The file."""
        return str(self.file)

    def write(self, key: str, number: int) -> None:
        """Change the memory and write all of it."""
        self.memory[key] = {"id": key, "body": text(number), "saved": time.time()}
        _put(self.file, json.dumps(list(self.memory.values())).encode(), by_rename=True)

    def stored(self, key: str) -> int | None:
        """Out of the list."""
        found = [entry["body"] for entry in json.loads(self.file.read_bytes()) if entry["id"] == key]
        return number_in(found[-1].encode()) if found else None


class Assets(Application):
    """S4: the value file, then its row."""

    format, five = "asset-cache", True

    def prepare(self) -> None:
        """The index."""
        with closing(sqlite3.connect(self.folder / "cache.db")) as database, database:
            database.execute(
                "CREATE TABLE cache_entries(id INTEGER PRIMARY KEY, asset_type TEXT NOT NULL,"
                " prompt_hash TEXT NOT NULL, prompt_text TEXT NOT NULL, file_path TEXT NOT NULL,"
                " metadata TEXT, created_at TEXT, last_used_at TEXT,"
                " use_count INTEGER DEFAULT 1, UNIQUE(asset_type, prompt_hash))"
            )

    @property
    def location(self) -> str:
        """The folder."""
        return str(self.folder)

    def write(self, key: str, number: int) -> None:
        """A new file under the name of the old one, and the row in place of the old one."""
        file = self.folder / "image" / f"{key}.png"
        file.parent.mkdir(exist_ok=True)
        _put(file, b"\x89PNG\r\n\x1a\n" + text(number).encode(), by_rename=True)
        now = datetime.now().isoformat()
        row = ("image", key, text(number), str(file), "{}", now, now)
        with closing(sqlite3.connect(self.folder / "cache.db")) as database, database:
            database.execute(
                "INSERT OR REPLACE INTO cache_entries(asset_type, prompt_hash, prompt_text, file_path, metadata,"
                " created_at, last_used_at) VALUES(?,?,?,?,?,?,?)",
                row,
            )

    def stored(self, key: str) -> int | None:
        """The number of the row where its file holds the same."""
        with closing(sqlite3.connect(self.folder / "cache.db")) as database:
            row = database.execute("SELECT prompt_text FROM cache_entries WHERE prompt_hash=?", (key,)).fetchone()
        in_file = _number_of(self.folder / "image" / f"{key}.png")
        return in_file if row is not None and number_in(row[0].encode()) == in_file else None


class Table(Application):
    """Rows of any SQLite database."""

    format = "sqlite-table"
    options: Mapping[str, str] = {"table": "http_cache", "key": "k", "value": "v", "created": "at"}
    journal = "DELETE"

    def prepare(self) -> None:
        """The table."""
        with closing(sqlite3.connect(self.file)) as database, database:
            database.execute(f"PRAGMA journal_mode={self.journal}")
            database.execute("CREATE TABLE http_cache(k TEXT PRIMARY KEY, v BLOB, at REAL)")

    @property
    def file(self) -> Path:
        """The database."""
        return self.folder / "app.db"

    @property
    def location(self) -> str:
        """The database."""
        return str(self.file)

    def write(self, key: str, number: int) -> None:
        """One statement, one transaction."""
        with closing(sqlite3.connect(self.file)) as database, database:
            database.execute(
                "INSERT INTO http_cache VALUES(?,?,?) ON CONFLICT(k) DO UPDATE SET v=excluded.v, at=excluded.at",
                (key, text(number).encode(), time.time()),
            )

    def stored(self, key: str) -> int | None:
        """Out of its row."""
        with closing(sqlite3.connect(self.file)) as database:
            row = database.execute("SELECT v FROM http_cache WHERE k=?", (key,)).fetchone()
        return None if row is None else number_in(row[0])


class WalTable(Table):
    """The same with a write-ahead log."""

    journal = "WAL"


class RedisKeys(Application):
    """Any keys of a server."""

    format = "redis"
    prefix = "plain:"

    def __init__(self, folder: Path, url: str) -> None:
        import redis

        self.url = url
        self.client = redis.Redis.from_url(url, protocol=2)
        super().__init__(folder)

    @property
    def location(self) -> str:
        """The URL with the prefix."""
        return f"{self.url}?prefix={self.prefix}"

    def shown(self, key: str) -> str:
        """With the prefix."""
        return self.prefix + key

    def write(self, key: str, number: int) -> None:
        """With a TTL."""
        self.client.set(self.prefix + key, text(number), ex=3600)

    def stored(self, key: str) -> int | None:
        """Out of its key."""
        value = self.client.get(self.prefix + key)
        return number_in(value) if isinstance(value, bytes) else None


class RedisResponse(RedisKeys):
    """S5: a response and its twin."""

    format, five = "redis-response", True
    prefix = "luciddreamer:cache:"

    def write(self, key: str, number: int) -> None:
        """Both in one round trip."""
        response = {"content": text(number), "request_id": f"r{number}", "provider_used": "openai", "cost_usd": 0.002}
        meta = {"request_id": f"r{number}", "provider_used": "openai", "cached_at": "2026-11-20T10:00:00Z"}
        with self.client.pipeline() as pipeline:
            pipeline.set(self.prefix + key, json.dumps(response), ex=3600)
            pipeline.set(f"{self.prefix}{key}:meta", json.dumps(meta | {"ttl_seconds": 3600}), ex=3600)
            pipeline.execute()

    def stored(self, key: str) -> int | None:
        """The number of the response where the twin has the same."""
        meta = self.client.get(f"{self.prefix}{key}:meta")
        number = super().stored(key)
        return number if isinstance(meta, bytes) and f'"r{number}"'.encode() in meta else None


FILES: tuple[Callable[[Path], Application], ...] = (
    JsonDirectory,
    MultiLevel,
    JsonFile,
    JsonTable,
    Assets,
    Table,
    WalTable,
)
"""Every format that lies in files."""


@contextmanager
def everything(folder: Path) -> Iterator[list[Application]]:
    """One of each; those in Redis where there is a server."""
    found = [kind(folder) for kind in FILES]
    if not find_redis_server():
        yield found
        return
    with RedisServer() as server:
        caches = [RedisResponse(folder, server.url), RedisKeys(folder, server.url)]
        try:
            yield [*found, *caches]
        finally:
            for cache in caches:
                cache.client.close()


def _put(path: Path, content: bytes, *, by_rename: bool) -> None:
    if by_rename:
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_bytes(content)
        os.replace(temporary, path)
    else:
        path.write_bytes(content)


def _number_of(path: Path) -> int | None:
    try:
        return number_in(path.read_bytes())
    except FileNotFoundError:
        return None
