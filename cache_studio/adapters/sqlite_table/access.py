"""The runtime's side of sqlite-table: a table of its own, made where it is missing, or a mapped foreign one."""

import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from cache_studio.adapters.key_access import Held, Known, Place
from cache_studio.adapters.mapping import FieldMap
from cache_studio.adapters.sqlite_access import SQLiteAccess, later_sql
from cache_studio.adapters.sqlite_link import Link, text_cell
from cache_studio.adapters.sqlite_open import Cell, quoted, tables_of
from cache_studio.adapters.sqlite_table.layout import OWN, TABLE, TEXT_MARK, RowLayout, schema
from cache_studio.adapters.sqlite_text import shown_key
from cache_studio.model.errors import BadRequest
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target

_CHUNK = 500
"""Keys in one query; SQLite takes 999 parameters everywhere."""
_PAGE = 5_000
"""Rows of a listing that are in memory at once."""


class SQLiteTableAccess(SQLiteAccess):
    """One row a key. Option `table` names the table, `cache` where it is left out.

    A foreign table is never altered: only the columns that the options name are read and written.
    """

    def __init__(self, link: Link, layout: RowLayout) -> None:
        super().__init__(link)
        self._layout = layout
        fields = layout.map.fields
        self._table = quoted(layout.table.name)
        self._has_namespaces = "namespace" in fields
        self._identity = [quoted(fields[role]) for role in ("namespace", "key") if role in fields]
        self._where = " AND ".join(f"{name} = {TEXT_MARK}" for name in self._identity)
        columns = ", ".join(map(quoted, layout.read_columns))
        self._get_sql = f"SELECT {columns} FROM {self._table} WHERE {self._where}"
        self._many_sql = f"SELECT {self._identity[-1]}, {columns} FROM {self._table} WHERE "
        self._put_sql = _upsert(layout, self._table, self._identity)
        self._uses_sql = self._uses_update(fields)

    def _uses_update(self, fields: Mapping[str, str]) -> str:
        """The statement that adds uses, "" where the table has no column for them."""
        settings = []
        if "hits" in fields:
            hits = quoted(fields["hits"])
            settings.append(f"{hits} = coalesce({hits}, 0) + ?")
        if "accessed" in fields:
            accessed = quoted(fields["accessed"])
            settings.append(f"{accessed} = {later_sql(accessed)}")
        return f"UPDATE {self._table} SET {', '.join(settings)} WHERE {self._where}" if settings else ""

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> "SQLiteTableAccess":
        """Open or create the database, and the table where it is missing and no columns are named."""
        link = Link(os.path.realpath(target.location))
        try:
            return cls(link, _layout(link, options))
        except BaseException:
            link.close()
            raise

    def _place(self, key: str, namespace: str) -> Place:
        if namespace and not self._has_namespaces:
            raise BadRequest("This table has no column for namespaces.", "Name one: ?namespace=COLUMN.")
        return namespace, key

    def _cells(self, key: str, namespace: str) -> list[Cell]:
        """What to bind for `_where`."""
        key_cell = key if key.isascii() else text_cell(key, "The key")
        if self._has_namespaces:
            return [namespace if namespace.isascii() else text_cell(namespace, "The namespace"), key_cell]
        self._place(key, namespace)
        return [key_cell]

    # One key.

    def get(self, key: str, namespace: str = "") -> Held | None:
        """What is stored, stale or not, with the uses that wait."""
        rows = self._link.rows(self._get_sql, self._cells(key, namespace))
        if not rows:
            self._write_when_due()  # after a hit the touch looks
            return None
        return self._layout.held(rows[0], self._uses.of((namespace, key)))

    def holds(self, key: str, namespace: str = "") -> bool:
        """Whether there is a row."""
        sql = f"SELECT 1 FROM {self._table} WHERE {self._where} LIMIT 1"
        return bool(self._link.rows(sql, self._cells(key, namespace)))

    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """Store it in one transaction."""
        self._write_when_due()
        place = self._cells(key, namespace)
        cells = self._layout.cells(held, place[0], place[-1])
        if self._put_sql:
            self._link.change(self._put_sql, cells)
        else:
            self._put_by_hand(place, cells)
        self._uses.forget((namespace, key))

    def _put_by_hand(self, place: list[Cell], cells: list[Cell]) -> None:
        """Where no index says that keys are unique."""
        columns, marks = self._layout.written_columns, self._layout.marks
        settings = ", ".join(f"{quoted(name)} = {mark}" for name, mark in zip(columns, marks, strict=True))
        with self._link.writing() as connection:
            updated = connection.execute(f"UPDATE {self._table} SET {settings} WHERE {self._where}", [*cells, *place])
            if not updated.rowcount:
                connection.execute(_insert(self._layout, self._table), cells)

    def _read(self, connection: sqlite3.Connection, place: Place) -> Held | None:
        row = connection.execute(self._get_sql, self._cells(place[1], place[0])).fetchone()
        return None if row is None else self._layout.held(row)

    def _remove(self, connection: sqlite3.Connection, place: Place) -> str | None:
        cells = self._cells(place[1], place[0])
        removed = connection.execute(f"DELETE FROM {self._table} WHERE {self._where}", cells).rowcount
        return "" if removed else None

    def touch(self, key: str, namespace: str, accessed: float) -> None:
        """Note a use in memory, where the table has a column for it."""
        if self._uses_sql:
            super().touch(key, namespace, accessed)

    def _add_uses(self, connection: sqlite3.Connection, place: Place, count: int, accessed: float) -> None:
        given: list[Cell] = [count] if "hits" in self._layout.map.fields else []
        if "accessed" in self._layout.map.fields:
            given += [self._layout.written(accessed)] * 3
        connection.execute(self._uses_sql, [*given, *self._cells(place[1], place[0])])

    # Many keys.

    def get_many(self, keys: Collection[str], namespace: str = "") -> dict[str, Held]:
        """What is stored for these keys, 500 a query."""
        self._write_when_due()
        found: dict[str, Held] = {}
        left = iter(dict.fromkeys(keys))
        while chunk := list(islice(left, _CHUNK)):
            cells = [self._cells(key, namespace) for key in chunk]
            wanted = f"{self._identity[-1]} IN ({', '.join([TEXT_MARK] * len(chunk))})"
            given = [one[-1] for one in cells]
            if self._has_namespaces:
                wanted, given = f"{self._identity[0]} = {TEXT_MARK} AND {wanted}", [cells[0][0], *given]
            for key, *row in self._link.rows(self._many_sql + wanted, given):
                held = self._layout.held(row, self._uses.of((namespace, shown_key(key))))
                if held is not None:
                    found[shown_key(key)] = held
        return found

    def known(self) -> Iterator[Known]:
        """Every row, some thousands at once."""
        for row in self._listed():
            yield self._layout.known(row)

    def _listed(self) -> Iterator[tuple[Cell, ...]]:
        columns = ", ".join(self._layout.listed)
        table = self._layout.table
        if not table.rowid_name:
            yield from self._link.rows(f"SELECT {columns} FROM {self._table}")
            return
        rowid = table.sql(table.rowid_name)
        sql = f"SELECT {columns}, {rowid} FROM {self._table} WHERE {rowid} > ? ORDER BY {rowid} LIMIT {_PAGE}"
        last: Cell = -(1 << 63)
        while page := self._link.rows(sql, [last]):
            yield from (row[:-1] for row in page)
            last = page[-1][-1]

    def _stale(self, connection: sqlite3.Connection, now: float) -> Iterator[Known]:
        columns = ", ".join(self._layout.listed)
        sql, given = f"SELECT {columns} FROM {self._table}", []
        if self._layout.is_own:
            sql, given = f"{sql} WHERE {quoted(OWN['expires'])} <= ?", [now]
        for row in connection.execute(sql, given):
            entry = self._layout.known(row)
            if entry.expires is not None and entry.expires <= now:
                yield entry


