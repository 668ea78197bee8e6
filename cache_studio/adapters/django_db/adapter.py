"""The adapter of Django's database cache. The database is the whole site's: no other table is ever touched."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from math import ceil, inf, isfinite

import numpy as np

from cache_studio.adapters.base import require_found
from cache_studio.adapters.defaults import lookup_by_scan, take
from cache_studio.adapters.django_db.layout import EXPIRES, KEY, NEVER, NEVER_DAY, VALUE, is_cache_table, others_of
from cache_studio.adapters.django_keys import kind_of, shown_place
from cache_studio.adapters.masked_names import MASK
from cache_studio.adapters.sqlite_adapter import table_missing
from cache_studio.adapters.sqlite_columns import numbers, stamps_of
from cache_studio.adapters.sqlite_copies import COPY_BYTES
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_expiries import ExpiringRows, with_set_expiry
from cache_studio.adapters.sqlite_listing import CHANGING
from cache_studio.adapters.sqlite_open import Cell, quoted
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.adapters.sqlite_rows import Rows, entry_id_of
from cache_studio.adapters.sqlite_text import lengths_sql, shown_key, shown_keys
from cache_studio.adapters.sqlite_values import column_piece
from cache_studio.adapters.time_columns import moments
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.errors import WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload
from cache_studio.model.targets import Target

_NAMED = 12
"""How many of a site's tables a sentence names."""
_LAST = 253_402_300_799.0
"""The last moment that such a text can say; Django reads it as never."""
_SLACK = 1e-3
"""Seconds by which a moment may be over a whole second and still be that: it is often calculated."""


class DjangoDbAdapter(ExpiringRows):
    """One row an entry; prefix and version of its key are its namespace."""

    largest_copy = COPY_BYTES
    _options: Mapping[str, OptionValue]
    _zone: str
    _others: Sequence[str]

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "DjangoDbAdapter":
        """Open the table that the options name, or the first cache table of the database."""
        adapter = cls()
        adapter._options = dict(options)
        adapter._zone = str(options.get("zone") or "utc")
        adapter.database = Database(target.location)
        try:
            adapter._choose_table()
            adapter._set_abilities(writable)
        except BaseException:
            adapter.database.close()
            raise
        return adapter

    def _choose_table(self) -> None:
        tables = self.database.tables()
        wanted = str(self._options.get("table") or "")
        if wanted and wanted not in tables:
            raise table_missing(wanted)
        fitting = [table for table in tables.values() if is_cache_table(table) and wanted in ("", table.name)]
        if not fitting:
            raise WrongFormat(
                f"“{wanted or 'This database'}” is no cache table of Django.",
                "Such a table has the columns cache_key, value and expires.",
            )
        table = fitting[0]
        self.rows = Rows(table, (KEY,), table.rowid_name)
        self._others = others_of(tables.values())

    def _set_abilities(self, writable: bool) -> None:
        self._set_capabilities([Ability.READ, Ability.WATCH, *CHANGING], writable)
        self.capabilities = with_set_expiry(self.capabilities)
        if not self._others:
            return
        whose = f"This is the database of a whole site: it holds {_named(self._others)}, too."
        self.warnings = (*self.warnings, f"{whose} Only rows of the table “{self.rows.table.name}” are touched.")
        if self._options.get("whole_database") != "yes":
            why = f"{whose} Attach it with whole_database=yes to compact all of it."
            self.capabilities = self.capabilities.without([Ability.COMPACT], why)

    # Listing.

    def _key_column(self) -> str:
        return KEY

    def _expressions(self) -> Sequence[str]:
        return [quoted(KEY), lengths_sql(quoted(VALUE)), quoted(EXPIRES)]

    def _batch(self, page: Page) -> Batch:
        keys, sizes, written = list(zip(*page, strict=True))[-3:]
        places = [shown_place(key) for key in shown_keys(keys)]
        expires = moments(written, "iso", self._zone)
        expires[[row for row, cell in enumerate(written) if _is_never(cell)]] = np.inf
        unreadable = np.flatnonzero(np.isnan(expires)).tolist()
        return make_batch(
            [entry_id_of([row[-3]], row[0]) for row in page],
            [key for _namespace, key in places],
            stamps_of(page),
            namespaces=[namespace for namespace, _key in places],
            types=[kind_of(key) for _namespace, key in places],
            problems=dict.fromkeys(unreadable, "Its expiry cannot be read as a time."),
            size=np.maximum(numbers(sizes), 0),
            expires=expires,
        )

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By the primary key where the namespace is known; else by a scan, for it may be any version's."""
        if namespace is None or any(MASK in key for key in keys):
            return lookup_by_scan(self, keys, namespace)
        ids = [f"{namespace}:{key}" if namespace else key for key in keys]
        found = self._current(ids)
        wanted = zip(found.ids, found.namespaces, strict=True)
        return take(found, [row for row, (made, name) in enumerate(wanted) if made in ids and name == namespace])

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The value, base64 of a pickle."""
        self.database.require_same_file()
        place = self.rows.place(entry_id)
        made = shown_key(entry_id) if isinstance(entry_id, str | int | bytes) else str(entry_id)
        key = shown_place(made)[1]
        found = self.database.rows(f"SELECT 1 FROM {quoted(self.rows.table.name)} WHERE {place[0]}", place[1])
        require_found(found, key)
        piece = column_piece(self.database, self.rows.table, VALUE, place, max_bytes, hint="base64")
        facts = [Fact("Table", self.rows.table.name)]
        return Payload((piece,), (*facts, *(() if MASK in key else (Fact("Stored as", made),))))

    # Expiry.

    def _stored_expiry(self, moment: float) -> tuple[Mapping[str, Cell], float]:
        if not isfinite(moment) or moment >= _LAST:
            return {EXPIRES: NEVER}, inf
        whole = float(ceil(moment - _SLACK))
        zoned = datetime.fromtimestamp(whole, UTC) if self._zone == "utc" else datetime.fromtimestamp(whole)
        return {EXPIRES: zoned.strftime("%Y-%m-%d %H:%M:%S")}, whole

    # Space and figures.

    def compact_note(self) -> str:
        """Whose database it is and what else is in it, then for how long it is locked."""
        if not self._others:
            return super().compact_note()
        return f"This is the whole site's database, with {_named(self._others)}. {super().compact_note()}"

    def details(self) -> Mapping[str, object]:
        """The pages of the database, and what else lies in it."""
        return self._pages_details() | {"zone": self._zone, "tables_of_the_site": list(self._others)}


def _is_never(cell: Cell) -> bool:
    return isinstance(cell, str) and cell.startswith(NEVER_DAY)


def _named(tables: Sequence[str]) -> str:
    more = len(tables) - _NAMED
    names = ", ".join(tables[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"the table {names}" if len(tables) == 1 else f"the tables {names}"
