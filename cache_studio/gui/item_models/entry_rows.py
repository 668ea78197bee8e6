"""A listing with the way back: at which position an entry stands. Made off the window's thread."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache_studio.model.columns import View
from cache_studio.model.identity import EntryId
from cache_studio.services.browse import Listing

MOST_CHANGED = 2_000
"""Entries that changed between two listings and are looked at one by one."""


@dataclass(frozen=True, slots=True)
class EntryRows:
    """Rows of a view in the order shown, and for each row of the view its position (-1: not shown)."""

    listing: Listing
    positions: NDArray[np.int32]

    @classmethod
    def of(cls, listing: Listing) -> "EntryRows":
        """Compute the positions; O(rows of the view)."""
        positions = np.full(listing.view.n, -1, np.int32)
        positions[listing.rows] = np.arange(listing.rows.size, dtype=np.int32)
        return cls(listing, positions)

    @property
    def view(self) -> View:
        """The view behind it."""
        return self.listing.view

    def __len__(self) -> int:
        return int(self.listing.rows.size)

    def position_of(self, entry_id: EntryId) -> int:
        """Where an entry stands now, -1 when it is not shown."""
        row = self.view.row_of(entry_id)
        return -1 if row is None else int(self.positions[row])

    def changed_since(self, before: "EntryRows") -> NDArray[np.intp] | None:
        """Positions at which the same entry stands but has changed; None where entries came, went or moved.

        Figures of the others are the same unless they were pending: rows of a view are never altered. None as well
        where so much changed that looking at each would take longer than a new beginning.
        """
        mine, theirs = self.listing.rows, before.listing.rows
        if self.view.epoch != before.view.epoch or mine.size != theirs.size:
            return None
        changed = np.flatnonzero(mine != theirs)
        if changed.size > MOST_CHANGED:
            return None
        now, then = self.view.ids, before.view.ids
        pairs = zip(mine[changed].tolist(), theirs[changed].tolist(), strict=True)
        return changed if all(now[row] == then[old] for row, old in pairs) else None

    def follow(self, before: "EntryRows", chosen: NDArray[np.int32]) -> NDArray[np.int32]:
        """Positions here, in order, of the entries that stood at the positions `chosen` of `before`."""
        rows = before.listing.rows[chosen]
        if before.view.epoch != self.view.epoch:
            return self._by_id(before.view, rows.tolist())
        known = rows[rows < self.positions.size]
        found = self.positions[known]
        lost = known[(found < 0) & ~self.view.alive[known]]  # changed entries have a new row
        moved = self._by_id(before.view, lost.tolist())
        return distinct(np.concatenate((found[found >= 0], moved)))

    def _by_id(self, view: View, rows: Iterable[int]) -> NDArray[np.int32]:
        found = (self.position_of(view.ids[row]) for row in rows)
        return distinct(np.fromiter((at for at in found if at >= 0), np.int32))


def distinct(positions: NDArray[np.int32]) -> NDArray[np.int32]:
    """Sorted, each once. `np.unique` would load numpy's masked arrays first, on the window's thread."""
    ordered = np.sort(positions)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))[: ordered.size]]


def runs(positions: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Sorted positions as inclusive ranges (first, last)."""
    if not positions.size:
        return []
    breaks = np.flatnonzero(np.diff(positions) != 1)
    firsts = positions[np.concatenate(([0], breaks + 1))]
    lasts = positions[np.concatenate((breaks, [positions.size - 1]))]
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
