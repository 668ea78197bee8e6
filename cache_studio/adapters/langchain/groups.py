"""Several rows that are one entry: fetched, compared, removed and put back together."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cache_studio.adapters.sqlite_open import Cell, quoted
from cache_studio.adapters.sqlite_rows import Ask, Row, Rows, same_cells

if TYPE_CHECKING:
    from cache_studio.model.identity import EntryId


@dataclass(frozen=True, slots=True)
class Groups(Rows):
    """All rows with one identity; a `Row` holds their cells one row after the other, in the order of `order`."""

    order: str = ""

    def _exact_places(self, rows: Sequence[Row]) -> Iterator[tuple[str, list[Cell]]]:
        """All rows of the groups."""
        return self.places(self.ids_of(rows))

    def stored_rows(self, rows: Sequence[Row]) -> int:
        """How many rows the groups have."""
        return sum(map(len, rows)) // len(self.columns)

    def rowids_of(self, rows: Sequence[Row]) -> None:
        """An entry is several rows."""

    def fetch_all(self, ask: Ask, ids: "Sequence[EntryId]") -> "dict[EntryId, Row]":
        """The cells of all rows of each group."""
        names = ", ".join(self.table.sql(name) for name in self.columns)
        found: dict[EntryId, Row] = {}
        for where, values in self.places(ids):
            sql = f"SELECT {names} FROM {quoted(self.table.name)} WHERE {where} ORDER BY {quoted(self.order)}"
            rows = ask(sql, values)
            for entry_id, row in zip(self.ids_of(rows), rows, strict=True):
                found[entry_id] = found.get(entry_id, ()) + row
        return found

    def _insert(self, connection: sqlite3.Connection, columns: tuple[str, ...], row: Row) -> None:
        for one in self._apart(row):
            Rows._insert(self, connection, columns, one)

    def _inserted(self, connection: sqlite3.Connection, ask: Ask) -> Row | None:
        last = Rows._inserted(self, connection, ask)
        return None if last is None else self.fetch(ask, self.id_of(last))

    def equal(self, one: Row, other: Row) -> bool:
        """Whether two groups are the same but for the surrogates."""
        return len(one) == len(other) and all(map(self._same, self._apart(one), self._apart(other)))

    def _same(self, one: Row, other: Row) -> bool:
        at = self.columns.index(self.surrogate)
        return same_cells(one[:at] + one[at + 1 :], other[:at] + other[at + 1 :])

    def _apart(self, row: Row) -> list[Row]:
        width = len(self.columns)
        return [row[start : start + width] for start in range(0, len(row), width)]
