"""The adapter of a mapped SQLite table."""

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cache_studio.adapters.base import require_found
from cache_studio.adapters.mapped_expiry import with_set_expiry
from cache_studio.adapters.mapping import ROLES, FieldMap
from cache_studio.adapters.sqlite_adapter import table_missing
from cache_studio.adapters.sqlite_columns import numbers
from cache_studio.adapters.sqlite_copies import COPY_BYTES
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_expiries import ComparedExpiries
from cache_studio.adapters.sqlite_listing import CHANGING
from cache_studio.adapters.sqlite_open import Cell, Table, quoted
from cache_studio.adapters.sqlite_pages import Page, order_of
from cache_studio.adapters.sqlite_rows import Rows, asking, entry_ids_of
from cache_studio.adapters.sqlite_table.expiry import TableExpiry
from cache_studio.adapters.sqlite_table.guessing import SAMPLES, guess_columns, guess_table
from cache_studio.adapters.sqlite_text import lengths_sql, shown_keys
from cache_studio.adapters.sqlite_values import column_piece
from cache_studio.adapters.time_columns import moments
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import STAMP_WIDTH, Batch, Floats, make_batch
from cache_studio.model.errors import BadRequest, WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Source
from cache_studio.model.targets import Target

_TIMES = ("created", "accessed", "expires")
SHOWN_CELL = 100_000
"""Characters or bytes of a column beside the value that the row shows."""


