"""The studio's side of HTTP responses in SQLite: a table `responses` and a table `redirects`, keys hashes."""

import hashlib
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from typing import ClassVar, Self, cast

from cache_studio.adapters.base import EntryCopy, Keep, Kept
from cache_studio.adapters.defaults import join, lookup_by_scan, without
from cache_studio.adapters.response_rows import (
    DANGLING,
    ResponseRows,
    count_of,
    dangling,
    is_led,
    keyed_rows,
    prune,
    rows_of_copies,
)
from cache_studio.adapters.sqlite_adapter import RowsAdapter, table_missing
from cache_studio.adapters.sqlite_answers import Answers
from cache_studio.adapters.sqlite_copies import COPY_BYTES, unpack_id, unpack_row
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_listing import CHANGING
from cache_studio.adapters.sqlite_open import Cell, Table
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.adapters.sqlite_removing import CopiedBeside
from cache_studio.adapters.sqlite_rows import Copied, Row, entry_id_of
from cache_studio.adapters.sqlite_text import lengths_sql, shown_key
from cache_studio.adapters.sqlite_values import column_piece
from cache_studio.adapters.stored_responses import END, LARGEST_JSON, Told, told, told_by_ends
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.errors import WrongFormat
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Payload
from cache_studio.model.seeing import Part, Removal, Restoration
from cache_studio.model.seeing_columns import SeenColumns
from cache_studio.model.targets import Target

RESPONSES, REDIRECTS = "responses", "redirects"
_AS_BYTES = "CAST(value AS BLOB)"
_TAIL_SQL = f"CASE WHEN {lengths_sql('value')} > {END} THEN substr({_AS_BYTES}, -{END}) ELSE x'' END"
LISTED = ("key", lengths_sql("value"), f"substr({_AS_BYTES}, 1, {END})", _TAIL_SQL)
"""What a listing selects of a response behind its rowid: key, length, both ends."""


