"""What the seam does for a format that has nothing better of its own."""

from collections.abc import Collection, Iterable, Set
from typing import Protocol

import numpy as np

from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.identity import EntryId


class Scans(Protocol):
    """What can be listed: any adapter."""

    def scan(self) -> Iterable[Batch]:
        """All entries in batches."""


def lookup_by_scan(adapter: Scans, keys: Collection[str], namespace: str | None) -> Batch:
    """The entries with these keys, found by reading the whole listing."""
    wanted = set(keys)
    found: list[Batch] = []
    for batch in adapter.scan():
        rows = [
            row
            for row, key in enumerate(batch.keys)
            if key in wanted and (namespace is None or batch.namespaces[row] == namespace)
        ]
        if rows:
            found.append(take(batch, rows))
    return join(found)


def take(batch: Batch, rows: list[int]) -> Batch:
    """Only these rows of a batch, in this order."""
    chosen = np.asarray(rows, dtype=np.intp)
    new_row = {row: position for position, row in enumerate(rows)}
    return Batch(
        ids=[batch.ids[row] for row in rows],
        keys=[batch.keys[row] for row in rows],
        stamps=batch.stamps[chosen],
        numbers={name: column[chosen] for name, column in batch.numbers.items()},
        namespaces=[batch.namespaces[row] for row in rows],
        types=[batch.types[row] for row in rows],
        tags=None if batch.tags is None else [batch.tags[row] for row in rows],
        problems={new_row[row]: text for row, text in batch.problems.items() if row in new_row},
        pending=batch.pending[chosen],
    )


def without(batch: Batch, seen: Set[EntryId]) -> Batch:
    """A batch less the entries that were seen."""
    if seen.isdisjoint(batch.ids):
        return batch
    return take(batch, [row for row, entry_id in enumerate(batch.ids) if entry_id not in seen])


def join(batches: list[Batch]) -> Batch:
    """One batch of several of the same cache."""
    if not batches:
        return make_batch([], [], [])
    if len(batches) == 1:
        return batches[0]
    problems: dict[int, str] = {}
    start = 0
    for batch in batches:
        problems |= {start + row: text for row, text in batch.problems.items()}
        start += len(batch)
    recorded = [batch.tags for batch in batches]
    return Batch(
        ids=[entry_id for batch in batches for entry_id in batch.ids],
        keys=[key for batch in batches for key in batch.keys],
        stamps=np.vstack([batch.stamps for batch in batches]),
        numbers={name: np.concatenate([b.numbers[name] for b in batches]) for name in batches[0].numbers},
        namespaces=[name for batch in batches for name in batch.namespaces],
        types=[name for batch in batches for name in batch.types],
        tags=None if any(tags is None for tags in recorded) else [tag for tags in recorded if tags for tag in tags],
        problems=problems,
        pending=np.concatenate([batch.pending for batch in batches]),
    )
