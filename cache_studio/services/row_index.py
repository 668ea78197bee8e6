"""Which row an entry stands in: a dictionary in parts, none of which holds the interpreter for long when it grows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from cache_studio.model.identity import EntryId

T = TypeVar("T")

_PARTS = 61
"""A dictionary of a million ids takes 100 ms and more in one call to become larger; one of 16,000 takes one.

A prime: by a power of two, the hashes of one part would have the same last bits and collide.
"""


class RowIndex(Mapping[EntryId, int]):
    """Id to row. Changed by one thread; others may ask meanwhile."""

    def __init__(self) -> None:
        self._parts: list[dict[EntryId, int]] = [{} for _ in range(_PARTS)]

    def __getitem__(self, entry_id: EntryId) -> int:
        return self._parts[hash(entry_id) % _PARTS][entry_id]

    def get(self, entry_id: EntryId, default: T = None) -> int | T:  # type: ignore[assignment]  # None where T is not said
        """The row, else `default`."""
        return self._parts[hash(entry_id) % _PARTS].get(entry_id, default)

    def __iter__(self) -> Iterator[EntryId]:
        return (entry_id for part in self._parts for entry_id in part)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def forget(self, ids: Iterable[EntryId]) -> None:
        """These, each of which is known, stand in no row any more."""
        parts = self._parts
        for entry_id in ids:
            del parts[hash(entry_id) % _PARTS][entry_id]

    def rows_of(self, ids: Iterable[EntryId]) -> list[int]:
        """The row of each, -1 for those that are not known."""
        parts = self._parts
        return [parts[hash(entry_id) % _PARTS].get(entry_id, -1) for entry_id in ids]

    def number(self, ids: Sequence[EntryId], first: int) -> None:
        """These stand in the rows from `first` on."""
        parts = self._parts
        for row, entry_id in enumerate(ids, first):
            parts[hash(entry_id) % _PARTS][entry_id] = row
