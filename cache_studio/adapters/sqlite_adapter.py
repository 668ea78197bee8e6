"""What every adapter of rows in a SQLite table has in common; a format says which table and what a row means."""

import os
import time
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from cache_studio.adapters.base import EntryCopy, Keep, Kept, require_found
from cache_studio.adapters.defaults import join, take
from cache_studio.adapters.sqlite_copies import COPY_BYTES, pack_id, pack_row, unpack_id, unpack_row
from cache_studio.adapters.sqlite_listing import CHANGING, ListsRows
from cache_studio.adapters.sqlite_open import Cell, bound, quoted
from cache_studio.adapters.sqlite_pages import Page, Pages
from cache_studio.adapters.sqlite_rows import Row, digest_of
from cache_studio.adapters.sqlite_space import SQLiteSpace
from cache_studio.adapters.sqlite_text import shown_key
from cache_studio.adapters.sqlite_warnings import warnings_of
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import Batch
from cache_studio.model.errors import CacheStudioError, WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.seeing import Fate, Removal, Restoration, Return, Seen

READ_ONLY = "Attached read-only."
CHUNK_BYTES = 32_000_000
"""Values that are held in memory, and compared under one write lock, at once."""
LOCK_SECONDS = 0.008
"""How long one transaction removes rows; then it is committed and the application has its turn.

SQLite looks again 1, 3, 8, 18 and 33 ms after it found a lock: a commit that takes as long is over at the fourth.
"""
REST_SECONDS = 0.012
"""How long nothing is locked between two transactions: who waits for a lock looks now and then only."""
KEYS_AT_ONCE = 200


@dataclass(slots=True)
class Chosen:
    """An entry on its way out: the whole row, and what the format keeps beside it."""

    seen: Seen
    row: Row
    key: str
    namespace: str
    size: int
    extra: dict[str, object] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    digest: bytes = b""


