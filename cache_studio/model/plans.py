"""A plan: what an action would do, before anything is done. Both faces show the same plan and run it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cache_studio.model.columns import View
from cache_studio.model.entries import Entry, entry_at
from cache_studio.model.seeing import Part
from cache_studio.model.seeing_columns import SeenColumns
from cache_studio.model.statistics import Group


class Verb(StrEnum):
    """What an action does; the words of window, commands and the activity list."""

    INVALIDATE = "invalidate"
    PURGE = "purge"
    EVICT = "evict"
    CLEAR = "clear"
    COMPACT = "compact"
    TTL = "ttl"
    RENAME = "rename"
    FLUSH = "flush"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One entry of a plan and why it goes."""

    entry: Entry
    reason: str


@dataclass(frozen=True)
class Plan:
    """The entries that an action would remove. Made by `services.plans`, run by `services.act`."""

    verb: Verb
    cache_name: str
    view: View
    rows: NDArray[np.intp]
    """In the order in which they go."""
    reasons: "Reasons"
    now: float
    size: int
    """Bytes of the chosen entries whose size is known."""
    kept: int
    kept_size: int
    by_namespace: tuple[Group, ...]
    """The chosen entries by namespace."""
    kept_by_namespace: tuple[Group, ...]
    stale_for: tuple[Group, ...] = ()
    """The chosen stale entries by how long they have been stale; empty unless all are stale."""
    notes: tuple[str, ...] = ()
    """Sentences that a user should read before: what was left out, what a policy falls back to."""
    no_undo: str = ""
    """Why it cannot be undone; "" when it can."""
    frees_at_once: bool = True
    """Whether the bytes are given back by the removal, and not only when the cache is compacted."""

    @property
    def count(self) -> int:
        """How many entries go."""
        return int(self.rows.size)

    def first(self, limit: int) -> list[PlanLine]:
        """The largest entries of the plan, each with its reason."""
        sizes = np.nan_to_num(self.view.numbers["size"][self.rows])
        largest = self.rows[np.argsort(-sizes, kind="stable")[:limit]]
        return [
            PlanLine(entry_at(self.view, int(row)), self.reasons.of(self.view, int(row), self.now)) for row in largest
        ]

    def batches(self, size: int) -> Iterator[SeenColumns]:
        """The entries as they were seen, in batches of at most `size`."""
        for start in range(0, self.count, size):
            yield self.batch(start, size)

    def batch(self, start: int, size: int) -> SeenColumns:
        """At most `size` entries as they were seen, from the one at `start` on."""
        view, chosen = self.view, self.rows[start : start + size]
        rows, names = chosen.tolist(), map(view.namespace_names.__getitem__, view.namespace_codes[chosen].tolist())
        titles = list(zip(map(view.keys.__getitem__, rows), names, strict=True))
        return SeenColumns([view.ids[row] for row in rows], view.stamps[chosen], titles)


@dataclass(frozen=True)
class Reasons:
    """Says why a row goes; the plain one gives the same sentence for all."""

    text: str

    def of(self, view: View, row: int, now: float) -> str:
        """The reason for one row."""
        return self.text


@dataclass(frozen=True, slots=True)
class CompactPlan:
    """What `compact` would give back."""

    cache_name: str
    parts: tuple[Part, ...]
    volume: int | None
    note: str = ""

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.bytes for part in self.parts)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a removal or an undo has come."""

    done: int
    planned: int
    removed: int = 0
    freed: int = 0
    changed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a removing action did; the fields of its JSON."""

    action: Verb
    planned: int
    removed: int = 0
    changed_meanwhile: int = 0
    gone: int = 0
    failed: int = 0
    freed_bytes: int = 0
    undo_id: str | None = None
    stopped: bool = field(default=False)
    """Whether it was stopped before its end."""
    reasons: tuple[str, ...] = ()
    """Why entries failed, each sentence once."""

    @property
    def is_whole(self) -> bool:
        """Whether everything that was planned is gone."""
        return not self.stopped and self.failed == 0 and self.changed_meanwhile == 0


@dataclass(frozen=True, slots=True)
class UndoOutcome:
    """What an undo brought back."""

    undo_id: str
    restored: int = 0
    newer_kept: int = 0
    failed: int = 0
    stopped: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompactOutcome:
    """What `compact` gave back; volumes in bytes, None where not recorded."""

    volume_before: int | None
    volume_after: int | None
    parts: tuple[Part, ...]