class SQLiteTableAdapter(ComparedExpiries):
    """One table of a database as a cache, its columns mapped to the parts of an entry."""

    largest_copy = COPY_BYTES

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "SQLiteTableAdapter":
        """Open the table that the options name, or the one that looks most like a cache."""
        adapter = cls()
        adapter._options = dict(options)
        adapter.database = Database(target.location)
        try:
            adapter._choose_table()
            found = [Ability.READ, Ability.WATCH, *CHANGING]
            adapter._set_capabilities(
                [*found, *([Ability.ACCESS_TIMES] if "accessed" in adapter._roles else [])], writable
            )
            adapter.capabilities = with_set_expiry(adapter.capabilities, adapter._expiry.why_not)
        except BaseException:
            adapter.database.close()
            raise
        return adapter

    _options: dict[str, OptionValue]
    _map: FieldMap
    _expiry: TableExpiry

    @property
    def _roles(self) -> Mapping[str, str]:
        return self._map.fields

    def _choose_table(self) -> None:
        tables = self.database.tables()
        given = FieldMap.of(self._options)
        wanted = str(self._options.get("table") or "")
        if wanted and wanted not in tables:
            raise table_missing(wanted)
        roles = dict(given.fields)
        if "key" not in roles:
            candidates = [tables[wanted]] if wanted else list(tables.values())
            guess = guess_table(candidates, self._samples, time.time())
            if guess is None and wanted:
                guess = wanted, guess_columns(tables[wanted], self._samples(wanted), time.time())
            if guess is None:
                raise WrongFormat("No table of this database looks like a cache.", "Name one: ?table=NAME&key=COLUMN.")
            wanted = guess[0]
            roles = roles | {"key": guess[1].get("key", "")} if roles else guess[1]
        elif not wanted:
            fitting = [name for name, table in tables.items() if set(roles.values()) <= set(table.names)]
            if not fitting:
                raise WrongFormat("No table of this database has these columns.", "Name the table: ?table=NAME.")
            wanted = fitting[0]
        table = tables[wanted]
        for role, name in roles.items():
            if name not in table.names:
                raise BadRequest(f"The table “{wanted}” has no column “{name}” ({role}).", _columns_hint(table))
        if not table.rowid_name and not table.primary_key:
            raise WrongFormat(f"The rows of “{wanted}” cannot be told apart.", "It has neither rowid nor primary key.")
        self._map = replace(given, fields=roles)
        self.rows = _rows_of(table, roles["key"])
        self._expiry = TableExpiry(table, self._map)
        self.sources = {} if "expires" in roles else {"expires": Source.DERIVED}

    def _samples(self, table: str) -> list[Mapping[str, Cell]]:
        names = self.database.tables()[table].names
        columns = ", ".join(_cut_sql(quoted(name), 1000) for name in names)
        rows = self.database.rows(f"SELECT {columns} FROM {quoted(table)} LIMIT {SAMPLES}")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _expiry_cells(
        self, connection: sqlite3.Connection, row: Sequence[Cell], batch: Batch, at: int, moment: float
    ) -> tuple[Mapping[str, Cell], float] | str:
        """In the form in which the row, or another one, has its expiry."""
        cells = dict(zip(self._listed_names(), row, strict=True))
        return self._expiry.cells(asking(connection), cells, moment)

    # Listing.

    def _opened_with(self) -> Mapping[str, OptionValue]:
        """The options, and what was guessed where they do not say it."""
        return {**self._options, "table": self.rows.table.name, **self._roles}

    def _listed_names(self) -> list[str]:
        return [*order_of(self.rows.table), "", *self._selected()]  # the nameless one is the size

    def _key_column(self) -> str:
        return self._roles["key"]

    def _expressions(self) -> Sequence[str]:
        return [self._size_sql(), *(quoted(name) for name in self._selected())]

    def _selected(self) -> list[str]:
        """The columns behind the size, each once: identity and mapped ones that are not in the page's own order."""
        mapped = [self._roles[role.name] for role in ROLES if role.name in self._roles and role.name != "value"]
        order = order_of(self.rows.table)
        return [name for name in dict.fromkeys((*self.rows.identity, *mapped)) if name not in order]

    def _size_sql(self) -> str:
        if "value" in self._roles:
            return lengths_sql(quoted(self._roles["value"]))
        if "size" in self._roles:
            return quoted(self._roles["size"])
        return " + ".join(lengths_sql(quoted(name)) for name in self.rows.table.names)

    def _batch(self, page: Page) -> Batch:
        columns = list(zip(*page, strict=True))
        order = order_of(self.rows.table)
        by_name: dict[str, Sequence[Cell]] = dict(zip(self._listed_names(), columns, strict=True))
        cells = {role: by_name[name] for role, name in self._roles.items() if name in by_name}
        times: dict[str, Floats] = {
            role: moments(cells[role], self._map.unit, self._map.zone) for role in _TIMES if role in cells
        }
        unknown = np.full(len(page), np.nan)
        size, hits = numbers(columns[len(order)]), numbers(cells["hits"]) if "hits" in cells else unknown
        created, accessed = times.get("created", unknown), times.get("accessed", unknown)
        expires = self._expires(cells, times, created)
        return make_batch(
            entry_ids_of(
                [by_name[name] for name in self.rows.identity], columns[0] if self.rows.table.rowid_name else None
            ),
            shown_keys(cells["key"]),
            _stamps(size, created, accessed, expires, hits),
            namespaces=shown_keys(cells["namespace"]) if "namespace" in cells else "",
            tags=[_tags(cell) for cell in cells["tags"]] if "tags" in cells else None,
            problems=_problems(cells, times),
            size=np.maximum(size, 0),
            created=created,
            accessed=accessed,
            expires=expires,
            hits=hits,
        )

    def _expires(self, cells: Mapping[str, Sequence[Cell]], times: Mapping[str, Floats], created: Floats) -> Floats:
        if "expires" in cells:
            expires = times["expires"].copy()
            expires[[row for row in np.flatnonzero(np.isnan(expires)).tolist() if cells["expires"][row] is None]] = (
                np.inf
            )
            return expires
        ttl = np.full(len(created), np.nan if self._map.ttl is None else self._map.ttl)
        if "ttl_field" in cells:
            own = numbers(cells["ttl_field"])
            ttl = np.where(np.isnan(own), ttl, own)
        return np.where(np.isposinf(ttl), np.inf, created + ttl)

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The value where one is mapped, and the row as JSON."""
        self.database.require_same_file()
        table = self.rows.table
        where, values = self.rows.place(entry_id)
        shown = [name for name in self.rows.columns if name != self._roles.get("value")]
        columns = ", ".join(_cut_sql(table.sql(name), SHOWN_CELL) for name in shown)
        found = self.database.rows(f"SELECT {columns} FROM {quoted(table.name)} WHERE {where} LIMIT 1", values)
        require_found(found, str(entry_id))
        row = json.dumps(dict(zip(shown, map(_shown_cell, found[0]), strict=True)), ensure_ascii=False, indent=2)
        data = row.encode("utf-8", "surrogateescape")
        pieces = [Piece("row", data[:max_bytes], len(data), "json")]
        if "value" in self._roles:
            pieces.insert(0, column_piece(self.database, table, self._roles["value"], (where, values), max_bytes))
        return Payload(tuple(pieces), (Fact("Table", table.name),))

    def details(self) -> Mapping[str, object]:
        """The pages of the database and what the columns are taken for."""
        return self._pages_details() | {"columns": dict(self._roles)}


def _rows_of(table: Table, key: str) -> Rows:
    """By which columns the entries are told apart: a key that is unique, else the primary key, else the rowid."""
    primary = tuple(column.name for column in table.primary_key)
    rowid = table.rowid_name
    implicit = rowid if rowid not in table.names else ""
    if (key,) == primary or (key,) in table.unique:
        return Rows(table, (key,), implicit)
    return Rows(table, primary or (rowid,), implicit)


def _stamps(size: Floats, created: Floats, accessed: Floats, expires: Floats, hits: Floats) -> NDArray[np.int64]:
    """Length, creation and the rest mixed: changed by whatever the application writes with an entry."""
    bits = [column.view(np.int64) for column in (size, created, accessed, expires, hits)]
    stamps = np.empty((len(size), STAMP_WIDTH), np.int64)
    stamps[:, 0], stamps[:, 1] = bits[0], bits[1]
    stamps[:, 2] = bits[2] ^ (bits[3] * 3) ^ (bits[4] * 5)
    return stamps


def _problems(cells: Mapping[str, Sequence[Cell]], times: Mapping[str, Floats]) -> dict[int, str]:
    problems: dict[int, str] = {}
    for role, title in (("created", "creation time"), ("expires", "expiry")):
        for row in np.flatnonzero(np.isnan(times[role])).tolist() if role in times else ():
            if cells[role][row] is not None:
                problems[row] = f"Its {title} cannot be read as a time."
    if type(None) in set(map(type, cells["key"])):
        problems |= {row: "Its key is NULL." for row, cell in enumerate(cells["key"]) if cell is None}
    return problems


def _tags(cell: Cell) -> tuple[str, ...]:
    if not isinstance(cell, str) or not cell.strip():
        return ()
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        found = [part.strip() for part in cell.split(",")]
    if isinstance(found, list):
        return tuple(tag for tag in found if isinstance(tag, str) and tag)
    return (cell,)


def _cut_sql(column: str, length: int) -> str:
    return f"CASE WHEN typeof({column}) IN ('text', 'blob') THEN substr({column}, 1, {length}) ELSE {column} END"


def _shown_cell(cell: Cell) -> object:
    if isinstance(cell, bytes):
        return {"bytes": len(cell), "hex": cell[:64].hex()}
    if isinstance(cell, float) and (cell != cell or cell in (float("inf"), float("-inf"))):
        return str(cell)
    return cell


def _columns_hint(table: Table) -> str:
    return "It has: " + ", ".join(table.names[:30]) + "."
