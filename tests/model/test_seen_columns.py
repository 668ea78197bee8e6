"""Entries as columns are the entries they were made of."""

import numpy as np
import pytest

from cache_studio.model.seeing import Seen
from cache_studio.model.seen_columns import SeenColumns

ENTRIES = [Seen("a", (1, 2, 3), ("A", "")), Seen((2, b"b"), (-1, 0, 1 << 62)), Seen(3, (0, 0, 0), ("C", "ns"))]


def test_they_are_the_same_entries() -> None:
    columns = SeenColumns.of(ENTRIES)
    assert list(columns) == ENTRIES
    assert [columns[at] for at in range(len(columns))] == ENTRIES
    assert list(columns[1:]) == ENTRIES[1:]
    assert type(columns[1].stamp[2]) is int
    assert SeenColumns.of(columns) is columns


def test_stamps_are_compared_all_at_once() -> None:
    columns, others = SeenColumns.of(ENTRIES), SeenColumns.of([*ENTRIES[:2], Seen(3, (0, 0, 1))])
    assert np.flatnonzero((columns.stamps != others.stamps).any(axis=1)).tolist() == [2]


@pytest.mark.parametrize("count", [0, 1])
def test_few_have_stamps_of_the_same_width(count: int) -> None:
    assert SeenColumns.of(ENTRIES[:count]).stamps.shape == (count, 3)
