"""Rows taken out of a table: read, compared and copied a batch at a time, removed in short transactions."""

import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from cache_studio.adapters.base import Keep
from cache_studio.adapters.copy_columns import CopyColumns
from cache_studio.adapters.defaults import join
from cache_studio.adapters.sqlite_answers import Answers
from cache_studio.adapters.sqlite_copies import COPY_BYTES, pack_copies, pack_ids
from cache_studio.adapters.sqlite_listing import ListsRows
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.adapters.sqlite_pages import Page, Pages
from cache_studio.adapters.sqlite_rows import Copied, Row, packed_rows, proofs_of, version_of
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.identity import EntryId
from cache_studio.model.seeing import Fate, Removal, Seen
from cache_studio.model.seeing_columns import RemovalColumns, SeenColumns

CHUNK_BYTES = 8_000_000
"""Values that are held in memory, and made durable, at once."""
LOCK_SECONDS = 0.008
"""How long one transaction removes rows; then it is committed and the application has its turn.

SQLite looks again 1, 3, 8, 18 and 33 ms after it found a lock: a commit that takes as long is over at the fourth.
"""
BATCHES = (100, 2_000)
"""Entries of one batch: what is asked once for all of them (a connection, room on the disk) costs each little then.

How many of them one transaction removes is a matter of its time alone.
"""


@dataclass(frozen=True, slots=True)
class CopiedBeside:
    """The copy of what the format keeps beside a row."""

    extra: Mapping[str, object]
    files: tuple[str, ...] = ()


