"""Rows taken out of a table: read, copied and compared a page at a time, removed in short transactions."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cache_studio.adapters.base import Keep
from cache_studio.adapters.copy_columns import CopyColumns
from cache_studio.adapters.defaults import join
from cache_studio.adapters.sqlite_copies import COPY_BYTES, pack_copies, pack_ids
from cache_studio.adapters.sqlite_listing import ListsRows
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.adapters.sqlite_pages import Page, Pages
from cache_studio.adapters.sqlite_rows import Row, packed_rows, proofs_of
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.identity import EntryId
from cache_studio.model.seeing import Fate, Removal, Seen

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


@dataclass(slots=True)
class Chosen:
    """An entry on its way out: the whole row, and what the format keeps beside it."""

    seen: Seen
    key: str
    namespace: str
    size: int
    row: Row = ()
    extra: Mapping[str, object] | None = None
    """None for most rows, which have nothing beside them."""
    files: tuple[str, ...] = ()
    proof: bytes = b""


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
        for _ in self.removing(chunks, answers):
            pass

    def removing(
        self, chunks: Sequence[Sequence[Chosen]], answers: dict[EntryId, Removal]
    ) -> Generator[None, None, None]:
        """The same a transaction at a time, so that another database is written to while this one rests."""
        started = False
        for chunk in chunks:
            try:
                yield from self._remove_chunk(chunk, answers)
            except CacheStudioError as error:
                left = [one.seen.id for one in chunk if one.seen.id not in answers]
                if not started and len(left) == len(chunk):
                    raise
                answers |= {entry_id: Removal(entry_id, Fate.FAILED, reason=error.message) for entry_id in left}
            started = True

    def _chunks(
        self, entries: Sequence[Seen], answers: dict[EntryId, Removal], keep: Keep | None
    ) -> Iterator[list[Chosen]]:
        batch = self._current([entry.id for entry in entries])
        row_of = dict(zip(batch.ids, range(len(batch)), strict=True))
        stamps = list(map(tuple, batch.stamps.tolist()))
        sizes = np.nan_to_num(batch.numbers["size"]).astype(np.int64).tolist()
        held = self._held_sizes(batch, sizes)
        chunk: list[Chosen] = []
        room = CHUNK_BYTES
        for entry in entries:
            row = row_of.get(entry.id)
            if row is None:
                answers[entry.id] = Removal(entry.id, Fate.GONE)
            elif stamps[row] != entry.stamp:
                answers[entry.id] = Removal(entry.id, Fate.CHANGED)
            elif keep is not None and held[row] > COPY_BYTES:
                reason = f"It is larger than {COPY_BYTES:,} bytes: too large to be copied for undo."
                answers[entry.id] = Removal(entry.id, Fate.FAILED, reason=reason)
            else:
                if held[row] > room and chunk:
                    yield chunk
                    chunk, room = [], CHUNK_BYTES
                chunk.append(Chosen(entry, batch.keys[row], batch.namespaces[row], sizes[row]))
                room -= held[row]
        if chunk:
            yield chunk

    def _held_sizes(self, batch: Batch, sizes: Sequence[int]) -> Sequence[int]:
        """How many bytes of each entry are held in memory while it is copied, by their sizes (0 where not known)."""
        return sizes

    def _copied(self, chunk: Sequence[Chosen], keep: Keep | None, answers: dict[EntryId, Removal]) -> list[Chosen]:
        chosen: list[Chosen] = []
        rows = self.rows.fetch_all(self.database.rows, [one.seen.id for one in chunk])
        for one in chunk:
            one.row = rows.pop(one.seen.id, ())
            failure = self._take_beside(one, keep) if one.row else Removal(one.seen.id, Fate.GONE)
            if failure is None:
                chosen.append(one)
            else:
                answers[one.seen.id] = failure
        packed = packed_rows([one.row for one in chosen])
        for one, proof in zip(chosen, proofs_of(packed), strict=True):
            one.row, one.proof = (), proof  # compared by its proof: the values need not stay in memory
        if keep is not None and chosen:
            keep.copies(
                CopyColumns(
                    keys=[one.key for one in chosen],
                    namespaces=[one.namespace for one in chosen],
                    sizes=[one.size for one in chosen],
                    data=pack_copies(self.rows, packed, [one.extra for one in chosen]),
                    ids=pack_ids([one.seen.id for one in chosen]),
                    files=[one.files for one in chosen],
                )
            )
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

    def _remove_chunk(self, chunk: Sequence[Chosen], answers: dict[EntryId, Removal]) -> Generator[None, None, None]:
        wanted = [(one.seen.id, one.proof) for one in chunk]
        at = 0
        with self.database.several():
            while at < len(chunk):
                with self.database.writing() as connection:
                    fates = self.rows.remove_equal(connection, wanted[at:], self.lock_seconds)
                self._answer(chunk[at : at + len(fates)], fates, answers)
                at += len(fates)
                yield

    def _answer(self, chunk: Sequence[Chosen], fates: Sequence[Fate], answers: dict[EntryId, Removal]) -> None:
        self._rows_removed(chunk)
        for one, fate in zip(chunk, fates, strict=True):
            # The pages of a removed row stay in the file until it is compacted, so a row frees nothing by itself.
            freed, reason = self._remove_beside(one) if fate is Fate.REMOVED else (0, "")
            answers[one.seen.id] = Removal(one.seen.id, fate, freed, reason)
