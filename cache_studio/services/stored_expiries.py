"""When entries expire now, and what is kept of a changed TTL: the expiry of before and the one that was set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgpack

from cache_studio.adapters.base import Adapter, EntryCopy, pack_id, unpack_id
from cache_studio.model.columns import PENDING_BITS, Batch
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.identity import EntryId
from cache_studio.model.seeing import Seen

EXACT = 0.001
"""Seconds by which the same stored expiry may be read differently: a TTL is added to a creation time."""
COARSE = 1.0
"""Seconds by which what a cache stores may differ from what was asked for: many store whole seconds."""
LOOKUPS = 4
"""How often entries are looked up before one listing of all is cheaper than more of it."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What is kept of one entry: the moments of before and after; +inf is never."""

    before: float
    after: float

    def kept(self, key: str, namespace: str, entry_id: EntryId) -> EntryCopy:
        """As the trash takes it; the entry itself stays where it is."""
        return EntryCopy(key, namespace, 0, self.pack(), pack_id(entry_id))

    def pack(self) -> bytes:
        """As bytes; `of` reads them."""
        packed: bytes = msgpack.packb((self.before, self.after))
        return packed

    @classmethod
    def of(cls, copy: EntryCopy) -> "Changed":
        """What was kept."""
        before, after = msgpack.unpackb(copy.data)
        return cls(before, after)


def is_same(one: float, other: float, within: float = EXACT) -> bool:
    """Whether two moments are the same, but for so many seconds. Unknown is like nothing."""
    return one == other or abs(one - other) <= within


class StoredExpiries:
    """Looks at entries again by id: by their keys, or after some times of that by one listing of all."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._lookups = 0
        self._all: _Found | None = None

    def of(self, copies: Sequence[EntryCopy]) -> list[tuple[Seen, float] | None]:
        """For each entry what it is now and when it expires (NaN: not recorded); None when it is gone."""
        if self._all is None and self._lookups >= LOOKUPS:
            self._all = self._listed()
        self._lookups += 1
        found = self._all
        if found is None:
            found = _by_id([self._adapter.lookup({copy.key for copy in copies})])
        ids = [unpack_id(copy.id) for copy in copies]
        pending = [entry_id for entry_id in ids if entry_id in found and _is_pending(*found[entry_id])]
        if pending:
            found |= _by_id([self._adapter.fill(pending)])
        return [_now(*found[entry_id]) if entry_id in found else None for entry_id in ids]

    def _listed(self) -> "_Found":
        found: _Found = {}
        scan = self._adapter.scan()
        while True:
            try:
                found |= _by_id([next(scan)])
            except StopIteration as stop:
                if stop.value is not None and not stop.value.complete:
                    raise CacheUnavailable("The cache cannot be listed completely.", stop.value.reason) from None
                return found


_Found: TypeAlias = dict[EntryId, tuple[Batch, int]]


def _by_id(batches: Iterable[Batch]) -> _Found:
    return {entry_id: (batch, row) for batch in batches for row, entry_id in enumerate(batch.ids)}


def _is_pending(batch: Batch, row: int) -> bool:
    return bool(batch.pending[row] & PENDING_BITS["expires"])


def _now(batch: Batch, row: int) -> tuple[Seen, float]:
    stamp = tuple(int(part) for part in batch.stamps[row])
    return Seen(batch.ids[row], stamp), float(batch.numbers["expires"][row])
