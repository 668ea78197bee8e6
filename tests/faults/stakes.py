"""The caches that the fault loops put at stake: filled as their applications do, and read without the studio.

`entries` is the truth of a cache: what each entry is to the byte, with times, expiry, tags and value file. `damage`
says what is wrong with the cache as a whole, `leftovers` names what lies there and belongs to no entry.
"""

from __future__ import annotations

import json
import pickle
import random
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from json.decoder import scanstring
from pathlib import Path

from servers import RedisServer

from cache_studio.adapters.registry import get_format

NOW = datetime.now()
OLD = NOW - timedelta(days=3)
LONG = 1_200_000
"""Bytes of a value that the trash keeps as a file of its own, and that is compared by its identity."""
HIDDEN = ".cs-"
REMOVING = ("purge", "evict", "clear")


def digest(number: int) -> str:
    """A key as caches have them."""
    return sha256(str(number).encode()).hexdigest()


def made(number: int) -> datetime:
    """When an entry was made: every second one is stale."""
    return (OLD if number % 2 else NOW) - timedelta(seconds=number)


def value(number: int, length: int = 400) -> str:
    """A text of about this length that no other entry has."""
    return f"{number} \u00e9\u4e2d " + random.Random(number).randbytes(length // 2).hex()


class Stake(ABC):
    """A cache below one folder. Picklable: it travels into the processes that are killed."""

    name: str
    """The format, and after a blank what is special."""
    count: int
    verbs: tuple[str, ...] = (*REMOVING, "compact", "undo")

    def __init__(self, folder: Path) -> None:
        self.folder = folder / self.name.replace(" ", "-")
        self.target = ""
        """As a command would remember it: format and options decided."""

    @property
    @abstractmethod
    def wanted(self) -> str:
        """The target as a user names it."""

    @abstractmethod
    def fill(self) -> None:
        """Write the cache anew, whole."""

    @abstractmethod
    def entries(self) -> Mapping[str, object]:
        """Every entry as it is stored, to the byte."""

    def damage(self) -> list[str]:
        """What is wrong with the cache as a whole."""
        return []

    def leftovers(self) -> list[str]:
        """What we left there."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob(f"{HIDDEN}*"))

    def litter(self) -> None:
        """Give `compact` something to do."""
        for number in range(200):
            (self._litter_folder() / f"{HIDDEN}{number:016x}.new").write_bytes(b"x" * 100)

    def _litter_folder(self) -> Path:
        return self.folder


class Files(Stake):
    """One file an entry."""

    @abstractmethod
    def _write(self) -> None: ...

    def fill(self) -> None:
        """Write every file."""
        clear_folder(self.folder)
        self._write()

    def entries(self) -> Mapping[str, object]:
        """Content, rights and times of every file, by path."""
        return tree(self.folder)


class JsonDirectory(Files):
    """S1."""

    name = "json-directory"
    count = 300

    @property
    def wanted(self) -> str:
        """A folder."""
        return f"json-directory:{self.folder}?ttl=24h"

    def _write(self) -> None:
        for number in range(self.count):
            length = LONG if number % 100 == 0 else 400
            entry = {
                "cache_key": digest(number),
                "timestamp": made(number).isoformat(),
                "result": value(number, length),
            }
            (self.folder / f"{digest(number)}.json").write_text(json.dumps(entry), "utf-8")


class MultiLevel(Files):
    """S3, its disk level."""

    name = "multi-level"
    count = 300

    @property
    def wanted(self) -> str:
        """The folder above the levels."""
        return f"multi-level:{self.folder}"

    def _write(self) -> None:
        for number in range(self.count):
            space = self.folder / "l3" / ("ai_operations", "plain", "tts")[number % 3]
            space.mkdir(parents=True, exist_ok=True)
            entry = {
                "value": value(number),
                "created_at": made(number).astimezone(UTC),
                "ttl": None if number % 20 == 0 else timedelta(hours=6, milliseconds=number),
                "tags": {"analyze", f"model:{number % 7}"},
                "namespace": space.name,
            }
            (space / f"analyze:{digest(number)[:32]}.cache").write_bytes(pickle.dumps(entry))

    def _litter_folder(self) -> Path:
        return self.folder / "l3" / "plain"


class JsonFile(Stake):
    """S2."""

    name = "json-file"
    count = 600

    @property
    def wanted(self) -> str:
        """The file."""
        return f"json-file:{self.file}"

    @property
    def file(self) -> Path:
        """Where all entries are."""
        return self.folder / "ai_responses.json"

    def fill(self) -> None:
        """Write the file, with numbers and letters that another writer would write another way."""
        clear_folder(self.folder)
        rows = []
        for number in range(self.count):
            at = (NOW - timedelta(days=30) if number % 2 else NOW).timestamp() - number
            text = json.dumps(value(number), ensure_ascii=number % 3 == 0)
            more = '"odd": [1E5, -0, 1.50, "\\/"], ' if number % 5 == 0 else ""
            rows.append(
                f'  "{digest(number)}": {{{more}"created_at": {at!r}, "last_accessed": {at!r}, "response": {text}}}'
            )
        self.file.write_text("{\n" + ",\n".join(rows) + "\n}", "utf-8")

    def entries(self) -> Mapping[str, object]:
        """The text of every entry, by key."""
        return spans(self.file.read_text("utf-8"))

    def damage(self) -> list[str]:
        """A file that is no JSON any more."""
        try:
            json.loads(self.file.read_bytes())
        except ValueError as error:
            return [f"no JSON: {error}"]
        return []


class Table(Stake):
    """Plain SQLite; journal as it comes."""

    name = "sqlite-table"
    count = 2000
    journal = "DELETE"

    @property
    def wanted(self) -> str:
        """The table."""
        mapping = "key=cache_key&value=value&created=created_at&expires=expires_at"
        return f"sqlite-table:{self.file}?table=http_cache&{mapping}"

    @property
    def file(self) -> Path:
        """The database."""
        return self.folder / "app.db"

    def fill(self) -> None:
        """Write every row."""
        clear_folder(self.folder)
        with closing(sqlite3.connect(self.file)) as database, database:
            database.execute(f"PRAGMA journal_mode={self.journal}")
            database.execute(
                "CREATE TABLE http_cache(cache_key TEXT PRIMARY KEY, value BLOB, created_at REAL, expires_at REAL, odd)"
            )
            database.executemany(
                "INSERT INTO http_cache VALUES(?,?,?,?,?)",
                (
                    (
                        digest(n),
                        value(n, 800).encode(),
                        at,
                        at + 86_400.001 * (n % 9 + 1) % 90_000,
                        (None, n, 1.5)[n % 3],
                    )
                    for n in range(self.count)
                    if (at := made(n).timestamp())
                ),
            )

    def entries(self) -> Mapping[str, object]:
        """Every column with the rowid, by key."""
        with closing(sqlite3.connect(self.file)) as database:
            rows = database.execute("SELECT cache_key, rowid, * FROM http_cache").fetchall()
        return {row[0]: row[1:] for row in rows}

    def damage(self) -> list[str]:
        """What SQLite's own check says."""
        return check_database(self.file)

    def leftovers(self) -> list[str]:
        """Anything but the database."""
        return sorted(path.name for path in self.folder.iterdir() if not path.name.startswith(self.file.name))

    def litter(self) -> None:
        """Free pages."""
        free_pages(self.file)


class WalTable(Table):
    """The same with a write-ahead log."""

    name = "sqlite-table in WAL mode"
    journal = "WAL"


class Assets(Stake):
    """S4: a row and a file an entry."""

    name = "asset-cache"
    count = 240

    @property
    def wanted(self) -> str:
        """The folder."""
        return f"asset-cache:{self.folder}?ttl=24h"

    @property
    def file(self) -> Path:
        """The index."""
        return self.folder / "cache.db"

    def fill(self) -> None:
        """Write every file and its row."""
        clear_folder(self.folder)
        with closing(sqlite3.connect(self.file)) as database, database:
            database.execute(
                "CREATE TABLE cache_entries(id INTEGER PRIMARY KEY, asset_type TEXT NOT NULL,"
                " prompt_hash TEXT NOT NULL, prompt_text TEXT NOT NULL, file_path TEXT NOT NULL, metadata TEXT,"
                " created_at TEXT, last_used_at TEXT, use_count INTEGER DEFAULT 1, UNIQUE(asset_type, prompt_hash))"
            )
            for number in range(self.count):
                kind, suffix = (("image", ".png"), ("tts", ".wav"))[number % 2]
                file = self.folder / kind / (digest(number) + suffix)
                file.parent.mkdir(exist_ok=True)
                file.write_bytes(value(number, LONG if number % 80 == 0 else 2000).encode())
                at = made(number // 2).isoformat()
                database.execute(
                    "INSERT INTO cache_entries VALUES(?,?,?,?,?,?,?,?,?)",
                    (
                        number + 5,
                        kind,
                        digest(number),
                        f"fox {number}",
                        str(file),
                        '{"a": 1.0}',
                        at,
                        at,
                        number % 9 + 1,
                    ),
                )

    def entries(self) -> Mapping[str, object]:
        """Row and file together, by the row's key; files without a row and rows without a file stand alone."""
        with closing(sqlite3.connect(self.file)) as database:
            rows = database.execute("SELECT * FROM cache_entries").fetchall()
        files = {name: facts for name, facts in tree(self.folder).items() if not name.startswith(self.file.name)}
        found: dict[str, object] = {}
        for row in rows:
            name = f"{row[1]}/{Path(row[4]).name}"
            found[name] = (row, files.pop(name, "no file"))
        return found | {f"no row for {name}": facts for name, facts in files.items()}

    def damage(self) -> list[str]:
        """What SQLite's own check says."""
        return check_database(self.file)

    def litter(self) -> None:
        """Free pages."""
        free_pages(self.file)


_CONTENT = """
if redis.call('TYPE', KEYS[1]).ok == 'hash' then return redis.call('HGETALL', KEYS[1]) end
return redis.call('DUMP', KEYS[1])
"""


class RedisKeys(Stake):
    """Any keys of a server; the URL is put in when it runs. Nothing stays stale in Redis: it is invalidated."""

    name = "redis"
    count = 900
    verbs = ("invalidate", "evict", "clear", "undo")
    url = ""

    @property
    def wanted(self) -> str:
        """The keys below a prefix."""
        return f"{self.url}?format=redis&prefix=app:"

    def fill(self) -> None:
        """Write strings, lists, hashes, sets and sorted sets, most with an expiry to the millisecond."""
        import redis

        with redis.Redis.from_url(self.url, protocol=2) as client, client.pipeline() as pipeline:
            pipeline.flushall()
            for number in range(self.count):
                key = f"app:ns{number % 4}:{digest(number)}"
                self._write_one(pipeline, key, number)
                if number % 6:
                    pipeline.pexpireat(key, int((NOW + timedelta(hours=5)).timestamp() * 1000) + number)
            pipeline.execute()

    @staticmethod
    def _write_one(pipeline: object, key: str, number: int) -> None:
        text = value(number)
        writes: list[Callable[[], object]] = [
            lambda: pipeline.set(key, text),  # type: ignore[attr-defined]
            lambda: pipeline.rpush(key, text, "b", "a"),  # type: ignore[attr-defined]
            lambda: pipeline.hset(key, mapping={"a": text, "b": "\xff"}),  # type: ignore[attr-defined]
            lambda: pipeline.zadd(key, {text: 1.5, "b": float(number)}),  # type: ignore[attr-defined]
        ]
        writes[number % len(writes)]()

    def entries(self) -> Mapping[str, object]:
        """The server's own dump of every key (of a hash its fields: they have no order), expiry in milliseconds."""
        import redis

        with redis.Redis.from_url(self.url, protocol=2) as client:
            names = sorted(client.keys())
            with client.pipeline() as pipeline:
                for name in names:
                    pipeline.eval(_CONTENT, 1, name)
                    pipeline.execute_command("PEXPIRETIME", name)
                answers = pipeline.execute()
        contents = [_in_order(found) if isinstance(found, list) else found for found in answers[::2]]
        return {repr(name): (contents[at], answers[2 * at + 1]) for at, name in enumerate(names)}

    def leftovers(self) -> list[str]:
        """None: every key of the server is looked at as an entry."""
        return []

    def litter(self) -> None:
        """Nothing."""


def _in_order(fields_and_values: list[bytes]) -> list[tuple[bytes, bytes]]:
    return sorted(zip(fields_and_values[::2], fields_and_values[1::2], strict=True))


def all_stakes(folder: Path, server: RedisServer | None) -> list[Stake]:
    """Every kind, filled, its adapter imported for the processes that are forked; Redis where there is a server."""
    stakes: list[Stake] = [kind(folder) for kind in (JsonDirectory, JsonFile, MultiLevel, Assets, Table, WalTable)]
    if server is not None:
        keys = RedisKeys(folder)
        keys.url = server.url
        stakes.append(keys)
    for stake in stakes:
        stake.fill()
        get_format(stake.name.partition(" ")[0]).adapter_class()
    return stakes


def clear_folder(folder: Path) -> None:
    """Make it, empty."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def tree(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Content (a digest where it is long), rights and modification time of every file that is not hidden."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith(HIDDEN):
            content, status = path.read_bytes(), path.stat()
            short = content if len(content) < 10_000 else sha256(content).digest()
            found[str(path.relative_to(folder))] = (short, status.st_mode, status.st_mtime_ns)
    return found


def spans(text: str) -> dict[str, str]:
    """The members of a JSON object, each with the very text of its value; a doubled key gets a name of its own."""
    found: dict[str, str] = {}
    decode = json.JSONDecoder().raw_decode
    at = text.index("{") + 1
    while (start := text.find('"', at)) >= 0:
        key, at = scanstring(text, start + 1)
        at = text.index(":", at) + 1
        at += len(text[at:]) - len(text[at:].lstrip())
        _, end = decode(text, at)
        found[key if key not in found else f"{key} twice"] = text[at:end]
        at = end
    return found


def check_database(file: Path) -> list[str]:
    """`PRAGMA quick_check` on a database that is opened as an application does."""
    try:
        with closing(sqlite3.connect(file)) as database:
            verdicts = [row[0] for row in database.execute("PRAGMA quick_check")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if verdicts == ["ok"] else verdicts


def free_pages(file: Path) -> None:
    """Write a megabyte and a half and delete it again."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS litter(x)")
        database.executemany("INSERT INTO litter VALUES(zeroblob(3000))", [()] * 500)
        database.execute("DELETE FROM litter")
