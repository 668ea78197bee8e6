"""The runtime's side of an asset cache: get, put, delete and touch by key."""

import hashlib
import json
import math
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from cache_studio.adapters.asset_cache.layout import (
    EXPIRES,
    SCHEMA,
    TAGS,
    Columns,
    layout_parts,
    read_metadata,
    tags_of,
)
from cache_studio.adapters.asset_cache.names import DATABASE, FOLDER, OTHER_SUFFIX, SUFFIXES, TABLE
from cache_studio.adapters.asset_cache.value_files import ValueFile, ValueFiles
from cache_studio.adapters.files import Folder, NoRegularFile, safe_name
from cache_studio.adapters.key_access import Held, KeyAccess, Known
from cache_studio.adapters.sqlite_errors import BUSY_SECONDS, speaking_plainly
from cache_studio.adapters.sqlite_open import Cell, placeholders, quoted, readable_text, tables_of
from cache_studio.adapters.sqlite_text import shown_key
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target

DEFAULT_TYPE = "image"
"""The type of an entry without a namespace."""
TEXT = "prompt_text"
"""The name in `Held.metadata` that goes into the column of the prompt."""


class AssetCacheAccess(KeyAccess):
    """One connection, used by one thread at a time; the journal mode is left as it is."""

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> "AssetCacheAccess":
        """Open the cache or create it: a root or folder gets `cache.db`, a path that ends in .db is the database."""
        path = _database_path(target.location)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except OSError as error:
            raise CacheUnavailable(f"The folder cannot be made: {error.strerror}.", "Check the path.") from error
        access = cls()
        access._lock = threading.Lock()
        with speaking_plainly(), ExitStack() as undo:
            access._database = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            undo.callback(access._database.close)
            access._database.text_factory = readable_text
            name = str(options.get("table") or TABLE)
            if name == TABLE:
                access._database.execute(SCHEMA)
            tables = tables_of(access._database)
            if name not in tables:
                raise CacheUnavailable(f"The database has no table “{name}”.", "Only the usual table is created.")
            access._columns = Columns.of(tables[name], options)
            access._root = Folder.open(os.path.dirname(path))
            access._closed = False
            undo.pop_all()
        return access

    _lock: threading.Lock
    _database: sqlite3.Connection
    _columns: Columns
    _root: Folder
    _closed: bool

    def _ask(self, sql: str, values: Sequence[Cell] = ()) -> list[tuple[Any, ...]]:
        with self._lock, speaking_plainly():
            return self._database.execute(sql, values).fetchall()

    def _change(self, sql: str, values: Sequence[Cell]) -> int:
        with self._lock, speaking_plainly():
            return self._database.execute(sql, values).rowcount

    @property
    def _table(self) -> str:
        return quoted(self._columns.table.name)

    def _rows(self, where: str, values: Sequence[Cell]) -> list[dict[str, Any]]:
        names = self._columns.names
        sql = f"SELECT {', '.join(map(quoted, names.values()))} FROM {self._table} WHERE {where}"
        return [dict(zip(names, row, strict=True)) for row in self._ask(sql, values)]

    def _where(self, key: str, namespace: str) -> tuple[str, list[Cell]]:
        parts = {"key": key, **({"asset_type": namespace or DEFAULT_TYPE} if self._has("asset_type") else {})}
        marks = [f"{quoted(self._columns.names[part])} = ?" for part in parts]
        return " AND ".join(marks), list(parts.values())

    def _has(self, part: str) -> bool:
        return part in self._columns.names

    def _find(self, row: Mapping[str, Any]) -> ValueFile:
        with ValueFiles(self._root) as files:
            place = (shown_key(row.get("asset_type")), shown_key(row["key"]), shown_key(row["file"]))
            return files.find(*place)

    def get(self, key: str, namespace: str = "") -> Held | None:
        """The file's content with what the row says; None when row or file is missing."""
        rows = self._rows(*self._where(key, namespace))
        file = self._find(rows[0]) if rows else None
        if file is None or file.parts is None:
            return None
        try:
            with self._root.holding(file.parts) as folder:
                value, _status = folder.read(file.parts[-1])
        except (OSError, NoRegularFile):
            return None
        known = self._known(rows[0], len(value))
        metadata = read_metadata(rows[0].get("metadata"))
        tags = tags_of(metadata)
        rest: dict[str, object] = {name: one for name, one in metadata.items() if name not in (TAGS, EXPIRES)}
        if self._has("text"):
            rest[TEXT] = shown_key(rows[0]["text"])
        return Held(value, known.created, known.expires, known.accessed, known.hits or 0, tags, rest)

    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """The file first, by rename, then the row: a reader never sees a row without its file."""
        asset_type = namespace or DEFAULT_TYPE
        parts = layout_parts(asset_type, key) or _hashed_parts(asset_type, key)
        try:
            with self._root.holding(parts, create=True) as folder:
                folder.replace(parts[-1], held.value)
        except OSError as error:
            raise CacheUnavailable(f"The value file cannot be written: {error.strerror}.", "") from error
        row: dict[str, Cell] = {
            "key": key,
            "file": os.path.join(self._root.path, *parts),
            "asset_type": asset_type,
            "text": str(held.metadata.get(TEXT, "")),
            "metadata": self._metadata(held),
            "created": self._columns.written(held.created),
            "accessed": self._columns.written(held.created if held.accessed is None else held.accessed),
            "uses": held.hits + self._columns.first_use,
        }
        self._store({part: cell for part, cell in row.items() if self._has(part)}, key, namespace)

    def _store(self, row: Mapping[str, Cell], key: str, namespace: str) -> None:
        names = [quoted(self._columns.names[part]) for part in row]
        marks, values = placeholders(list(row.values()))
        where, found_by = self._where(key, namespace)
        with self._lock, speaking_plainly():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                settings = ", ".join(f"{name} = ?" for name in names)
                sql = f"UPDATE {self._table} SET {settings} WHERE {where}"
                if not self._database.execute(sql, [*row.values(), *found_by]).rowcount:
                    sql = f"INSERT INTO {self._table} ({', '.join(names)}) VALUES ({marks})"
                    self._database.execute(sql, values)
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise

    def _metadata(self, held: Held) -> str:
        found = {name: one for name, one in held.metadata.items() if name != TEXT}
        if held.tags:
            found[TAGS] = list(held.tags)
        if held.expires is not None and held.expires != held.created + self._columns.ttl:
            found[EXPIRES] = held.expires
        return json.dumps(found, ensure_ascii=False)

    def delete(self, key: str, namespace: str = "") -> bool:
        """The row, then its file."""
        where, values = self._where(key, namespace)
        rows = self._rows(where, values)
        removed = self._change(f"DELETE FROM {self._table} WHERE {where}", values) if rows else 0
        if removed:
            file = self._find(rows[0])
            if file.parts is not None:
                with suppress(OSError), self._root.holding(file.parts) as folder:
                    folder.unlink(file.parts[-1])
        return bool(removed)

    def touch(self, key: str, namespace: str, accessed: float) -> None:
        """Count a use and note when."""
        where, values = self._where(key, namespace)
        settings, given = [], []
        if self._has("uses"):
            uses = quoted(self._columns.names["uses"])
            settings.append(f"{uses} = coalesce({uses}, {self._columns.first_use}) + 1")
        if self._has("accessed"):
            settings.append(f"{quoted(self._columns.names['accessed'])} = ?")
            given.append(self._columns.written(accessed))
        if settings:
            self._change(f"UPDATE {self._table} SET {', '.join(settings)} WHERE {where}", [*given, *values])

    def known(self) -> Iterator[Known]:
        """Every row; its size is that of its value file."""
        for row in self._rows("1", ()):
            yield self._known(row, self._find(row).size)

    def _known(self, row: Mapping[str, Any], size: int) -> Known:
        created = self._columns.moment(row.get("created"))
        created = 0.0 if math.isnan(created) else created  # older than everything: the first to go
        accessed = self._columns.moment(row.get("accessed"))
        expires = self._columns.expiry(created, read_metadata(row.get("metadata")))
        uses = row.get("uses")
        return Known(
            shown_key(row["key"]),
            shown_key(row.get("asset_type")),
            size,
            created,
            expires if math.isfinite(expires) else None,
            None if math.isnan(accessed) else accessed,
            max(0, uses - self._columns.first_use) if isinstance(uses, int) else None,
        )

    def close(self) -> None:
        """Close the database and let go of the folder."""
        if not self._closed:
            self._closed = True
            with self._lock:
                self._database.close()
            self._root.close()


def _database_path(location: str) -> str:
    location = os.path.abspath(location)
    if location.endswith((".db", ".sqlite", ".sqlite3")) and not os.path.isdir(location):
        return location
    if os.path.isfile(os.path.join(location, DATABASE)) or os.path.basename(location) == FOLDER:
        return os.path.join(location, DATABASE)
    return os.path.join(location, FOLDER, DATABASE)


def _hashed_parts(asset_type: str, key: str) -> tuple[str, ...]:
    """Where the file of a key lies that makes no file name."""
    folder = asset_type if safe_name(asset_type) else hashlib.sha256(_bytes(asset_type)).hexdigest()
    return folder, hashlib.sha256(_bytes(key)).hexdigest() + SUFFIXES.get(asset_type, OTHER_SUFFIX)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
