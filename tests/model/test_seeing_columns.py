"""Columns of entries and of answers are those they were made of."""

import numpy as np
import pytest

from cache_studio.model.seeing import Fate, Removal, Seen
from cache_studio.model.seeing_columns import RemovalColumns, SeenColumns

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


def test_answers_are_the_same() -> None:
    answers = [Removal("a", Fate.REMOVED, 7), Removal((2, b"b"), Fate.FAILED, reason="no room"), Removal(3, Fate.GONE)]
    columns = RemovalColumns.of(answers)
    assert list(columns) == answers
    assert [columns[at] for at in range(len(columns))] == answers
    assert list(columns[:2]) == answers[:2]
    assert RemovalColumns.of(columns) is columns
    assert (sum(columns.freed), columns.fates[2]) == (7, Fate.GONE)
