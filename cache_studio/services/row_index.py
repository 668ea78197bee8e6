"""Which row an entry stands in: a dictionary in parts, none of which holds the interpreter for long when it grows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from cache_studio import precedence
from cache_studio.model.identity import EntryId

T = TypeVar("T")

PART = 21_845
"""Rows of one part: as many as fill a dictionary of 32,768 places.

A dictionary of a million ids takes 100 ms and more in one call to become larger; one of these takes one. Parts by rows
are filled in one call each; parts by hash would need one for each entry.
"""
_OFFSETS = tuple(range(PART))
"""Where a row stands in its part, as numbers that all parts share: a number of its own for each takes 32 bytes."""
_HASHED_AT_ONCE = 16_384


class RowIndex(Mapping[EntryId, int]):
    """Id to row. Changed by one thread; others may ask meanwhile.

    Rows only rise: an id that is numbered again stands in a later row, and is found there at once.
    """

    def __init__(self) -> None:
        self._parts: list[dict[EntryId, int]] = []
        self._likely = 0
        """The part in which the last ones were found: what is asked for comes mostly in the order of the rows."""

    def __getitem__(self, entry_id: EntryId) -> int:
        row = self.get(entry_id)
        if row is None:
            raise KeyError(entry_id)
        return row

    def get(self, entry_id: EntryId, default: T = None) -> int | T:  # type: ignore[assignment]  # None where T is not said
        """The row, else `default`."""
        parts = self._parts
        for number in range(len(parts) - 1, -1, -1):
            offset = parts[number].get(entry_id)
            if offset is not None:
                return number * PART + offset
        return default

    def __iter__(self) -> Iterator[EntryId]:
        return (entry_id for part in self._parts for entry_id in part)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def rows_of(self, ids: Sequence[EntryId]) -> list[int]:
        """The row of each, -1 for those that are not known. For the thread that changes the index."""
        rows, left = [-1] * len(ids), list(range(len(ids)))
        parts = self._parts
        for number in (self._likely, *(other for other in reversed(range(len(parts))) if other != self._likely)):
            if not left or not parts:
                break
            found = list(map(parts[number].get, [ids[at] for at in left]))
            if found.count(None) == len(found):
                continue
            self._likely, first = number, number * PART
            for at, offset in zip(left, found, strict=True):
                if offset is not None:
                    rows[at] = first + offset
            left = [at for at, offset in zip(left, found, strict=True) if offset is None]
        return rows

    def number(self, ids: Sequence[EntryId], first: int) -> None:
        """These stand in the rows from `first` on, behind all that were numbered; known ones must be dropped then."""
        done = 0
        while done < len(ids):
            at, offset = divmod(first + done, PART)
            if at == len(self._parts):
                self._parts.append({})
            some = ids[done : done + PART - offset]
            self._parts[at].update(zip(some, _OFFSETS[offset : offset + len(some)], strict=True))
            done += len(some)

    def drop(self, ids: Iterable[EntryId], rows: Iterable[int]) -> None:
        """These stand no longer in these rows; those that were numbered again since stay where they are."""
        for entry_id, row in zip(ids, rows, strict=True):
            number, offset = divmod(row, PART)
            if self._parts[number].get(entry_id) == offset:
                del self._parts[number][entry_id]


def repeated(ids: Sequence[EntryId]) -> list[int]:
    """The places whose id stands once more further on.

    By sorting hashes, which leaves the interpreter to others: a set of a million ids would not.
    """
    hashes = np.empty(len(ids), np.int64)
    for start in range(0, len(ids), _HASHED_AT_ONCE):
        precedence.let_pass()
        some = ids[start : start + _HASHED_AT_ONCE]
        hashes[start : start + len(some)] = np.fromiter(map(hash, some), np.int64, len(some))
    order = np.argsort(hashes, kind="stable")
    alike = np.diff(hashes[order]) == 0
    suspects = np.sort(order[np.append(alike, False) | np.insert(alike, 0, False)] if alike.size else order[:0])
    found: list[int] = []
    last: dict[EntryId, int] = {}
    for place in suspects.tolist():
        before = last.get(ids[place])
        if before is not None:
            found.append(before)
        last[ids[place]] = place
    return found
