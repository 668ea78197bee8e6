"""The runtime's side of an asset cache: a row of the index and a value file for each key."""

import logging
import math
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from cache_studio.adapters.asset_cache.entry_files import EntryFiles
from cache_studio.adapters.asset_cache.layout import EXPIRES, SCHEMA, TAGS, Columns, read_metadata, tags_of
from cache_studio.adapters.asset_cache.names import DATABASE, FOLDER, TABLE
from cache_studio.adapters.asset_cache.value_files import ValueFiles
from cache_studio.adapters.files import Folder, unavailable
from cache_studio.adapters.key_access import Held, Known, Place
from cache_studio.adapters.sqlite_access import SQLiteAccess, json_cell, later_sql
from cache_studio.adapters.sqlite_link import Link, text_cell
from cache_studio.adapters.sqlite_open import Cell, quoted, tables_of
from cache_studio.adapters.sqlite_text import shown_key
from cache_studio.model.errors import BadRequest, CacheStudioError, CacheUnavailable
from cache_studio.model.globs import matcher
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target

DEFAULT_TYPE = "image"
"""The type of an entry without a namespace."""
TEXT = "prompt_text"
"""The name in `Held.metadata` that goes into the column of the prompt."""
_TEXTS = ("key", "file", "asset_type", "text")
_MARK = "CAST(? AS TEXT)"
Row = Mapping[str, Any]
"""The cells of an entry by part."""
_log = logging.getLogger(__name__)