def _layout(link: Link, options: Mapping[str, OptionValue]) -> RowLayout:
    name = str(options.get("table") or TABLE)
    with link.reading() as connection:
        tables = tables_of(connection)
    if name not in tables:
        if FieldMap.of(options).fields:
            raise BadRequest(f"The database has no table “{name}”.", "Without named columns it would be made.")
        with link.writing() as connection:
            connection.execute(schema(name))
            tables = tables_of(connection)
        if name not in tables:
            raise BadRequest(f"“{name}” is not the name of a table.", "It may be that of a view.")
    layout = RowLayout.of(tables[name], options)
    with link.reading() as connection:
        return layout.with_unit_of(connection)


def _insert(layout: RowLayout, table: str) -> str:
    columns = ", ".join(map(quoted, layout.written_columns))
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join(layout.marks)})"


def _upsert(layout: RowLayout, table: str, identity: list[str]) -> str:
    """The statement that stores or replaces; "" where no index says that keys are unique."""
    fields = layout.map.fields
    wanted = sorted(fields[role] for role in ("namespace", "key") if role in fields)
    primary = tuple(column.name for column in layout.table.primary_key)
    if wanted not in [sorted(unique) for unique in (*layout.table.unique, primary)]:
        return ""
    others = [quoted(name) for name in layout.written_columns if name not in wanted]
    settings = ", ".join(f"{name} = excluded.{name}" for name in others)
    return f"{_insert(layout, table)} ON CONFLICT ({', '.join(identity)}) DO UPDATE SET {settings}"
