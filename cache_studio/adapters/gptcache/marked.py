"""Questions with their answers as rows that are marked as deleted, not removed: the library's own way."""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cache_studio.adapters.gptcache.layout import DELETED, LIVE
from cache_studio.adapters.sqlite_open import Cell, quoted
from cache_studio.adapters.sqlite_rows import NEWER, Ask, Row, Rows, asking
from cache_studio.model.seeing import Restoration, Return

if TYPE_CHECKING:
    from cache_studio.model.identity import EntryId

_CLEARED = "GPTCache has cleared it for good meanwhile, and its vector with it."


@dataclass(frozen=True, slots=True)
class MarkedRows(Rows):
    """A `Row` is the question's cells, then id, text and type of each of its answers from the table `answers`."""

    answers: str = ""

    def place(self, entry_id: "EntryId") -> tuple[str, list[Cell]]:
        """A question that is not marked."""
        where, values = Rows.place(self, entry_id)
        return f"{where} AND deleted = {LIVE}", values

    def places(self, ids: "Sequence[EntryId]") -> Iterator[tuple[str, list[Cell]]]:
        """Questions that are not marked."""
        return ((f"({where}) AND deleted = {LIVE}", values) for where, values in Rows.places(self, ids))

    def rowids_of(self, rows: Sequence[Row]) -> None:
        """Its answers are rows, too."""

    def fetch_all(self, ask: Ask, ids: "Sequence[EntryId]") -> "dict[EntryId, Row]":
        """The questions that are not marked, and their answers."""
        found = Rows.fetch_all(self, ask, ids)
        return {entry_id: self._with_answers(ask, question) for entry_id, question in found.items()}

    def _with_answers(self, ask: Ask, question: Row) -> Row:
        sql = f"SELECT id, answer, answer_type FROM {quoted(self.answers)} WHERE question_id = ? ORDER BY id"
        answers = ask(sql, [question[self.columns.index("id")]])
        return question + tuple(cell for answer in answers for cell in answer)

    def _take_out(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
        return sum(self._mark(connection, row, DELETED) for row in rows)

    def _mark(self, connection: sqlite3.Connection, row: Row, mark: int) -> int:
        sql = f"UPDATE {quoted(self.table.name)} SET deleted = {mark} WHERE id = ?"
        return connection.execute(sql, [row[self.columns.index("id")]]).rowcount

    def _count(self, ask: Ask) -> int:
        sql = f"SELECT count(*) FROM {quoted(self.table.name)} WHERE deleted = {LIVE}"
        return int(ask(sql, ())[0][0]) if self.table.triggers else 0

    def put_back(self, connection: sqlite3.Connection, entry_id: "EntryId", row: Row) -> Restoration:
        """Unmark a question that is still as it was. Must run in a transaction."""
        ask = asking(connection)
        live = self.fetch(ask, entry_id)
        if live is not None:
            equal = self.equal(live, row)
            return Restoration(Return.RESTORED) if equal else Restoration(Return.NEWER_KEPT, NEWER)
        where, values = Rows.place(self, entry_id)
        names = ", ".join(self.table.sql(name) for name in self.columns)
        found = ask(f"SELECT {names} FROM {quoted(self.table.name)} WHERE {where}", values)
        at = self.columns.index("deleted")
        if not found or not self.equal(self._with_answers(ask, (*found[0][:at], row[at], *found[0][at + 1 :])), row):
            return Restoration(Return.FAILED, _CLEARED)
        self._mark(connection, row, LIVE)
        return Restoration(Return.RESTORED)
