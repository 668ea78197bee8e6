"""What an adapter is told and answers about one batch, as columns: an object only where one is asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from cache_studio.model.columns import STAMP_WIDTH
from cache_studio.model.identity import EntryId
from cache_studio.model.seeing import Fate, Removal, Seen


@dataclass(frozen=True, slots=True, eq=False)
class SeenColumns(Sequence[Seen]):
    """Entries as `Adapter.remove` takes them; the fields of `Seen`, each a column of the same length."""

    ids: Sequence[EntryId]
    stamps: NDArray[np.int64]
    """Shape (n, 3)."""
    titles: Sequence[tuple[str, str] | None]

    @classmethod
    def of(cls, entries: Sequence[Seen]) -> "SeenColumns":
        """The same entries, in the same order."""
        if isinstance(entries, SeenColumns):
            return entries
        stamps = np.array([entry.stamp for entry in entries], np.int64).reshape(len(entries), STAMP_WIDTH)
        return cls([entry.id for entry in entries], stamps, [entry.title for entry in entries])

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> Seen: ...
    @overload
    def __getitem__(self, at: slice) -> "SeenColumns": ...
    def __getitem__(self, at: int | slice) -> "Seen | SeenColumns":
        if isinstance(at, slice):
            return SeenColumns(self.ids[at], self.stamps[at], self.titles[at])
        return Seen(self.ids[at], tuple(self.stamps[at].tolist()), self.titles[at])

    def __iter__(self) -> Iterator[Seen]:
        return map(Seen._make, zip(self.ids, map(tuple, self.stamps.tolist()), self.titles, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class RemovalColumns(Sequence[Removal]):
    """Answers as `Adapter.remove` gives them; the fields of `Removal`, each a column of the same length."""

    ids: Sequence[EntryId]
    fates: Sequence[Fate]
    freed: Sequence[int]
    reasons: Sequence[str]

    @classmethod
    def of(cls, removals: Sequence[Removal]) -> "RemovalColumns":
        """The same answers, in the same order."""
        if isinstance(removals, RemovalColumns):
            return removals
        return cls(
            [removal.id for removal in removals],
            [removal.fate for removal in removals],
            [removal.freed for removal in removals],
            [removal.reason for removal in removals],
        )

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> Removal: ...
    @overload
    def __getitem__(self, at: slice) -> "RemovalColumns": ...
    def __getitem__(self, at: int | slice) -> "Removal | RemovalColumns":
        if isinstance(at, slice):
            return RemovalColumns(self.ids[at], self.fates[at], self.freed[at], self.reasons[at])
        return Removal(self.ids[at], self.fates[at], self.freed[at], self.reasons[at])

    def __iter__(self) -> Iterator[Removal]:
        return map(Removal._make, zip(self.ids, self.fates, self.freed, self.reasons, strict=True))
