"""The prompts of an asset cache in the order they came, also those that other processes store."""

import sqlite3
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from cache_studio.adapters.asset_cache.layout import Columns, database_path, read_metadata
from cache_studio.adapters.asset_cache.names import TABLE
from cache_studio.adapters.sqlite_link import explained
from cache_studio.adapters.sqlite_open import Cell, connect, quoted, readable_text, tables_of
from cache_studio.adapters.sqlite_text import shown_key
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target

_FIRST = -(2**63)
_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Prompt:
    """One stored entry: what it was asked for."""

    asset_type: str
    key: str
    text: str
    metadata: Mapping[str, object]


class Prompts:
    """Reads the prompts of a cache that exists. Each reading opens the database for itself, and only to read.

    CacheUnavailable when it cannot be read. Used by one thread at a time.
    """

    def __init__(self, target: Target, options: Mapping[str, OptionValue]) -> None:
        self._path = database_path(target.location)
        self._table = str(options.get("table") or TABLE)
        self._options = options
        self._newest: tuple[Cell, Cell, Cell] = (_FIRST, None, None)
        """Number, key and creation of the newest row that was read."""

    def news(self) -> Iterator[Prompt]:
        """What was stored since the last reading, oldest first.

        Where the newest row was removed, its number is given again and nothing tells the rows behind it apart:
        then all come once more.
        """
        try:
            with closing(connect(self._path, "ro")) as connection:
                connection.text_factory = readable_text
                yield from self._read(connection)
        except sqlite3.Error as error:
            raise explained(error) from error

    def _read(self, connection: sqlite3.Connection) -> Iterator[Prompt]:
        columns = self._columns(connection)
        if columns is None:
            return
        rows = self._rows(connection, columns)
        if self._newest[0] != _FIRST and next(rows, (None,))[:3] != self._newest:
            rows.close()
            self._newest = (_FIRST, None, None)
            rows = self._rows(connection, columns)
        for row in rows:
            number, key, created, asset_type, text, metadata = row
            self._newest = (number, key, created)
            yield Prompt(shown_key(asset_type), shown_key(key), shown_key(text), read_metadata(metadata))

    def _columns(self, connection: sqlite3.Connection) -> Columns | None:
        """None for a table that says no prompt, or whose rows have no number to go by."""
        table = tables_of(connection).get(self._table)
        if table is None or not table.rowid_name:
            return None
        columns = Columns.of(table, self._options)
        return columns if "text" in columns.names else None

    def _rows(self, connection: sqlite3.Connection, columns: Columns) -> Generator[tuple[Cell, ...], None, None]:
        number = columns.table.sql(columns.table.rowid_name)
        parts = ("key", "created", "asset_type", "text", "metadata")
        cells = [quoted(columns.names[part]) if part in columns.names else "NULL" for part in parts]
        table = quoted(columns.table.name)
        sql = f"SELECT {number}, {', '.join(cells)} FROM {table} WHERE {number} >= ? ORDER BY {number}"
        cursor = connection.execute(sql, (self._newest[0],))
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield from rows
