"""Entries as columns: a batch that a scan yields, and the frozen view on all of them.

A million entries are a few numpy arrays and lists, never a million objects. Numbers are float64 with
NaN for *not recorded*; `expires` is the first moment at which the entry is stale, +inf for never,
NaN for unknown. A cell that is *pending* was not looked at yet and must not be taken for unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cache_studio.model.identity import EntryId, Stamp

Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

STAMP_WIDTH = 3
NUMBERS = ("size", "created", "accessed", "expires", "hits")
"""The numeric columns; all but size and hits are epoch seconds."""
PENDING_BITS = {name: 1 << bit for bit, name in enumerate((*NUMBERS, "tags", "type", "problem"))}
"""Which bit of `Batch.pending` says that this column is still to be filled."""


@dataclass(frozen=True, slots=True)
class Batch:
    """n entries as columns, metadata only. Make one with `make_batch`."""

    ids: list[EntryId]
    keys: list[str]
    stamps: NDArray[np.int64]
    """Shape (n, 3)."""
    numbers: Mapping[str, Floats]
    """One array of length n for each name of NUMBERS."""
    namespaces: list[str]
    """"" is the cache itself, outside every namespace."""
    types: list[str]
    """"" is not known."""
    tags: list[tuple[str, ...]] | None
    """None where the format records no tags."""
    problems: Mapping[int, str]
    """Index in this batch to one sentence; a broken entry is an entry."""
    pending: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.ids)


def make_batch(
    ids: Sequence[EntryId],
    keys: Sequence[str],
    stamps: NDArray[np.int64] | Sequence[Stamp],
    *,
    namespaces: Sequence[str] | str = "",
    types: Sequence[str] | str = "",
    tags: Sequence[tuple[str, ...]] | None = None,
    problems: Mapping[int, str] | None = None,
    pending: Sequence[str] = (),
    **numbers: Floats | Sequence[float],
) -> Batch:
    """A batch of these entries. Columns that are left out are not recorded; a single text stands for all rows.

    `pending` names the columns that `fill` will complete later.
    """
    count = len(ids)
    array = np.asarray(stamps, dtype=np.int64).reshape(count, -1) if count else np.zeros((0, STAMP_WIDTH), np.int64)
    if array.shape[1] < STAMP_WIDTH:
        array = np.hstack([array, np.zeros((count, STAMP_WIDTH - array.shape[1]), np.int64)])
    unknown = set(numbers) - set(NUMBERS)
    if unknown:
        raise TypeError(f"no such column: {sorted(unknown)}")
    bits = sum(PENDING_BITS[name] for name in pending)
    return Batch(
        ids=list(ids),
        keys=list(keys),
        stamps=array,
        numbers={
            name: _recorded(name, numbers[name]) if name in numbers else np.full(count, np.nan) for name in NUMBERS
        },
        namespaces=[namespaces] * count if isinstance(namespaces, str) else list(namespaces),
        types=[types] * count if isinstance(types, str) else list(types),
        tags=None if tags is None else list(tags),
        problems=MappingProxyType(dict(problems or {})),
        pending=np.full(count, bits, np.uint8),
    )


def _recorded(name: str, values: Floats | Sequence[float]) -> Floats:
    """A column in which only `expires` may be infinite (for never): a foreign file can hold 1e999 anywhere."""
    column = np.asarray(values, dtype=np.float64)
    senseless = column == -np.inf if name == "expires" else np.isinf(column)
    return np.where(senseless, np.nan, column) if senseless.any() else column


@dataclass(frozen=True, slots=True)
class ScanEnd:
    """How a scan ended: complete, or the sentence that says why the list is partial."""

    complete: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a listing under way goes, as far as the cache tells before it ends."""

    keys: int
    """About how many keys are looked through."""
    each: bool = False
    """Whether each of them is an entry: no prefix chooses among them, and no entry has several."""
    part: int = 0
    parts: int = 0
    """At which of how many nodes the listing is; 0 where there is one place alone."""


@dataclass(frozen=True, slots=True)
class View:
    """What is known of a cache at one version: rows 0 to n-1, of which `alive` ones are entries.

    Lists may be longer than n (rows that came later); nothing below n ever changes, except that a
    pending cell is filled. Row numbers stay valid in all later views of the same `epoch`.
    """

    version: int
    epoch: int
    n: int
    alive: Mask
    ids: list[EntryId]
    keys: list[str]
    stamps: NDArray[np.int64]
    numbers: Mapping[str, Floats]
    namespace_codes: NDArray[np.int32]
    namespace_names: list[str]
    type_codes: NDArray[np.int32]
    type_names: list[str]
    tag_codes: NDArray[np.int32]
    """Index into `tag_sets`; -1 where tags are not recorded."""
    tag_sets: list[tuple[str, ...]]
    problems: Mapping[int, str]
    pending: NDArray[np.uint8]
    index: Mapping[EntryId, int] = field(repr=False)
    """Id to row; may already know rows of a later view."""
    complete: bool = False
    """Whether the listing behind it reached its end."""

    def rows(self) -> NDArray[np.intp]:
        """The rows that are entries, in the order they were listed."""
        return np.flatnonzero(self.alive)

    def __len__(self) -> int:
        return int(np.count_nonzero(self.alive))

    def row_of(self, entry_id: EntryId) -> int | None:
        """The row of an entry in this view, or None when it is not there."""
        row = self.index.get(entry_id)
        return row if row is not None and row < self.n and self.alive[row] else None

    def stamp(self, row: int) -> Stamp:
        """The stamp of a row as plain numbers."""
        return tuple(int(part) for part in self.stamps[row])

    def is_pending(self, name: str) -> Mask:
        """Which rows still wait for this column."""
        mask: Mask = (self.pending & PENDING_BITS[name]) != 0
        return mask
