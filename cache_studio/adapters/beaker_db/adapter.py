"""The adapter of Beaker's database cache. An entry is a namespace, because that is what a row holds."""

from collections.abc import Mapping, Sequence

import numpy as np

from cache_studio.adapters.base import require_found
from cache_studio.adapters.beaker_db.layout import is_cache_table
from cache_studio.adapters.sqlite_adapter import READ_ONLY, RowsAdapter, table_missing
from cache_studio.adapters.sqlite_columns import numbers, stamps_of
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_listing import CHANGING
from cache_studio.adapters.sqlite_open import quoted
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.adapters.sqlite_rows import Rows, entry_id_of
from cache_studio.adapters.sqlite_text import lengths_sql, shown_key, shown_keys
from cache_studio.adapters.sqlite_values import column_piece
from cache_studio.adapters.time_columns import moments
from cache_studio.decoding.pickled.read import read_pickle
from cache_studio.decoding.pickled.values import Collection
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.errors import WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.targets import Target

_WHY_NOT = "Beaker keeps all entries of a namespace in one pickle, which would have to be written anew by Beaker."
_NAMED_UP_TO = 64_000
"""Bytes of a pickle whose keys are named beside it; reading more would take longer than a glance."""
_MOST_NAMED = 50


class BeakerDbAdapter(RowsAdapter):
    """Namespaces as entries. When the entries in them expire is in their pickles, so it is not known here."""

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "BeakerDbAdapter":
        """Open the table that the options name, or the first one."""
        adapter = cls()
        adapter._table_name = str(options.get("table") or "")
        adapter.database = Database(target.location)
        try:
            adapter._choose_table()
            adapter._set_capabilities([Ability.READ, Ability.WATCH, *CHANGING], writable)
            adapter.capabilities = adapter.capabilities.without(CHANGING, _WHY_NOT if writable else READ_ONLY)
        except BaseException:
            adapter.database.close()
            raise
        return adapter

    _table_name: str

    def _choose_table(self) -> None:
        tables = self.database.tables()
        if self._table_name and self._table_name not in tables:
            raise table_missing(self._table_name)
        fitting = [table for table in tables.values() if is_cache_table(table)]
        fitting = [table for table in fitting if self._table_name in ("", table.name)]
        if not fitting:
            raise WrongFormat(
                "No such table of this database is Beaker's.",
                "Its tables have the columns namespace, accessed, created and data.",
            )
        self.rows = Rows(fitting[0], ("namespace",), fitting[0].rowid_name)

    # Listing.

    def _key_column(self) -> str:
        return "namespace"

    def _expressions(self) -> Sequence[str]:
        return ["namespace", "created", "accessed", lengths_sql("data")]

    def _batch(self, page: Page) -> Batch:
        names, created, _written, sizes = list(zip(*page, strict=True))[-4:]
        return make_batch(
            [entry_id_of([row[-4]], row[0]) for row in page],
            shown_keys(names),
            stamps_of(page),
            types="namespace",
            size=np.maximum(numbers(sizes), 0),
            created=moments(created, "iso", "local"),
        )

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The pickle of all entries of a namespace, and the names of those of a short one."""
        self.database.require_same_file()
        place = self.rows.place(entry_id)
        sql = f"SELECT accessed FROM {quoted(self.rows.table.name)} WHERE {place[0]} LIMIT 1"
        found = self.database.rows(sql, place[1])
        require_found(found, str(entry_id))
        piece = column_piece(self.database, self.rows.table, "data", place, max_bytes, hint="pickle")
        written = Fact("Last written, local time", shown_key(found[0][0]))
        return Payload((piece,), (written, *_entry_facts(piece)))

    def details(self) -> Mapping[str, object]:
        """The pages of the database."""
        return self._pages_details()


def _entry_facts(piece: Piece) -> tuple[Fact, ...]:
    """How many entries the pickle holds and what they are called, unless it is cut; nothing of it is run."""
    whole = len(piece.data) == piece.total <= _NAMED_UP_TO
    root: object = read_pickle(piece.data).root if whole else None
    if not isinstance(root, Collection) or root.kind != "dict":
        return ()
    keys = [key for key, _value in root.pairs()]
    named = [key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key) for key in keys[:_MOST_NAMED]]
    more = f" and {len(keys) - _MOST_NAMED} more" if len(keys) > _MOST_NAMED else ""
    return (Fact("Entries", str(len(keys))), Fact("Keys", ", ".join(named) + more))
