"""The catalog of an attachment: all entries as columns, changed by its thread, published as frozen views.

Rows are never altered. An entry that changed gets a new row and its old one becomes a tombstone, so a
view taken earlier stays true without a copy; only the mask of the living rows is copied for each view.
When more than half of the rows are tombstones the catalog is laid out anew and the `epoch` rises.
"""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache_studio.model.columns import NUMBERS, PENDING_BITS, STAMP_WIDTH, Batch, Floats, View
from cache_studio.model.identity import EntryId
from cache_studio.services.row_index import RowIndex, repeated

_FIRST_ROOM = 1_024
_TOMBSTONES = 10_000
"""The layout is not renewed for fewer tombstones than this."""


class Catalog:
    """The entries known of one cache. Used by one thread; views may go anywhere."""

    def __init__(self) -> None:
        self.stored = 0
        """Entries that were new or rewritten since the first complete listing."""
        self.removed = 0
        """Entries that went since the first complete listing."""
        self.read = 0
        """Entries whose last access moved since then while they stayed the same: at least that many hits."""
        self._complete = False
        self._version = 0
        self._epoch = 0
        self._listing = 0
        self._all_new = False  # a listing of what was empty before: nothing in it can be known
        self._lay_out(_FIRST_ROOM)

    def _lay_out(self, room: int) -> None:
        self._n = self._dead = 0
        self._settled_to = 0  # no row below it is pending: a cell never becomes pending again
        self._ids: list[EntryId] = []
        self._keys: list[str] = []
        self._index = RowIndex()
        self._problems: dict[int, str] = {}
        self._namespaces: dict[str, int] = {"": 0}
        self._types: dict[str, int] = {"": 0}
        self._tag_sets: dict[tuple[str, ...], int] = {}
        self._arrays: dict[str, NDArray[Any]] = {name: _unrecorded(room) for name in NUMBERS} | {
            "stamps": np.empty((room, STAMP_WIDTH), np.int64),
            "namespace": np.empty(room, np.int32),
            "type": np.empty(room, np.int32),
            "tags": np.empty(room, np.int32),
            "pending": np.empty(room, np.uint8),
            "alive": np.empty(room, np.bool_),
            "listing": np.empty(room, np.int32),
        }

    def __len__(self) -> int:
        return self._n - self._dead

    def begin_listing(self) -> None:
        """A new scan starts: what it does not show will be gone at its end."""
        self._listing += 1
        self._all_new = not self._n

    def end_listing(self, complete: bool) -> None:
        """The scan ended; only a complete one proves that what it did not show is gone."""
        if self._all_new:
            self._all_new = False
            self._bury_repeated()
        if complete:
            missing = np.flatnonzero(self._column("alive") & (self._column("listing") < self._listing))
            self._bury(missing)
            self._complete = True
            self._renew()

    def add(self, batch: Batch) -> int:
        """Take a batch of a scan, of `fill` or of a change in; returns how many entries were new or changed."""
        if not len(batch):
            return 0
        rows = np.full(len(batch), -1, np.intp) if self._all_new else self._rows_of(batch.ids)
        same = self._unchanged(batch, rows)
        self._arrays["listing"][rows[same]] = self._listing
        new = np.flatnonzero(~same)
        if not new.size:
            return 0
        if self._complete:
            read = self._count_reads(batch, rows, new)
            self.read += read
            self.stored += int(new.size) - read
        replaced = rows[new]
        replaced = replaced[replaced >= 0]
        self._bury(replaced, counted=False)
        self._append(batch, new)
        self._drop(replaced)
        self._renew()
        return int(new.size)

    def fill(self, batch: Batch) -> None:
        """Complete pending cells of entries that are still the ones that were asked for."""
        rows = self._rows_of(batch.ids)
        at = np.flatnonzero(rows >= 0)
        at = at[self._arrays["alive"][rows[at]]]
        at = at[(self._arrays["stamps"][rows[at]] == batch.stamps[at]).all(axis=1)]
        target = rows[at]
        for name in NUMBERS:
            self._write(name, target, batch.numbers[name][at])
        self._arrays["type"][target] = _codes(self._types, [batch.types[row] for row in at])
        if batch.tags is not None:
            self._arrays["tags"][target] = _codes(self._tag_sets, [batch.tags[row] for row in at])
        current = set(at.tolist())
        for row, text in batch.problems.items():
            if row in current:
                self._problems[int(rows[row])] = text
        self._arrays["pending"][target] = batch.pending[at]

    def skip_pending(self, ids: Iterable[EntryId]) -> None:
        """Give up on pending cells of these entries: they are not recorded."""
        for entry_id in ids:
            row = self._index.get(entry_id)
            if row is not None:
                self._arrays["pending"][row] = 0

    def forget(self, ids: Iterable[EntryId]) -> None:
        """These entries are gone."""
        rows = self._rows_of(list(ids))
        self._bury(rows[rows >= 0])

    def pending_ids(self, limit: int) -> list[EntryId]:
        """Some entries that still wait for a figure."""
        start = self._settled_to
        rows = start + np.flatnonzero(self._column("alive")[start:] & (self._column("pending")[start:] != 0))[:limit]
        self._settled_to = int(rows[0]) if rows.size else self._n
        return [self._ids[row] for row in rows]

    def still_pending(self, ids: Iterable[EntryId]) -> list[EntryId]:
        """Those of these entries that wait for a figure."""
        pending, alive, index = self._arrays["pending"], self._arrays["alive"], self._index
        return [
            entry_id for entry_id in ids if (row := index.get(entry_id)) is not None and alive[row] and pending[row]
        ]

    def view(self) -> View:
        """All that is known now, frozen."""
        self._version += 1
        return View(
            version=self._version,
            epoch=self._epoch,
            n=self._n,
            alive=self._column("alive").copy(),
            ids=self._ids,
            keys=self._keys,
            stamps=self._column("stamps"),
            numbers=MappingProxyType({name: self._column(name) for name in NUMBERS}),
            namespace_codes=self._column("namespace"),
            namespace_names=list(self._namespaces),
            type_codes=self._column("type"),
            type_names=list(self._types),
            tag_codes=self._column("tags"),
            tag_sets=list(self._tag_sets),
            problems=MappingProxyType(dict(self._problems)),
            pending=self._column("pending"),
            index=self._index,
            complete=self._complete,
        )

    def _column(self, name: str) -> NDArray[Any]:
        return self._arrays[name][: self._n]

    def _unchanged(self, batch: Batch, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        same = rows >= 0
        if not same.any():
            return same
        at = np.maximum(rows, 0)
        same &= self._arrays["alive"][at] & (self._arrays["stamps"][at] == batch.stamps).all(axis=1)
        for name in NUMBERS:
            mine, theirs = self._arrays[name][at], batch.numbers[name]
            waiting = (batch.pending & PENDING_BITS[name]) != 0
            same &= (mine == theirs) | (np.isnan(mine) & np.isnan(theirs)) | waiting
        return same

    def _count_reads(self, batch: Batch, rows: NDArray[np.intp], new: NDArray[np.intp]) -> int:
        at = new[rows[new] >= 0]
        mine = {name: self._arrays[name][rows[at]] for name in ("accessed", "created")}
        moved = batch.numbers["accessed"][at] > mine["accessed"]
        return int((moved & (batch.numbers["created"][at] == mine["created"])).sum())

    def _bury(self, rows: NDArray[np.intp], counted: bool = True) -> None:
        alive = self._arrays["alive"]
        rows = rows[alive[rows]]
        alive[rows] = False
        self._dead += int(rows.size)
        for row in self._problems.keys() & set(rows.tolist()) if self._problems else ():
            del self._problems[row]
        if counted:
            self._drop(rows)
            self.removed += int(rows.size) if self._complete else 0

    def _bury_repeated(self) -> None:
        """A folder that changes while it is read may show a name twice: what came last is the truth."""
        rows = np.asarray(repeated(self._ids), dtype=np.intp)
        self._bury(rows, counted=False)
        self._drop(rows)

    def _rows_of(self, ids: Sequence[EntryId]) -> NDArray[np.intp]:
        """Where these stand, -1 for those that are not known."""
        return np.asarray(self._index.rows_of(ids), dtype=np.intp)

    def _drop(self, rows: NDArray[np.intp]) -> None:
        """These rows are no longer where their ids stand."""
        places = rows.tolist()
        self._index.drop([self._ids[place] for place in places], places)

    def _append(self, batch: Batch, new: NDArray[np.intp]) -> None:
        start, count = self._n, int(new.size)
        self._make_room(start + count)
        whole = count == len(batch)
        picked = slice(None) if whole else new
        span = slice(start, start + count)
        waiting = int(np.bitwise_or.reduce(batch.pending))
        for name in NUMBERS:
            if waiting & PENDING_BITS[name]:
                self._make_recordable(name)  # views that are taken now must see what `fill` writes
            self._write(name, span, batch.numbers[name][picked])
        self._arrays["stamps"][span] = batch.stamps[picked]
        self._arrays["pending"][span] = batch.pending[picked]
        self._arrays["alive"][span] = True
        self._arrays["listing"][span] = self._listing
        self._arrays["namespace"][span] = _codes(self._namespaces, _picked(batch.namespaces, new, whole))
        self._arrays["type"][span] = _codes(self._types, _picked(batch.types, new, whole))
        tags = batch.tags
        self._arrays["tags"][span] = -1 if tags is None else _codes(self._tag_sets, _picked(tags, new, whole))
        ids = _picked(batch.ids, new, whole)
        self._ids.extend(ids)
        self._keys.extend(_picked(batch.keys, new, whole))
        self._index.number(ids, start)
        if batch.problems:
            self._problems |= {start + at: text for at, row in enumerate(new) if (text := batch.problems.get(int(row)))}
        self._n += count

    def _make_room(self, wanted: int) -> None:
        room = len(self._arrays["alive"])
        if wanted > room:
            room = max(wanted, room * 3 // 2)
            for name, old in self._arrays.items():
                if _is_unrecorded(old):
                    self._arrays[name] = _unrecorded(room)
                    continue
                grown = np.empty((room, *old.shape[1:]), old.dtype)
                grown[: self._n] = old[: self._n]
                self._arrays[name] = grown

    def _write(self, name: str, rows: slice | NDArray[np.intp], values: Floats) -> None:
        """Numbers of some rows; a column takes memory only from the first number on that is one."""
        if _is_unrecorded(self._arrays[name]):
            if np.isnan(values).all():
                return
            self._make_recordable(name)
        self._arrays[name][rows] = values

    def _make_recordable(self, name: str) -> None:
        if _is_unrecorded(self._arrays[name]):
            self._arrays[name] = self._arrays[name].copy()

    def _renew(self) -> None:
        if self._dead < _TOMBSTONES or self._dead * 2 < self._n:
            return
        old = self.view()
        arrays, problems = self._arrays, self._problems
        namespaces, types, tag_sets = self._namespaces, self._types, self._tag_sets
        rows = old.rows()
        self._lay_out(0)
        self._n = int(rows.size)
        for name, column in arrays.items():
            self._arrays[name] = _unrecorded(self._n) if _is_unrecorded(column) else column[rows]
        self._namespaces, self._arrays["namespace"] = _only_used(namespaces, self._arrays["namespace"])
        self._types, self._arrays["type"] = _only_used(types, self._arrays["type"])
        self._tag_sets, self._arrays["tags"] = _only_used(tag_sets, self._arrays["tags"])
        self._ids = [old.ids[row] for row in rows]
        self._keys = [old.keys[row] for row in rows]
        self._index.number(self._ids, 0)
        self._problems = {at: problems[row] for at, row in enumerate(rows.tolist()) if row in problems}
        self._epoch += 1


def _unrecorded(room: int) -> Floats:
    """A column in which no number was ever recorded: one NaN that stands for all."""
    return np.broadcast_to(np.nan, room)


def _is_unrecorded(column: NDArray[Any]) -> bool:
    return not column.flags.writeable  # the strides alone do not tell: those of an empty column may be 0, too


def _picked(values: list[Any], rows: NDArray[np.intp], whole: bool) -> list[Any]:
    return values if whole else [values[row] for row in rows]


def _codes(table: dict[Any, int], names: list[Any]) -> NDArray[np.int32]:
    if names and names.count(names[0]) == len(names):  # mostly there is one for all
        return np.full(len(names), table.setdefault(names[0], len(table)), np.int32)
    for name in dict.fromkeys(names):
        table.setdefault(name, len(table))
    return np.fromiter(map(table.__getitem__, names), np.int32, len(names))


def _only_used(table: dict[Any, int], codes: NDArray[np.int32]) -> tuple[dict[Any, int], NDArray[np.int32]]:
    """The table without the names that no row has (but for its first), and the codes of the rows in it; -1 stays."""
    used = np.zeros(len(table) + 1, np.bool_)  # -1 is the last place
    used[codes] = True
    used[:1] = True
    used[-1] = False
    renumbered = np.where(used, np.cumsum(used) - 1, -1).astype(np.int32)
    return {name: int(renumbered[code]) for name, code in table.items() if used[code]}, renumbered[codes]
