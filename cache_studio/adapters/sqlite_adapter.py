"""What every adapter of rows in a SQLite table has in common; a format says which table and what a row means."""

import os
import time
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress

from cache_studio.adapters.base import EntryCopy, Kept, require_found
from cache_studio.adapters.defaults import join, take
from cache_studio.adapters.sqlite_copies import unpack_id, unpack_row
from cache_studio.adapters.sqlite_listing import CHANGING
from cache_studio.adapters.sqlite_open import Cell, bound, quoted
from cache_studio.adapters.sqlite_removing import RemovesRows
from cache_studio.adapters.sqlite_rows import Row
from cache_studio.adapters.sqlite_space import SQLiteSpace
from cache_studio.adapters.sqlite_text import shown_key
from cache_studio.adapters.sqlite_warnings import warnings_of
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import Batch
from cache_studio.model.errors import CacheStudioError, WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.seeing import Restoration, Return

READ_ONLY = "Attached read-only."
KEYS_AT_ONCE = 200


class RowsAdapter(SQLiteSpace, RemovesRows):
    """A cache whose entries are rows of one table. A format fills in the abstract methods."""

    frees_at_once = False

    @abstractmethod
    def _key_column(self) -> str:
        """The column that holds the key."""

    def _set_capabilities(self, abilities: Collection[Ability], writable: bool) -> None:
        self.capabilities = Capabilities.of(abilities)
        self.warnings = tuple(warnings_of(self.database.path, self.rows.table.triggers))
        reason = self.database.writable_reason() if writable else READ_ONLY
        if reason:
            self.capabilities = self.capabilities.without(CHANGING, reason)

    # Listing.

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """The entries with these keys, by an index where the table has one."""
        found: list[Batch] = []
        wanted = sorted(set(keys))
        for start in range(0, len(wanted), KEYS_AT_ONCE):
            pairs = [bound(form) for key in wanted[start : start + KEYS_AT_ONCE] for form in _stored_forms(key)]
            marks = ", ".join(pair[0] for pair in pairs)
            page = self._listed(f"{quoted(self._key_column())} IN ({marks})", [pair[1] for pair in pairs])
            if page:
                found.append(self._batch(page))
        batch = join(found)
        chosen = set(wanted)
        fits = [
            row
            for row, key in enumerate(batch.keys)
            if key in chosen and (namespace is None or batch.namespaces[row] == namespace)
        ]
        return take(batch, fits)

    def _require_row(self, entry_id: EntryId) -> Row:
        self.database.require_same_file()
        row = self.rows.fetch(self.database.rows, entry_id)
        require_found(row, shown_key(entry_id if isinstance(entry_id, str | int | bytes) else str(entry_id)))
        assert row is not None
        return row

    # Restoring.

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Put rows back with their rowid, what lies beside them first; a newer row stays."""
        self.capabilities.require(Ability.UNDO)
        answers: dict[int, Restoration] = {}
        rows: dict[int, tuple[EntryId, Row]] = {}
        for place, copy in enumerate(copies):
            unpacked = unpack_row(self.rows, copy.data)
            if unpacked is None:
                answers[place] = Restoration(Return.FAILED, "The table has other columns now.")
                continue
            failure = self._restore_beside(unpacked[1], copy, kept)
            if failure is not None:
                answers[place] = failure
            else:
                rows[place] = (unpack_id(copy.id), unpacked[0])
        if rows:
            with self.database.several():
                answers |= self._put_all_back(rows)
        return [answers[place] for place in range(len(copies))]

    def _put_all_back(self, rows: Mapping[int, tuple[EntryId, Row]]) -> dict[int, Restoration]:
        """Raises only where nothing came back yet."""
        answers: dict[int, Restoration] = {}
        while rows:
            try:
                back = self._put_back(rows)
            except CacheStudioError as error:
                if not any(one.fate is Return.RESTORED for one in answers.values()):
                    raise
                back = {place: Restoration(Return.FAILED, error.message) for place in rows}
            answers |= back
            rows = {place: row for place, row in rows.items() if place not in back}
        return answers

    def _put_back(self, rows: Mapping[int, tuple[EntryId, Row]]) -> dict[int, Restoration]:
        """As many as one short transaction can take, at least one; then the application has its turn."""
        back: dict[int, Restoration] = {}
        with self.database.writing() as connection:
            end = time.perf_counter() + self.lock_seconds
            for place, row in rows.items():
                if back and time.perf_counter() > end:
                    break
                back[place] = self.rows.put_back(connection, *row)
        return back

    def _restore_beside(self, extra: Mapping[str, object], copy: EntryCopy, kept: Kept) -> Restoration | None:
        """Bring back what lies beside the row; why the row cannot follow, or None."""
        return None

    def present(self, copies: Sequence[EntryCopy]) -> list[bool]:
        """Whether each row is stored as it was copied."""
        self.database.require_certain()
        return [self._is_present(copy) for copy in copies]

    def _is_present(self, copy: EntryCopy) -> bool:
        unpacked = unpack_row(self.rows, copy.data)
        if unpacked is None:
            return False
        now = self.rows.fetch(self.database.rows, unpack_id(copy.id))
        return now is not None and self.rows.equal(now, unpacked[0])

    def watched(self) -> tuple[tuple[str, bool], ...]:
        """The folder of the database: its -wal moves, the file alone would not."""
        return ((os.path.dirname(self.database.path), False),)

    def interrupt(self) -> None:
        """End the query in progress, and the children that list."""
        self._children.stop()
        self.database.interrupt()

    def close(self) -> None:
        """Close the database without leaving a trace."""
        self.database.close()


def _stored_forms(key: str) -> Iterator[Cell]:
    """How a key that is shown as this text may be stored: text, bytes, number."""
    yield key
    yield key.encode("utf-8", "surrogateescape")
    with suppress(ValueError):
        number = int(key)
        if abs(number) < 1 << 63:
            yield number
    with suppress(ValueError):
        yield float(key)


def table_missing(name: str) -> WrongFormat:
    """The error for a table that is not there."""
    return WrongFormat(f"The database has no table “{name}”.", "Views and virtual tables are not offered.")
