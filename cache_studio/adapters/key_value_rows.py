"""Tables of a key and a value and nothing more: no time, no counter, so nothing of them is ever known to be stale."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from cache_studio.adapters.pickle_heads import looks_pickled
from cache_studio.adapters.sqlite_adapter import RowsAdapter
from cache_studio.adapters.sqlite_columns import numbers, stamps_of
from cache_studio.adapters.sqlite_copies import COPY_BYTES
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_listing import CHANGING
from cache_studio.adapters.sqlite_open import Cell, Table
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.adapters.sqlite_rows import Rows, entry_id_of
from cache_studio.adapters.sqlite_text import lengths_sql
from cache_studio.adapters.sqlite_values import column_piece
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload
from cache_studio.model.targets import Target

KEY, VALUE = "key", "value"
_SAMPLE = 1_000
"""Bytes at both ends of a value that tell whether it was written anew: the length alone may be the same."""


class KeyValueAdapter(RowsAdapter):
    """One such table; a format says which, and how a key is shown."""

    largest_copy = COPY_BYTES
    _options: Mapping[str, OptionValue]

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "KeyValueAdapter":
        """Open the database."""
        adapter = cls()
        adapter._options = options
        adapter.database = Database(target.location)
        try:
            adapter._choose_table()
            adapter._set_capabilities([Ability.READ, Ability.WATCH, *CHANGING], writable)
        except BaseException:
            adapter.database.close()
            raise
        return adapter

    @abstractmethod
    def _table_of(self, tables: Mapping[str, Table]) -> Table:
        """The table with the entries; WrongFormat when there is none."""

    @abstractmethod
    def _titles(self, keys: Sequence[Cell]) -> tuple[list[str], dict[int, str]]:
        """The keys as they are shown, and by row what is wrong with one."""

    def _choose_table(self) -> None:
        table = self._table_of(self.database.tables())
        self.rows = Rows(table, (KEY,), table.rowid_name)

    def _key_column(self) -> str:
        return KEY

    def _expressions(self) -> Sequence[str]:
        ends = f"substr({VALUE}, 1, {_SAMPLE})", f"substr({VALUE}, -{_SAMPLE})"
        return [KEY, f"typeof({VALUE})", lengths_sql(VALUE), *ends]

    def _batch(self, page: Page) -> Batch:
        rowids, keys, kinds, lengths, heads, _ends = zip(*page, strict=True)
        titles, problems = self._titles(keys)
        return make_batch(
            [entry_id_of((key,), rowid) for key, rowid in zip(keys, rowids, strict=True)],
            titles,
            stamps_of(page),
            types=[_type_of(*one) for one in zip(kinds, heads, strict=True)],
            problems=problems,
            size=numbers(lengths),
        )

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The value."""
        self.database.require_same_file()
        place = self.rows.place(entry_id)
        piece = column_piece(self.database, self.rows.table, VALUE, place, max_bytes)
        return Payload((piece,), (Fact("Table", self.rows.table.name),))

    def details(self) -> Mapping[str, object]:
        """The pages of the database."""
        return self._pages_details()


def _type_of(kind: Cell, head: Cell) -> str:
    if looks_pickled(head):
        return "pickle"
    return {"text": "text", "blob": "bytes", "null": "none"}.get(str(kind), "number")
