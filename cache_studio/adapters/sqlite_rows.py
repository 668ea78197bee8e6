"""Rows of a foreign table as entries: found, copied whole, removed if still equal, put back exactly."""

import hashlib
import math
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgpack

from cache_studio.adapters.sqlite_errors import is_undecodable
from cache_studio.adapters.sqlite_open import Cell, Table, are_encodable, bound, placeholders, quoted
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.seeing import Fate, Restoration, Return

if TYPE_CHECKING:
    from cache_studio.model.identity import EntryId

Row = tuple[Cell, ...]
Ask = Callable[[str, Sequence[Cell]], list[tuple[Any, ...]]]
"""Runs a query and returns all rows: `Database.rows`, or `asking` of a writing connection."""

T = TypeVar("T")

NEWER = "The application stored a newer one meanwhile."
CELLS_AT_ONCE = 900
"""How many values are bound to one statement; old builds of SQLite allow 999."""
ROWS_AT_ONCE = 2_000
"""How many rows one statement reads where it names only the first and the last."""
LARGEST_STEP = 500
"""Rows that one statement removes."""
GROWTH = 8
"""A transaction begins with one row, and a step is at most so many times the one before: how long it takes shows."""
SHORT_PROOF = 1_024
"""A packed row of so many bytes is its own proof; a longer one is not kept, its digest is."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Rows that were copied, and what tells later whether each is still the same."""

    ids: "Sequence[EntryId]"
    proofs: Sequence[bytes]
    rowids: Sequence[int] | None = None
    """As `Rows.rowids_of` says."""
    version: int | None = None
    """`version_of` the connection that removes them, before they were read."""

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, start: int, stop: int | None = None) -> "Copied":
        """Some of them."""
        rowids = None if self.rowids is None else self.rowids[start:stop]
        return Copied(self.ids[start:stop], self.proofs[start:stop], rowids, self.version)


def version_of(connection: sqlite3.Connection) -> int:
    """Another number than before on this connection as soon as any other one, of any process, has committed a change.

    By it SQLite itself knows that the pages it remembers are those of the file.
    """
    version: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return version