class RowsAdapter(SQLiteSpace, ListsRows):
    """A cache whose entries are rows of one table. A format fills in the abstract methods."""

    frees_at_once = False
    lock_seconds = LOCK_SECONDS
    """How long one transaction changes rows; less where the application waits less."""

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

    def _listed(self, where: str, values: Sequence[Cell]) -> Page:
        order = Pages(self.database, self.rows.table, self._expressions())
        return self.database.rows(f"{order.select} WHERE {where}", values)

    def _current(self, ids: Sequence[EntryId]) -> dict[EntryId, tuple[Batch, int]]:
        """The entries with these ids as they are listed now."""
        pages = [row for entry_id in ids for row in self._listed(*self.rows.place(entry_id))]
        if not pages:
            return {}
        batch = self._batch(pages)
        return {entry_id: (batch, row) for row, entry_id in enumerate(batch.ids)}

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

    # Removing.

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """Compare-and-remove: copies first, then short transactions in which the rows are compared again."""
        answers: dict[EntryId, Removal] = {}
        self.remove_chosen(self.chosen(entries, keep, answers), answers)
        return [answers[entry.id] for entry in entries]

    def chosen(self, entries: Sequence[Seen], keep: Keep | None, answers: dict[EntryId, Removal]) -> list[list[Chosen]]:
        """First half of `remove`: what is still as it was seen, copied; the others are answered."""
        self.capabilities.require(Ability.REMOVE)
        self.database.require_same_file()
        return [self._copied(chunk, keep, answers) for chunk in self._chunks(entries, answers, keep)]

    def remove_chosen(self, chunks: Sequence[Sequence[Chosen]], answers: dict[EntryId, Removal]) -> None:
        """Second half: remove them and answer. Raises only where nothing was removed yet."""
        started = False
        for chunk in chunks:
            try:
                self._remove_chunk(chunk, answers)
            except CacheStudioError as error:
                left = [one.seen.id for one in chunk if one.seen.id not in answers]
                if not started and len(left) == len(chunk):
                    raise
                answers |= {entry_id: Removal(entry_id, Fate.FAILED, reason=error.message) for entry_id in left}
            started = True

    def _chunks(
        self, entries: Sequence[Seen], answers: dict[EntryId, Removal], keep: Keep | None
    ) -> Iterator[list[tuple[Seen, Batch, int]]]:
        current = self._current([entry.id for entry in entries])
        chunk: list[tuple[Seen, Batch, int]] = []
        room = CHUNK_BYTES
        for entry in entries:
            if entry.id not in current:
                answers[entry.id] = Removal(entry.id, Fate.GONE)
                continue
            batch, row = current[entry.id]
            if tuple(int(part) for part in batch.stamps[row]) != entry.stamp:
                answers[entry.id] = Removal(entry.id, Fate.CHANGED)
                continue
            size = self._row_size(batch, row)
            if keep is not None and size > COPY_BYTES:
                reason = f"It is larger than {COPY_BYTES:,} bytes: too large to be copied for undo."
                answers[entry.id] = Removal(entry.id, Fate.FAILED, reason=reason)
                continue
            if size > room and chunk:
                yield chunk
                chunk, room = [], CHUNK_BYTES
            chunk.append((entry, batch, row))
            room -= size
        if chunk:
            yield chunk

    def _row_size(self, batch: Batch, row: int) -> int:
        size = float(batch.numbers["size"][row])
        return int(size) if size == size else 0

    def _copied(
        self, chunk: Sequence[tuple[Seen, Batch, int]], keep: Keep | None, answers: dict[EntryId, Removal]
    ) -> list[Chosen]:
        chosen: list[Chosen] = []
        copies: list[EntryCopy] = []
        for entry, batch, at in chunk:
            row = self.rows.fetch(self.database.rows, entry.id)
            if row is None:
                answers[entry.id] = Removal(entry.id, Fate.GONE)
                continue
            size = batch.numbers["size"][at]
            one = Chosen(entry, row, batch.keys[at], batch.namespaces[at], 0 if np.isnan(size) else int(size))
            failure = self._take_beside(one, keep)
            if failure is not None:
                answers[entry.id] = failure
                continue
            one.digest = digest_of(row)
            if keep is not None:
                data = pack_row(self.rows, row, one.extra)
                copies.append(EntryCopy(one.key, one.namespace, one.size, data, pack_id(entry.id), one.files))
            one.row = ()  # compared by its digest from here on: the values need not stay in memory
            chosen.append(one)
        if keep is not None and copies:
            keep.copies(copies)
        return chosen

    def _take_beside(self, chosen: Chosen, keep: Keep | None) -> Removal | None:
        """Copy what belongs to the entry beside its row into `extra` and `files`; why it must stay, or None."""
        return None

    def _rows_removed(self, chunk: Sequence[Chosen]) -> None:
        """Called after the commit, before `_remove_beside` for each: what is asked once for all of them."""
        return None

    def _remove_beside(self, chosen: Chosen) -> tuple[int, str]:
        """After the commit: remove it; the bytes that were freed and, where it failed, why."""
        return 0, ""

    def _remove_chunk(self, chunk: Sequence[Chosen], answers: dict[EntryId, Removal]) -> None:
        wanted = [(one.seen.id, one.digest) for one in chunk]
        at = 0
        with self.database.several():
            while at < len(chunk):
                if at:
                    time.sleep(REST_SECONDS)
                with self.database.writing() as connection:
                    now = self.rows.remove_equal(connection, wanted[at:], self.lock_seconds)
                self._answer(chunk[at : at + len(now)], now, answers)
                at += len(now)

    def _answer(self, chunk: Sequence[Chosen], now: Sequence[Row | None], answers: dict[EntryId, Removal]) -> None:
        self._rows_removed(chunk)
        for one, row in zip(chunk, now, strict=True):
            entry_id = one.seen.id
            if row is None:
                answers[entry_id] = Removal(entry_id, Fate.GONE)
            elif digest_of(row) != one.digest:
                answers[entry_id] = Removal(entry_id, Fate.CHANGED)
            else:
                # The pages of a removed row stay in the file until it is compacted, so a row frees nothing by itself.
                freed, reason = self._remove_beside(one)
                answers[entry_id] = Removal(entry_id, Fate.REMOVED, freed, reason)

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
        if len(back) < len(rows):
            time.sleep(REST_SECONDS)
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
