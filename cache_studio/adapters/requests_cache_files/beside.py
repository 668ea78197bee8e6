"""What requests-cache keeps beside its files: redirects to them, and when each was used (its LRU index).

Each call opens the databases anew and closes them: the library removes and makes the whole folder anew when it clears.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from cache_studio.adapters.files import Folder
from cache_studio.adapters.requests_cache_files import LRU, REDIRECTS
from cache_studio.adapters.response_rows import DANGLING, is_led, keyed_rows, rows_of_copies
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_errors import replaced
from cache_studio.adapters.sqlite_identity import is_at
from cache_studio.adapters.sqlite_open import Cell, placeholders, quoted
from cache_studio.adapters.sqlite_rows import Row, Rows
from cache_studio.adapters.sqlite_text import shown_key
from cache_studio.model.errors import WrongFormat
from cache_studio.model.seeing import Part

UNUSED_ROWS = "rows of the LRU index without a file"
_KEYS_AT_ONCE = 500
_NANOSECONDS = 1e9


@dataclass(slots=True)
class Kept:
    """What lies beside one file: whole rows of both databases."""

    redirects: list[Row] = field(default_factory=list)
    used: list[Row] = field(default_factory=list)

    def pack(self) -> dict[str, object]:
        """As msgpack carries it."""
        return {"redirects": self.redirects, "lru": self.used}


class _Place(NamedTuple):
    """One of the two tables, and which column names the file."""

    database: str
    table: str
    leads: str
    useless: str
    chosen: Callable[[Kept], list[Row]]


_PLACES = (
    _Place(REDIRECTS, "redirects", "value", DANGLING, lambda beside: beside.redirects),
    _Place(LRU, "lru", "key", UNUSED_ROWS, lambda beside: beside.used),
)
_Change = Callable[[sqlite3.Connection, Rows, Callable[[Kept], list[Row]]], None]


class Beside:
    """The two databases in the folder of a cache; either may be missing."""

    def __init__(self, root: Folder, suffix: str) -> None:
        self._root = root
        self._suffix = suffix

    @property
    def has_index(self) -> bool:
        """Whether the library keeps an LRU index."""
        return self._is_there(LRU)

    def accessed(self, keys: Sequence[str]) -> Mapping[str, float]:
        """When each was last used, epoch seconds; those that the index does not know are left out."""
        with self._opened(_PLACES[1]) as (database, rows):
            if database is None or rows is None or "access_time" not in rows.table.names:
                return {}
            found = _matching(database, rows, "key", "key, access_time", keys)
            return {shown_key(key): used / _NANOSECONDS for key, used in found if isinstance(used, int | float)}

    def kept(self, keys: Sequence[str]) -> dict[str, Kept]:
        """What lies beside each of these."""
        found = {key: Kept() for key in keys}
        for place in _PLACES:
            with self._opened(place) as (database, rows):
                if database is None or rows is None:
                    continue
                at = rows.columns.index(place.leads)
                names = ", ".join(rows.table.sql(part) for part in rows.columns)
                for row in _matching(database, rows, place.leads, names, keys):
                    if (key := shown_key(row[at])) in found:
                        place.chosen(found[key]).append(row)
        return found

    def remove(self, taken: Mapping[str, Kept]) -> None:
        """Remove it where the file is gone; a file that the library wrote anew keeps what lies beside it."""

        def rows_out(connection: sqlite3.Connection, rows: Rows, chosen: Callable[[Kept], list[Row]]) -> None:
            for key, beside in taken.items():
                for row in chosen(beside) if self._is_gone(key) else ():
                    where, values = rows.place(rows.id_of(row))
                    connection.execute(f"DELETE FROM {quoted(rows.table.name)} WHERE {where}", values)

        self._change(list(taken.values()), rows_out)

    def put_back(self, taken: Sequence[Kept]) -> None:
        """Bring it back; what the library stored anew meanwhile stays."""

        def rows_in(connection: sqlite3.Connection, rows: Rows, chosen: Callable[[Kept], list[Row]]) -> None:
            for beside in taken:
                for row in chosen(beside):
                    rows.put_back(connection, rows.id_of(row), row)

        self._change(taken, rows_in)

    def holds(self, beside: Kept) -> bool:
        """Whether all of it is there, with whatever figures."""
        for place in _PLACES:
            with self._opened(place) as (database, rows):
                if database is None or rows is None:
                    continue
                if not all(is_led(database, rows, row) for row in place.chosen(beside)):
                    return False
        return True

    def unpacked(self, packed: object) -> Kept:
        """What `Kept.pack` packed, as far as the tables have as many columns today."""
        fields = packed if isinstance(packed, dict) else {}
        found = Kept()
        for place in _PLACES:
            with self._opened(place) as (_database, rows):
                if rows is not None:
                    place.chosen(found).extend(rows_of_copies(fields.get(place.table), len(rows.columns)))
        return found

    def useless(self) -> list[Part]:
        """Redirects to files that are not there, and rows of the index for such files."""
        files = self._names()
        parts = []
        for place in _PLACES:
            with self._opened(place) as (database, rows):
                if database is not None and rows is not None:
                    parts.append(Part(place.useless, len(self._useless(database, place, files)), 0))
        return [part for part in parts if part.count]

    def prune(self) -> list[Part]:
        """Remove them; what is left out of it is what the library stored this moment."""
        files = self._names()
        parts = []
        for place in _PLACES:
            with self._opened(place) as (database, rows):
                if database is not None and rows is not None:
                    keys = self._useless(database, place, files)
                    parts.append(Part(place.useless, self._pruned(database, place, keys), 0))
        return [part for part in parts if part.count]

    def _pruned(self, database: Database, place: _Place, keys: Sequence[tuple[Cell, str]]) -> int:
        removed = 0
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            with database.writing() as connection:
                for key, leads_to in keys[start : start + _KEYS_AT_ONCE]:
                    if self._is_gone(leads_to):
                        sql = f"DELETE FROM {quoted(place.table)} WHERE key IS ?"
                        removed += connection.execute(sql, [key]).rowcount
        return removed

    def _useless(self, database: Database, place: _Place, files: Collection[str]) -> list[tuple[Cell, str]]:
        listed = database.rows(f"SELECT key, {quoted(place.leads)} FROM {quoted(place.table)}")
        leading = [(key, shown_key(to)) for key, to in listed]
        return [(key, to) for key, to in leading if to + self._suffix not in files]

    def _names(self) -> set[str]:
        return {entry.name for entry in self._root.walk()}

    def _change(self, taken: Sequence[Kept], change: _Change) -> None:
        for place in _PLACES:
            if any(place.chosen(beside) for beside in taken):
                with self._opened(place) as (database, rows):
                    if database is not None and rows is not None:
                        with database.writing() as connection:
                            change(connection, rows, place.chosen)

    def _is_there(self, name: str) -> bool:
        try:
            return stat.S_ISREG(self._root.status(name).st_mode)
        except OSError:
            return False

    def _is_gone(self, key: str) -> bool:
        """Whether the library has no file for a key; a key that is no name of a file has none."""
        try:
            self._root.status(key + self._suffix)
        except (OSError, ValueError):
            return True
        return False

    @contextmanager
    def _opened(self, place: _Place) -> Iterator[tuple[Database | None, Rows | None]]:
        """A database of the folder and its table by key; None for what is not there. A link is not followed."""
        database = self._database(place.database)
        if database is None:
            yield None, None
            return
        try:
            found = database.tables().get(place.table)
            fits = found is not None and {"key", place.leads} <= set(found.names) and bool(found.rowid_name)
            yield database, keyed_rows(found) if found is not None and fits else None
        finally:
            database.close()

    def _database(self, name: str) -> Database | None:
        if not self._is_there(name):
            return None
        status, path = self._root.status(name), os.path.join(self._root.path, name)
        try:
            database = Database(path)
        except WrongFormat:  # empty, or no database at all: nothing of ours lies in it
            return None
        if not is_at(path, status):
            database.close()
            raise replaced()
        return database


def _matching(database: Database, rows: Rows, column: str, names: str, keys: Sequence[str]) -> list[tuple[Cell, ...]]:
    found: list[tuple[Cell, ...]] = []
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        marks, values = placeholders(keys[start : start + _KEYS_AT_ONCE])
        sql = f"SELECT {names} FROM {quoted(rows.table.name)} WHERE {quoted(column)} IN ({marks})"
        found += database.rows(sql, values)
    return found