def asking(connection: sqlite3.Connection) -> Ask:
    """Queries on a connection that holds a transaction."""

    def ask(sql: str, values: Sequence[Cell]) -> list[tuple[Any, ...]]:
        # Decoding by a function of ours costs a call a text, so only where the fast way fails.
        own, connection.text_factory = connection.text_factory, str
        try:
            return connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if not is_undecodable(error):
                raise
        finally:
            connection.text_factory = own
        return connection.execute(sql, values).fetchall()

    return ask


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

    def places(self, ids: "Sequence[EntryId]") -> Iterator[tuple[str, list[Cell]]]:
        """WHERE expressions that find all these entries together, and what to bind to each."""
        by_rowid = stand_ins(ids)
        plain = [entry_id for entry_id in ids if stand_in(entry_id) is None] if by_rowid else ids
        if self.identity == (self.table.rowid_name,):
            by_rowid, plain = [*by_rowid, *cast("Sequence[int]", plain)], []
        yield from self._by_rowid(by_rowid)
        for some in _cut(plain, CELLS_AT_ONCE // len(self.identity)):
            yield from self._among(some)

    def _by_rowid(self, rowids: Sequence[int]) -> Iterator[tuple[str, list[Cell]]]:
        for some in _cut(rowids, ROWS_AT_ONCE):
            lowest, highest = min(some), max(some)
            if highest - lowest + 1 == len(set(some)):  # as the numbers of rows that were stored together are
                yield f"{self.table.sql(self.table.rowid_name)} BETWEEN ? AND ?", [lowest, highest]
                continue
            for few in _cut(some, CELLS_AT_ONCE):
                yield f"{self.table.sql(self.table.rowid_name)} IN ({', '.join('?' * len(few))})", list(few)

    def _among(self, ids: "Sequence[EntryId]") -> Iterator[tuple[str, list[Cell]]]:
        width = len(self.identity)
        parts = ids if width == 1 else [part for entry_id in ids for part in cast("tuple[EntryId, ...]", entry_id)]
        cells = cast("list[Cell]", list(parts)) if _PLAIN.issuperset(map(type, parts)) else list(map(_cell, parts))
        if not are_encodable(cells):
            yield from map(self.place, ids)
        elif width == 1:
            yield f"{self.table.sql(self.identity[0])} IN ({', '.join('?' * len(ids))})", cells
        else:
            names, marks = ", ".join(map(self.table.sql, self.identity)), f"({', '.join('?' * width)})"
            # Of values that stand there alone SQLite makes a list that it compares with each row of the table.
            yield f"({names}) IN (SELECT * FROM (VALUES {', '.join([marks] * len(ids))}))", cells

    def _exact_places(self, rows: Sequence[Row]) -> Iterator[tuple[str, list[Cell]]]:
        """WHERE expressions that find these rows alone: by rowid where there is one."""
        if self._rowid_at is None:
            return self.places(self.ids_of(rows))
        return self._by_rowid([cast("int", row[self._rowid_at]) for row in rows])

    @cached_property
    def _identity_at(self) -> list[int]:
        return [self.columns.index(name) for name in self.identity]

    @cached_property
    def _rowid_at(self) -> int | None:
        return self.columns.index(self.table.rowid_name) if self.table.rowid_name else None

    def ids_of(self, rows: Sequence[Row]) -> "list[EntryId]":
        """The ids of rows that have all `columns`."""
        identity = [[row[at] for row in rows] for at in self._identity_at]
        return entry_ids_of(identity, None if self._rowid_at is None else [row[self._rowid_at] for row in rows])

    def id_of(self, row: Row) -> "EntryId":
        """The id of one row."""
        return self.ids_of([row])[0]

    def fetch(self, ask: Ask, entry_id: "EntryId") -> Row | None:
        """The whole row of an entry, None when it is gone."""
        return self.fetch_all(ask, [entry_id]).get(entry_id)

    def fetch_all(self, ask: Ask, ids: "Sequence[EntryId]") -> "dict[EntryId, Row]":
        """The whole rows of entries by their ids; those that are gone are left out."""
        rows = [row for where, values in self.places(ids) for row in ask(f"{self._select} WHERE {where}", values)]
        # An id is equal byte for byte, whatever the column's collation takes for equal.
        found = dict(zip(self.ids_of(rows), rows, strict=True))
        numbered = set(stand_ins(ids))
        if numbered and self._rowid_at is not None:
            at = self._rowid_at
            found |= {((number,),): row for row in rows if isinstance(number := row[at], int) and number in numbered}
        return found

    def rowids_of(self, rows: Sequence[Row]) -> Sequence[int] | None:
        """Where rows stand that can be removed without being read again; None where they cannot.

        Not where a trigger could change one of them while another is removed.
        """
        at = self._rowid_at
        return None if at is None or self.table.triggers else [cast("int", row[at]) for row in rows]

    def remove_equal(self, connection: sqlite3.Connection, copied: Copied, seconds: float = math.inf) -> list[Fate]:
        """Delete the rows that are still as they were copied; what became of each.

        Each is read again and compared, unless nobody else has written to the database since they were read.
        After `seconds` the others are left: the answer is so much shorter, and at least one.
        Must run in a transaction. CacheUnavailable, to be rolled back, when a trigger removes other rows than asked.
        """
        ask = asking(connection)
        before = self._count(ask)
        is_current = copied.rowids is not None and copied.version == version_of(connection)
        remove_some = self._remove_current if is_current else self._remove_compared
        asked = removed = 0
        fates: list[Fate] = []
        began, step = time.perf_counter(), 1
        while step > 0 and len(fates) < len(copied):
            found, stored, count = remove_some(connection, copied.part(len(fates), len(fates) + step))
            fates += found
            asked += stored
            removed += count
            taken = time.perf_counter() - began
            step = int(min((seconds - taken) * len(fates) / max(taken, 1e-9), step * GROWTH, LARGEST_STEP))
        if removed != asked or (self.table.triggers and self._count(ask) != before - asked):
            raise CacheUnavailable(
                "A trigger of the table changes other rows than those asked for; nothing was removed.",
                f"The table “{self.table.name}” has {self.table.triggers} triggers.",
            )
        return fates

    def _remove_current(self, connection: sqlite3.Connection, copied: Copied) -> tuple[list[Fate], int, int]:
        """Remove rows that are known to be as they were copied: fates, rows asked for, rows removed."""
        assert copied.rowids is not None
        removed = self._delete(connection, self._by_rowid(copied.rowids))
        return [Fate.REMOVED] * len(copied), len(copied), removed

    def _remove_compared(self, connection: sqlite3.Connection, copied: Copied) -> tuple[list[Fate], int, int]:
        """The same where each has to be read again."""
        rows = self.fetch_all(asking(connection), copied.ids)
        current = list(map(rows.get, copied.ids))
        found = _compared(current, copied.proofs)
        equal = [row for row, fate in zip(current, found, strict=True) if row is not None and fate is Fate.REMOVED]
        return found, self.stored_rows(equal), self._take_out(connection, equal)

    def _take_out(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
        """Remove rows as the format does it; how many rows of the table that changed."""
        return self._delete(connection, self._exact_places(rows))

    def _delete(self, connection: sqlite3.Connection, places: Iterable[tuple[str, list[Cell]]]) -> int:
        delete = f"DELETE FROM {quoted(self.table.name)} WHERE"
        return sum(connection.execute(f"{delete} {where}", values).rowcount for where, values in places)

    def stored_rows(self, rows: Sequence[Row]) -> int:
        """How many rows of the table these are: one each, where a format does not join several to an entry."""
        return len(rows)

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
        return same_cells(one, other)


def packed_rows(rows: Sequence[Row]) -> list[bytes]:
    """Each row as bytes: the same for two that hold the same values of the same types (1 is not 1.0)."""
    pack = msgpack.Packer(unicode_errors="surrogateescape").pack
    return [pack(row) for row in rows]


def proofs_of(packed: Sequence[bytes]) -> list[bytes]:
    """What stands for packed rows where they are compared later: short, so that no large value stays in memory."""
    return [row if len(row) <= SHORT_PROOF else hashlib.sha256(row).digest() for row in packed]


def same_cells(one: Row, other: Row) -> bool:
    """Whether two rows hold the same values of the same types."""
    first, second = packed_rows([one, other])
    return first == second


def _compared(rows: Sequence[Row | None], proofs: Sequence[bytes]) -> list[Fate]:
    found = proofs_of(packed_rows([row for row in rows if row is not None]))
    if found == proofs:
        return [Fate.REMOVED] * len(found)
    left = iter(found)
    now = [None if row is None else next(left) for row in rows]
    return [
        Fate.GONE if one is None else Fate.REMOVED if one == proof else Fate.CHANGED
        for one, proof in zip(now, proofs, strict=True)
    ]


def _cut(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


_PLAIN = frozenset((str, int, bytes))


def entry_ids_of(identity: Sequence[Sequence[Cell]], rowids: Sequence[Cell] | None) -> "list[EntryId]":
    """The ids of many rows, from the columns of their identity; see `entry_id_of`."""
    if all(_PLAIN.issuperset(map(type, column)) for column in identity):
        return cast("list[EntryId]", list(identity[0]) if len(identity) == 1 else list(zip(*identity, strict=True)))
    places = rowids if rowids is not None else [None] * len(identity[0])
    return [entry_id_of(parts[:-1], parts[-1]) for parts in zip(*identity, places, strict=True)]


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


def stand_ins(ids: "Sequence[EntryId]") -> list[int]:
    """The rowids of all ids for which one stands in."""
    if tuple not in set(map(type, ids)):
        return []
    return [rowid for entry_id in ids if (rowid := stand_in(entry_id)) is not None]


def stand_in(entry_id: "EntryId") -> int | None:
    """The rowid, where it stands in for an identity that cannot be an id; else None."""
    match entry_id:
        case ((int() as rowid,),):
            return rowid
        case _:
            return None


def _cell(part: "EntryId") -> Cell:
    return float.fromhex(str(part[0])) if isinstance(part, tuple) else part