class ResponsesAdapter(RowsAdapter):
    """Responses by their hash. A format says which columns the tables have."""

    largest_copy = COPY_BYTES
    columns: ClassVar[frozenset[str]]
    """What both tables must have, and nothing else."""
    rows: ResponseRows
    _redirects: Table

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> Self:
        """Open both tables. WrongFormat where they have other columns, or values of another library."""
        adapter = cls()
        adapter.database = Database(target.location)
        with ExitStack() as undo:
            undo.callback(adapter.database.close)
            adapter._choose_table()
            adapter._set_capabilities([Ability.READ, Ability.WATCH, *CHANGING], writable)
            undo.pop_all()
        return adapter

    def _choose_table(self) -> None:
        tables = self.database.tables()
        for name in (RESPONSES, REDIRECTS):
            if name not in tables:
                raise table_missing(name)
            if set(tables[name].names) != self.columns or not tables[name].rowid_name:
                has = ", ".join(tables[name].names[:10])
                raise WrongFormat(f"The table “{name}” of this format has other columns.", f"It has: {has}.")
        self._redirects = tables[REDIRECTS]
        redirects = keyed_rows(self._redirects)
        self.rows = ResponseRows(tables[RESPONSES], ("key",), tables[RESPONSES].rowid_name, redirects)
        self._require_own_values()

    def _require_own_values(self) -> None:
        """WrongFormat where the first values are another library's, with the same tables."""
        return None

    # Listing.

    def _key_column(self) -> str:
        return "key"

    def _expressions(self) -> Sequence[str]:
        return LISTED

    def _ids(self, page: Page) -> list[EntryId]:
        return [entry_id_of((row[1],), row[0]) for row in page]

    def _batch(self, page: Page) -> Batch:
        """Everything at once: the ends of a value tell it."""
        found = [self._told(row) for row in page]
        return make_batch(
            self._ids(page),
            [one.title or shown_key(row[1]) for one, row in zip(found, page, strict=True)],
            [stamp_of_row(row) for row in page],
            types=[one.media_type for one in found],
            problems={at: one.problem for at, one in enumerate(found) if one.problem},
            size=[float(int(row[2] or 0)) for row in page],
            created=[one.created for one in found],
            expires=[self._expiry(one, row) for one, row in zip(found, page, strict=True)],
        )

    def _expiry(self, found: Told, row: tuple[Cell, ...]) -> float:
        """When a listed response becomes stale: the moment in the value, which the library goes by."""
        return found.expires

    def _told(self, row: tuple[Cell, ...]) -> Told:
        """What a listed row's value tells; read whole only where its ends do not say it."""
        rowid, _key, length, head, tail = row[:5]
        total = int(length or 0)
        ends = cast(bytes, head or b""), cast(bytes, tail or b"")
        found = told_by_ends(*ends, total)
        if found is not None:
            return found
        if total > (LARGEST_JSON if ends[0].startswith(b"{") else COPY_BYTES) or not isinstance(rowid, int):
            return Told()
        return told(self.database.head(RESPONSES, "value", rowid, None)[0])

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By the hash that the library computes, and by what is shown."""
        if namespace:
            return join([])
        page = [row for key in sorted(set(keys)) for row in self._listed(*self.rows.place(key))]
        by_hash = self._batch(page) if page else join([])
        shown = lookup_by_scan(self, [key for key in keys if key not in by_hash.ids], None)
        return join([batch for batch in (by_hash, without(shown, set(by_hash.ids))) if len(batch)])

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The stored response, as the library wrote it."""
        self.database.require_same_file()
        place = self.rows.place(entry_id)
        piece = column_piece(self.database, self.rows.table, "value", place, max_bytes)
        listed = self._listed(*place)
        facts = self._told(listed[0]).facts(shown_key(listed[0][1])) if listed else ()
        return Payload((piece,), facts)

    # Removing and restoring, with the redirects.

    def chosen(
        self, writer: sqlite3.Connection, entries: SeenColumns, keep: Keep | None, answers: Answers
    ) -> list[Copied]:
        """As every table of rows, and the redirects to them are copied."""
        self.rows.led.clear()
        self.rows.led.update(self.rows.leading_to(self.database, entries.ids))
        return super().chosen(writer, entries, keep, answers)

    def _take_beside(self, rows: Mapping[EntryId, Row], keep: Keep | None) -> Mapping[EntryId, CopiedBeside | Removal]:
        led = self.rows.led
        return {entry_id: CopiedBeside({"redirects": led[entry_id]}) for entry_id in rows if entry_id in led}

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Responses with their redirects."""
        self.rows.led.clear()
        return super().restore(copies, kept)

    def _restore_beside(self, extra: Mapping[str, object], copy: EntryCopy, kept: Kept) -> Restoration | None:
        self.rows.led[unpack_id(copy.id)] = self._copied_redirects(extra)
        return None

    def _copied_redirects(self, extra: Mapping[str, object]) -> list[Row]:
        assert self.rows.redirects is not None
        return rows_of_copies(extra.get("redirects"), len(self.rows.redirects.columns))

    def _is_present(self, copy: EntryCopy) -> bool:
        unpacked = unpack_row(self.rows, copy.data)
        if unpacked is None or not super()._is_present(copy):
            return False
        redirects = keyed_rows(self._redirects)
        return all(is_led(self.database, redirects, row) for row in self._copied_redirects(unpacked[1]))

    # Space and figures.

    def compactable(self) -> list[Part]:
        """Free pages, and redirects that lead to no response."""
        found = dangling(self.database, self._redirects, self.rows.table)
        return [*super().compactable(), *([found] if found else [])]

    def compact(self) -> list[Part]:
        """Remove those redirects, as the library does, then give the free pages back."""
        self.capabilities.require(Ability.COMPACT)
        found = dangling(self.database, self._redirects, self.rows.table)
        pruned = prune(self.database, self._redirects, self.rows.table) if found else 0
        # What they took lies in pages, whose bytes are counted there.
        return [*([Part(DANGLING, pruned, 0)] if pruned else []), *super().compact()]

    def details(self) -> Mapping[str, object]:
        """The pages of the database, and how many redirects there are."""
        found = dangling(self.database, self._redirects, self.rows.table)
        return self._pages_details() | {
            "redirects": count_of(self.database, self._redirects),
            "dangling_redirects": found.count if found else 0,
        }


def stamp_of_row(row: tuple[Cell, ...]) -> Stamp:
    """Rowid, length and both ends mixed: the time of storing stands in one of them."""
    mixed = hashlib.blake2b(repr(row[5:]).encode(), digest_size=8)
    for end in row[3:5]:
        mixed.update(end if isinstance(end, bytes) else b"")
    rowid, length = row[0], row[2]
    return (
        rowid if isinstance(rowid, int) else 0,
        int(length or 0),
        int.from_bytes(mixed.digest(), "big", signed=True),
    )
