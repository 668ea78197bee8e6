"""Rows of a foreign table as entries: found, copied whole, removed if still equal, put back exactly."""

import hashlib
import math
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgpack

from cache_studio.adapters.sqlite_open import Cell, Table, bound, placeholders, quoted
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.seeing import Restoration, Return

if TYPE_CHECKING:
    from cache_studio.model.identity import EntryId

Row = tuple[Cell, ...]
Ask = Callable[[str, Sequence[Cell]], list[tuple[Any, ...]]]
"""Runs a query and returns all rows: `Database.rows`, or `asking` of a writing connection."""

NEWER = "The application stored a newer one meanwhile."


def asking(connection: sqlite3.Connection) -> Ask:
    """Queries on a connection that holds a transaction."""
    return lambda sql, values: connection.execute(sql, values).fetchall()


@dataclass(frozen=True)  # no slots: what is worked out of it is asked for with every row, and kept
class Rows:
    """The rows of one table; `identity` are the columns whose values make an entry's id.

    `surrogate` is a column without a meaning of its own (a rowid): a row may come back under another one
    when its number was given away meanwhile. "" when there is none.
    """

    table: Table
    identity: tuple[str, ...]
    surrogate: str = ""

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All that a row consists of: its stored columns and, first, a rowid that is no column."""
        rowid = self.table.rowid_name
        hidden = (rowid,) if rowid and rowid not in self.table.names else ()
        return (*hidden, *self.table.names)

    @cached_property
    def _select(self) -> str:
        names = ", ".join(self.table.sql(name) for name in self.columns)
        return f"SELECT {names} FROM {quoted(self.table.name)}"

    def place(self, entry_id: "EntryId") -> tuple[str, list[Cell]]:
        """The WHERE expression that finds an entry, and what to bind."""
        rowid = stand_in(entry_id)
        if rowid is not None:
            return f"{self.table.sql(self.table.rowid_name)} IS ?", [rowid]
        parts = entry_id if isinstance(entry_id, tuple) and len(self.identity) > 1 else (entry_id,)
        pairs = [bound(_cell(part)) for part in parts]
        equal = [f"{self.table.sql(name)} IS {pair[0]}" for name, pair in zip(self.identity, pairs, strict=True)]
        return " AND ".join(equal), [pair[1] for pair in pairs]

    def exact_place(self, row: Row) -> tuple[str, list[Cell]]:
        """The WHERE expression that finds this row alone: by rowid where there is one."""
        rowid = self.table.rowid_name
        if rowid:
            return f"{self.table.sql(rowid)} = ?", [row[self.columns.index(rowid)]]
        return self.place(self.id_of(row))

    def id_of(self, row: Row) -> "EntryId":
        """The id of a row that has all `columns`."""
        values = [row[self.columns.index(name)] for name in self.identity]
        rowid = row[self.columns.index(self.table.rowid_name)] if self.table.rowid_name else None
        return entry_id_of(values, rowid)

    def fetch(self, ask: Ask, entry_id: "EntryId") -> Row | None:
        """The whole row of an entry, None when it is gone."""
        where, values = self.place(entry_id)
        found = ask(f"{self._select} WHERE {where}", values)
        if stand_in(entry_id) is not None:
            return found[0] if found else None
        # An id is equal byte for byte, whatever the column's collation takes for equal.
        return next((row for row in found if self.id_of(row) == entry_id), None)

    def remove_equal(
        self, connection: sqlite3.Connection, seen: Sequence[tuple["EntryId", bytes]], seconds: float = math.inf
    ) -> list[Row | None]:
        """Delete the rows that still have these digests; for each the row as it is now, None when gone.

        After `seconds` the others are left: the answer is so much shorter, and at least one.
        Must run in a transaction. CacheUnavailable, to be rolled back, when a trigger removes other rows than asked.
        """
        ask = asking(connection)
        before = self._count(ask)
        asked = removed = 0
        now: list[Row | None] = []
        end = time.perf_counter() + seconds
        for entry_id, digest in seen:
            if now and time.perf_counter() > end:
                break
            current = self.fetch(ask, entry_id)
            now.append(current)
            if current is not None and digest_of(current) == digest:
                asked += self.stored_rows(current)
                removed += self._take_out(connection, current)
        if removed != asked or (self.table.triggers and self._count(ask) != before - asked):
            raise CacheUnavailable(
                "A trigger of the table changes other rows than those asked for; nothing was removed.",
                f"The table “{self.table.name}” has {self.table.triggers} triggers.",
            )
        return now

    def _take_out(self, connection: sqlite3.Connection, row: Row) -> int:
        """Remove a row as the format does it; how many rows of the table that changed."""
        where, values = self.exact_place(row)
        return connection.execute(f"DELETE FROM {quoted(self.table.name)} WHERE {where}", values).rowcount

    def stored_rows(self, row: Row) -> int:
        """How many rows of the table it is: one, where a format does not join several to an entry."""
        return 1

    def _count(self, ask: Ask) -> int:
        # Counting reads the whole table, so it is done only where a trigger could make a difference.
        return int(ask(f"SELECT count(*) FROM {quoted(self.table.name)}", ())[0][0]) if self.table.triggers else 0

    def put_back(self, connection: sqlite3.Connection, entry_id: "EntryId", row: Row) -> Restoration:
        """Insert a row as it was, never over another one. Must run in a transaction."""
        ask = asking(connection)
        current = self.fetch(ask, entry_id)
        if current is not None:
            if self.equal(current, row):
                return Restoration(Return.RESTORED)
            return Restoration(Return.NEWER_KEPT, NEWER)
        for columns in self._ways():
            connection.execute("SAVEPOINT one_row")
            try:
                self._insert(connection, columns, row)
                stored = self.fetch(ask, entry_id) if columns == self.columns else self._inserted(connection, ask)
                if stored is not None and self.equal(stored, row):
                    connection.execute("RELEASE one_row")
                    return Restoration(Return.RESTORED)
                reason = Restoration(Return.FAILED, "The table's own rules do not let it come back as it was.")
            except sqlite3.IntegrityError as error:
                unique = error.sqlite_errorname in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
                unique = unique or error.sqlite_errorname == "SQLITE_CONSTRAINT_ROWID"
                reason = (
                    Restoration(Return.NEWER_KEPT, NEWER)
                    if unique
                    else Restoration(Return.FAILED, f"The table refuses it: {error}.")
                )
            connection.execute("ROLLBACK TO one_row")
            connection.execute("RELEASE one_row")
        return reason

    def _ways(self) -> list[tuple[str, ...]]:
        rest = tuple(name for name in self.columns if name != self.surrogate)
        return [self.columns, rest] if self.surrogate else [self.columns]

    def _insert(self, connection: sqlite3.Connection, columns: tuple[str, ...], row: Row) -> None:
        cells = [row[self.columns.index(name)] for name in columns]
        marks, values = placeholders(cells)
        names = ", ".join(self.table.sql(name) for name in columns)
        # OR ABORT also overrides a conflict rule of the schema, which could replace the newer row.
        connection.execute(f"INSERT OR ABORT INTO {quoted(self.table.name)} ({names}) VALUES ({marks})", values)

    def _inserted(self, connection: sqlite3.Connection, ask: Ask) -> Row | None:
        found = ask(f"{self._select} WHERE {self.table.sql(self.table.rowid_name)} = last_insert_rowid()", ())
        return found[0] if found else None

    def equal(self, one: Row, other: Row) -> bool:
        """Whether two rows are the same but for the surrogate."""
        if self.surrogate and len(one) == len(other):
            at = self.columns.index(self.surrogate)
            one, other = one[:at] + one[at + 1 :], other[:at] + other[at + 1 :]
        return digest_of(one) == digest_of(other)


def digest_of(row: Row) -> bytes:
    """The same for two rows that hold the same values of the same types (1 is not 1.0)."""
    return hashlib.sha256(msgpack.packb(row, unicode_errors="surrogateescape")).digest()


def entry_id_of(values: Sequence[Cell], rowid: Cell) -> "EntryId":
    """The id for the values of the identity columns.

    An id holds texts, bytes and whole numbers; a row with NULL or a float among them is named by its rowid,
    or where there is none by the float's exact text. Both are nested tuples, which nothing else is.
    """
    if all(isinstance(value, str | bytes | int) for value in values):
        plain = tuple(value for value in values if value is not None and not isinstance(value, float))
        return plain[0] if len(plain) == 1 else plain
    if isinstance(rowid, int):
        return ((rowid,),)
    parts = tuple((value.hex(),) if isinstance(value, float) else value for value in values if value is not None)
    return parts[0] if len(parts) == 1 else parts


def stand_in(entry_id: "EntryId") -> int | None:
    """The rowid, where it stands in for an identity that cannot be an id; else None."""
    match entry_id:
        case ((int() as rowid,),):
            return rowid
        case _:
            return None


def _cell(part: "EntryId") -> Cell:
    return float.fromhex(str(part[0])) if isinstance(part, tuple) else part