class RemovesRows(ListsRows):
    """Compare-and-remove for the rows of one table; a format says what belongs to a row beside it."""

    fitted_batches = BATCHES
    lock_seconds = LOCK_SECONDS
    """How long one transaction changes rows; less where the application waits less."""

    def _listed(self, where: str, values: Sequence[Cell]) -> Page:
        order = Pages(self.database, self.rows.table, self._expressions())
        return self.database.rows(f"{order.select} WHERE {where}", values)

    def _current(self, ids: Sequence[EntryId]) -> Batch:
        """The entries with these ids as they are listed now; others may be among them."""
        pages = [page for where, values in self.rows.places(ids) if (page := self._listed(where, values))]
        return join(list(map(self._batch, pages)))

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> RemovalColumns:
        """Compare-and-remove: copies first, then short transactions; compared is where others wrote meanwhile."""
        seen = SeenColumns.of(entries)
        answers = Answers()
        with self.writer() as writer:
            for _ in self.removing(self.chosen(writer, seen, keep, answers), answers):
                pass
        return answers.of(seen.ids)

    def writer(self) -> AbstractContextManager[sqlite3.Connection]:
        """The connection for both halves of `remove`, to be entered first."""
        self.capabilities.require(Ability.REMOVE)
        return self.database.several()

    def chosen(
        self, writer: sqlite3.Connection, entries: SeenColumns, keep: Keep | None, answers: Answers
    ) -> list[Copied]:
        """First half of `remove`: what is still as it was seen, copied; the others are answered."""
        version = version_of(writer)  # before anything is read: what comes after is a change
        batch = self._current(entries.ids)
        chunks = self._chunks(batch, self._unchanged(batch, entries, answers), keep, answers)
        return [self._copied(version, batch, chunk, keep, answers) for chunk in chunks]

    def removing(self, chunks: Sequence[Copied], answers: Answers) -> Generator[None, None, None]:
        """Second half, a transaction at a time: remove them and answer.

        Another database can be written to while this one rests. Raises only where nothing was removed yet.
        """
        started = False
        for chunk in chunks:
            try:
                yield from self._remove_chunk(chunk, answers)
            except CacheStudioError as error:
                left = [entry_id for entry_id in chunk.ids if entry_id not in answers.fates]
                if not started and len(left) == len(chunk):
                    raise
                answers.add(left, Fate.FAILED, error.message)
            started = True

    def _unchanged(self, batch: Batch, entries: SeenColumns, answers: Answers) -> NDArray[np.intp]:
        """Where those that are listed as they were seen stand in `batch`; the others are answered."""
        row_of = dict(zip(batch.ids, range(len(batch)), strict=True))
        rows = np.fromiter(map(row_of.get, entries.ids, repeat(-1)), np.intp, len(entries))
        there = np.flatnonzero(rows >= 0)
        same = (batch.stamps[rows[there]] == entries.stamps[there]).all(axis=1)
        for fate, places in ((Fate.GONE, np.flatnonzero(rows < 0)), (Fate.CHANGED, there[~same])):
            answers.add(map(entries.ids.__getitem__, places.tolist()), fate)
        unchanged: NDArray[np.intp] = rows[there[same]]
        _, first = np.unique(unchanged, return_index=True)  # an entry that is given twice is removed once
        first.sort()
        return unchanged[first]

    def _chunks(self, batch: Batch, rows: NDArray[np.intp], keep: Keep | None, answers: Answers) -> Iterator[list[int]]:
        """Rows of the batch in parts that are held in memory at once; what is too large for that is answered."""
        held = self._held_sizes(batch, _sizes(batch))[rows]
        if keep is not None and (large := held > COPY_BYTES).any():
            reason = f"It is larger than {COPY_BYTES:,} bytes: too large to be copied for undo."
            answers.add(map(batch.ids.__getitem__, rows[large].tolist()), Fate.FAILED, reason)
            rows, held = rows[~large], held[~large]
        ends = np.cumsum(held)
        start, before = 0, 0
        while start < len(rows):
            stop = max(start + 1, int(np.searchsorted(ends, before + CHUNK_BYTES, side="right")))
            yield rows[start:stop].tolist()
            start, before = stop, int(ends[stop - 1])

    def _held_sizes(self, batch: Batch, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many bytes of each entry are held in memory while it is copied, by their sizes (0 where not known)."""
        return sizes

    def _copied(self, version: int, batch: Batch, chunk: Sequence[int], keep: Keep | None, answers: Answers) -> Copied:
        """Copy these rows of the batch, durable when this returns; those that are gone or must stay are answered."""
        wanted = [batch.ids[row] for row in chunk]
        fetched = self.rows.fetch_all(self.database.rows, wanted)
        found = {entry_id: row for entry_id in wanted if (row := fetched.get(entry_id)) is not None}
        answers.add([entry_id for entry_id in wanted if entry_id not in found], Fate.GONE)
        beside: dict[EntryId, CopiedBeside] = {}
        for entry_id, one in self._take_beside(found, keep).items():
            if isinstance(one, CopiedBeside):
                beside[entry_id] = one
            else:
                answers.add([entry_id], one.fate, one.reason)
                del found[entry_id]
        packed = packed_rows(list(found.values()))
        if keep is not None and found:
            copied = [row for row, entry_id in zip(chunk, wanted, strict=True) if entry_id in found]
            taken = [beside.get(entry_id, _NOTHING) for entry_id in found]
            keep.copies(
                CopyColumns(
                    keys=[batch.keys[row] for row in copied],
                    namespaces=[batch.namespaces[row] for row in copied],
                    sizes=_sizes(batch)[copied].tolist(),
                    data=pack_copies(self.rows, packed, [one.extra for one in taken]),
                    ids=pack_ids(list(found)),
                    files=[one.files for one in taken],
                )
            )
        # Compared by its proof: the values need not stay in memory.
        return Copied(list(found), proofs_of(packed), self.rows.rowids_of(list(found.values())), version)

    def _take_beside(self, rows: Mapping[EntryId, Row], keep: Keep | None) -> Mapping[EntryId, CopiedBeside | Removal]:
        """Copy what belongs to these entries beside their rows, where there is any; why one must stay."""
        return {}

    def _remove_beside(self, ids: Sequence[EntryId]) -> Mapping[EntryId, tuple[int, str]]:
        """After the rows of these entries are gone: remove it; the bytes that were freed and, where it failed, why."""
        return {}

    def _remove_chunk(self, chunk: Copied, answers: Answers) -> Generator[None, None, None]:
        at, gone = 0, Fate.REMOVED  # asked for once: an enumeration takes its time
        while at < len(chunk):
            left = chunk.part(at)
            with self.database.writing() as connection:
                fates = self.rows.remove_equal(connection, left, self.lock_seconds)
            ids = left.ids[: len(fates)]
            removed = [entry_id for entry_id, fate in zip(ids, fates, strict=True) if fate is gone]
            answers.fates |= zip(ids, fates, strict=True)
            # The pages of a removed row stay in the file until it is compacted, so a row frees nothing by itself.
            answers.told |= self._remove_beside(removed)
            at += len(fates)
            yield


_NOTHING = CopiedBeside({})


def _sizes(batch: Batch) -> NDArray[np.int64]:
    return np.nan_to_num(batch.numbers["size"]).astype(np.int64)