class AssetCacheAccess(SQLiteAccess):
    """Row and file change together in one transaction, so no process sees the one without the other.

    The database of another application keeps its journal mode; a commit there costs what that mode costs.
    """

    def __init__(self, link: Link, columns: Columns, root: Folder) -> None:
        super().__init__(link)
        self._columns = columns
        self._files = EntryFiles(root)
        self._table = quoted(columns.table.name)
        self._has_types = "asset_type" in columns.names
        self._where = " AND ".join(f"{quoted(columns.names[part])} = {_MARK}" for part in self._identity)
        self._read_parts = list(columns.names)
        self._listed_parts = [part for part in columns.names if part != "text"]
        self._uses_sql = self._uses_update()

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> "AssetCacheAccess":
        """Open the cache or create it: a root or folder gets `cache.db`, a path that ends in .db is the database."""
        link = Link(_database_path(target.location))
        try:
            columns = _columns(link, options)
            return cls(link, columns, Folder.open(os.path.dirname(link.path)))
        except BaseException:
            link.close()
            raise

    @property
    def _identity(self) -> tuple[str, ...]:
        return ("asset_type", "key") if self._has_types else ("key",)

    def _uses_update(self) -> str:
        settings, names = [], self._columns.names
        if "uses" in names:
            uses = quoted(names["uses"])
            settings.append(f"{uses} = coalesce({uses}, {self._columns.first_use}) + ?")
        if "accessed" in names:
            accessed = quoted(names["accessed"])
            settings.append(f"{accessed} = {later_sql(accessed)}")
        return f"UPDATE {self._table} SET {', '.join(settings)} WHERE {self._where}" if settings else ""

    def _place(self, key: str, namespace: str) -> Place:
        if namespace and not self._has_types:
            raise BadRequest("This table has no column for namespaces.", "Name one: ?asset_type=COLUMN.")
        return (namespace or DEFAULT_TYPE if self._has_types else ""), key

    def _cells(self, place: Place) -> list[Cell]:
        key = text_cell(place[1], "The key")
        return [text_cell(place[0], "The namespace"), key] if self._has_types else [key]

    def _select(self, parts: Sequence[str]) -> str:
        return f"SELECT {', '.join(quoted(self._columns.names[part]) for part in parts)} FROM {self._table}"

    # One key.

    def get(self, key: str, namespace: str = "") -> Held | None:
        """The file's content with what the row says; None when row or file is missing."""
        self._write_when_due()
        place = self._place(key, namespace)
        rows = self._link.rows(f"{self._select(self._read_parts)} WHERE {self._where}", self._cells(place))
        return self._held(place, rows[0], self._uses.of(place)) if rows else None

    def _read(self, connection: sqlite3.Connection, place: Place) -> Held | None:
        cells = self._row(connection, place)
        return None if cells is None else self._held(place, cells)

    def _row(self, connection: sqlite3.Connection, place: Place) -> tuple[Cell, ...] | None:
        sql = f"{self._select(self._read_parts)} WHERE {self._where}"
        found: tuple[Cell, ...] | None = connection.execute(sql, self._cells(place)).fetchone()
        return found

    def _held(self, place: Place, cells: Sequence[Cell], used: tuple[int, float] = (0, -math.inf)) -> Held | None:
        row = dict(zip(self._read_parts, cells, strict=True))
        value = self._files.read(place, shown_key(row["file"]))
        if value is None:
            return None
        metadata = read_metadata(row.get("metadata"))
        known = self._known(place, row, metadata, len(value))
        accessed = known.accessed
        if used[0]:
            accessed = used[1] if accessed is None else max(accessed, used[1])
        rest: dict[str, object] = {name: one for name, one in metadata.items() if name not in (TAGS, EXPIRES)}
        if "text" in row:
            rest[TEXT] = shown_key(row["text"])
        return Held(value, known.created, known.expires, accessed, (known.hits or 0) + used[0], known.tags, rest)

    def holds(self, key: str, namespace: str = "") -> bool:
        """Whether there are row and file; the file is not read."""
        place = self._place(key, namespace)
        rows = self._link.rows(f"{self._select(['file'])} WHERE {self._where}", self._cells(place))
        with ValueFiles(self._files.root) as files:
            return bool(rows) and self._files.locate(files, place, shown_key(rows[0][0])) is not None

    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """The file is written aside, then gets its name while nobody else can write its row."""
        self._write_when_due()
        place = self._place(key, namespace)
        found_by = self._cells(place)
        parts = self._files.parts(*place)
        row = self._new_row(place, held, self._files.path(parts))
        try:
            with self._files.written(parts, held.value) as unfinished, self._link.writing() as connection:
                before = self._row(connection, place)
                self._store(connection, row, None if before is None else found_by)
                unfinished.publish()
        except OSError as error:
            raise _unwritable(self._files.path(parts), error) from error
        self._uses.forget(place)
        left = "" if before is None else shown_key(before[self._read_parts.index("file")])
        if left and left != self._files.path(parts):
            self._clean_up({place: left})

    def _new_row(self, place: Place, held: Held, path: str) -> dict[str, Cell]:
        row: dict[str, Cell] = {
            "key": text_cell(place[1], "The key"),
            "file": text_cell(path, "The path of the cache"),
            "asset_type": text_cell(place[0], "The namespace"),
            "text": text_cell(str(held.metadata.get(TEXT, "")), "The prompt"),
            "metadata": self._metadata(held),
            "created": self._columns.written(held.created),
            "accessed": self._columns.written(held.created if held.accessed is None else held.accessed),
            "uses": held.hits + self._columns.first_use,
        }
        return {part: cell for part, cell in row.items() if part in self._columns.names}

    def _store(self, connection: sqlite3.Connection, row: Mapping[str, Cell], found_by: list[Cell] | None) -> None:
        names = [quoted(self._columns.names[part]) for part in row]
        marks = [_MARK if part in _TEXTS else "?" for part in row]
        if found_by is not None:
            settings = ", ".join(f"{name} = {mark}" for name, mark in zip(names, marks, strict=True))
            sql = f"UPDATE {self._table} SET {settings} WHERE {self._where}"
            connection.execute(sql, [*row.values(), *found_by])
        else:
            sql = f"INSERT INTO {self._table} ({', '.join(names)}) VALUES ({', '.join(marks)})"
            connection.execute(sql, list(row.values()))

    def _metadata(self, held: Held) -> str:
        found = {name: one for name, one in held.metadata.items() if name != TEXT}
        if held.tags:
            found[TAGS] = list(held.tags)
        usual = None if self._columns.ttl == math.inf else held.created + self._columns.ttl
        if held.expires != usual:
            found[EXPIRES] = held.expires
        return json_cell(found)

    def _remove(self, connection: sqlite3.Connection, place: Place) -> str | None:
        row = self._row(connection, place)
        if row is None:
            return None
        connection.execute(f"DELETE FROM {self._table} WHERE {self._where}", self._cells(place))
        return shown_key(row[self._read_parts.index("file")])

    def _clean_up(self, left: Mapping[Place, str]) -> None:
        """Remove files that no row names any more, while nobody can write one that does."""
        if not left:
            return
        try:
            with self._link.writing() as connection, ValueFiles(self._files.root) as files:
                for place, file_path in left.items():
                    located = self._files.locate(files, place, file_path)
                    if located is not None and not self._is_named(connection, files, place, file_path, located[0]):
                        self._files.unlink(files, located[0])
        except CacheStudioError as error:
            _log.info("Value files of removed entries stay until the cache is compacted: %s", error.message)

    def _is_named(
        self, connection: sqlite3.Connection, files: ValueFiles, place: Place, file_path: str, parts: tuple[str, ...]
    ) -> bool:
        """Whether the entry was stored anew with this file, or another row has the same path."""
        row = self._row(connection, place)
        if row is not None:
            now = self._files.locate(files, place, shown_key(row[self._read_parts.index("file")]))
            if now is not None and now[0] == parts:
                return True
        if file_path == self._files.path(self._files.parts(*place)):
            return False  # its own place: no other entry is stored there, and no index would find one that names it
        sql = f"SELECT 1 FROM {self._table} WHERE {quoted(self._columns.names['file'])} = {_MARK} LIMIT 1"
        return connection.execute(sql, [text_cell(file_path, "The path")]).fetchone() is not None

    # Uses.

    def listed_as(self, key: str, namespace: str = "") -> Place:
        """An entry without a namespace has the default type."""
        return namespace or DEFAULT_TYPE, key

    def touch(self, key: str, namespace: str, accessed: float) -> None:
        """Note a use in memory, where the table has a column for it."""
        if self._uses_sql:
            super().touch(key, namespace, accessed)

    def _add_uses(self, connection: sqlite3.Connection, place: Place, count: int, accessed: float) -> None:
        given: list[Cell] = [count] if "uses" in self._columns.names else []
        if "accessed" in self._columns.names:
            given += [self._columns.written(accessed)] * 3
        connection.execute(self._uses_sql, [*given, *self._cells(place)])

    # All keys.

    def known(self) -> Iterator[Known]:
        """Every row; its size is that of its value file, 0 where that is missing."""
        rows = self._link.rows(self._select(self._listed_parts))
        with ValueFiles(self._files.root) as files:
            for cells in rows:
                yield self._listed(files, cells)

    def delete_like(self, pattern: str, namespace: str | None = None) -> int:
        """Remove the keys that a glob matches; how many there were. No value file is looked at before."""
        space = None if namespace is None else self._place("", namespace)[0]
        fits = matcher(pattern)
        stored = ((shown_key(row[0]), shown_key(row[-1])) for row in self._link.rows(self._select(self._identity)))
        found = [(kind if self._has_types else "", key) for kind, key in stored if fits(key)]
        return len(self.delete_many([place for place in found if space in (None, place[0])]))

    def _stale(self, connection: sqlite3.Connection, now: float) -> Iterator[Known]:
        columns = self._columns
        with ValueFiles(self._files.root) as files:
            for cells in connection.execute(self._select(self._listed_parts)):
                row = dict(zip(self._listed_parts, cells, strict=True))
                if columns.expiry(columns.moment(row.get("created")), read_metadata(row.get("metadata"))) <= now:
                    yield self._listed(files, cells)

    def _listed(self, files: ValueFiles, cells: Sequence[Cell]) -> Known:
        row = dict(zip(self._listed_parts, cells, strict=True))
        place = shown_key(row.get("asset_type")), shown_key(row["key"])
        located = self._files.locate(files, place, shown_key(row["file"]))
        return self._known(place, row, read_metadata(row.get("metadata")), located[1] if located else 0)

    def _known(self, place: Place, row: Row, metadata: Mapping[str, object], size: int) -> Known:
        created = self._columns.moment(row.get("created"))
        created = 0.0 if math.isnan(created) else created  # older than everything: the first to go
        accessed = self._columns.moment(row.get("accessed"))
        expires = self._columns.expiry(created, metadata)
        uses = row.get("uses")
        return Known(
            place[1],
            place[0],
            size,
            created,
            expires if math.isfinite(expires) else None,
            None if math.isnan(accessed) else accessed,
            max(0, uses - self._columns.first_use) if isinstance(uses, int) else None,
            tags_of(metadata),
        )

    # Space.

    def compact(self) -> int:
        """Remove value files without a row, rows without a file and half-written files; then give pages back."""
        from cache_studio.adapters.asset_cache.leftovers import Leftovers  # only who compacts needs these
        from cache_studio.adapters.sqlite_database import Database
        from cache_studio.adapters.sqlite_rows import Rows

        freed = self._files.remove_unfinished()
        table = self._columns.table
        if table.rowid_name:
            with closing(Database(self._link.path)) as database:
                rows = Rows(table, (table.rowid_name,), table.rowid_name)
                removed = Leftovers(database, self._files.root, self._columns, rows).remove(time.time())
                freed += sum(part.bytes for part in removed)
        return freed + super().compact()

    def close(self) -> None:
        """Write the uses and let go of database and folder. Safe to call twice."""
        super().close()
        self._files.root.close()


def _columns(link: Link, options: Mapping[str, OptionValue]) -> Columns:
    """The columns of the index, which is made where it is missing and has the usual name."""
    name = str(options.get("table") or TABLE)
    with link.reading() as connection:
        tables = tables_of(connection)
    if name not in tables:
        if name != TABLE:
            raise CacheUnavailable(f"The database has no table “{name}”.", "Only the usual table is created.")
        with link.writing() as connection:
            connection.execute(SCHEMA)
            tables = tables_of(connection)
    return Columns.of(tables[name], options)


def _database_path(location: str) -> str:
    location = os.path.abspath(location)
    if location.endswith((".db", ".sqlite", ".sqlite3")) and not os.path.isdir(location):
        return location
    if os.path.isfile(os.path.join(location, DATABASE)) or os.path.basename(location) == FOLDER:
        return os.path.join(location, DATABASE)
    return os.path.join(location, FOLDER, DATABASE)


def _unwritable(path: str, error: OSError) -> CacheStudioError:
    found = unavailable(path, error)
    return found if isinstance(found, CacheUnavailable) else CacheUnavailable(found.message, found.hint)
