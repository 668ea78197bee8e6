"""Several rows that are one entry: fetched, compared, removed and put back together."""

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cache_studio.adapters.sqlite_open import Cell, quoted
from cache_studio.adapters.sqlite_rows import Ask, Row, Rows, digest_of

if TYPE_CHECKING:
    from cache_studio.model.identity import EntryId


@dataclass(frozen=True, slots=True)
class Groups(Rows):
    """All rows with one identity; a `Row` holds their cells one row after the other, in the order of `order`."""

    order: str = ""

    def exact_place(self, row: Row) -> tuple[str, list[Cell]]:
        """All rows of the group."""
        return self.place(self.id_of(row))

    def stored_rows(self, row: Row) -> int:
        """How many rows the group has."""
        return len(row) // len(self.columns)

    def fetch(self, ask: Ask, entry_id: "EntryId") -> Row | None:
        """The cells of all rows of a group, None when there is none."""
        where, values = self.place(entry_id)
        names = ", ".join(self.table.sql(name) for name in self.columns)
        sql = f"SELECT {names} FROM {quoted(self.table.name)} WHERE {where} ORDER BY {quoted(self.order)}"
        found = [row for row in ask(sql, values) if Rows.id_of(self, row) == entry_id]
        return tuple(cell for row in found for cell in row) or None

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
        return digest_of(one[:at] + one[at + 1 :]) == digest_of(other[:at] + other[at + 1 :])

    def _apart(self, row: Row) -> list[Row]:
        width = len(self.columns)
        return [row[start : start + width] for start in range(0, len(row), width)]
