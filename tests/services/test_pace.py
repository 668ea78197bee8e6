"""A batch is as large as its time allows."""

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from cache_studio.model.columns import make_batch
from cache_studio.model.plans import Plan, Reasons, Verb
from cache_studio.services.catalog import Catalog
from cache_studio.services.pace import BATCH_SECONDS, paced

COUNT = 10_000


def sizes(seconds_each: float, fitted: tuple[int, int] | None) -> list[int]:
    """How large the batches are where each entry takes so long."""
    catalog = Catalog()
    catalog.add(make_batch(["only"], ["only"], [(1, 0, 0)]))
    view = catalog.view()
    rows = np.zeros(COUNT, np.intp)
    plan = Plan(Verb.CLEAR, "demo", view, rows, Reasons(""), 0.0, 0, 0, 0, (), ())
    moment, found = [0.0], []
    adapter = SimpleNamespace(batch_size=500, fitted_batches=fitted)
    batches: Iterator[list[object]] = paced(plan, adapter, lambda: moment[0])
    for batch in batches:
        found.append(len(batch))
        moment[0] += len(batch) * seconds_each
    assert sum(found) == COUNT
    return found


def test_batches_are_what_the_adapter_says() -> None:
    assert sizes(1.0, None) == [500] * 20


def test_quick_ones_grow_to_the_most() -> None:
    assert sizes(1e-6, (100, 2_000))[:4] == [500, 1_000, 2_000, 2_000]


@pytest.mark.parametrize("each", [2e-4, 4e-4])
def test_slow_ones_shrink_to_what_fits(each: float) -> None:
    first, *others, _last = sizes(each, (100, 2_000))
    assert first == 500
    assert set(others) <= {int(BATCH_SECONDS / each), int(BATCH_SECONDS / each) - 1}


def test_very_slow_ones_have_the_fewest() -> None:
    assert sizes(1.0, (100, 2_000))[1:] == [100] * 95
