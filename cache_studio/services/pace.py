"""Batches that are fitted to the time they take: progress and Stop answer soon, whatever a row costs."""

import time
from collections.abc import Callable, Iterator

from cache_studio.adapters.base import Adapter
from cache_studio.model.plans import Plan
from cache_studio.model.seeing_columns import SeenColumns

BATCH_SECONDS = 0.05
"""What a batch should take: a quarter of the time in which Stop answers, for the next one may be four times as dear."""
GROWTH = 2


def paced(plan: Plan, adapter: Adapter, clock: Callable[[], float] = time.perf_counter) -> Iterator[SeenColumns]:
    """The batches of a plan as the adapter wants them; the time until the next is asked for is that of a batch."""
    if adapter.fitted_batches is None:
        yield from plan.batches(adapter.batch_size)
        return
    fewest, most = adapter.fitted_batches
    start, size = 0, adapter.batch_size
    while start < plan.count:
        batch = plan.batch(start, size)
        began = clock()
        yield batch
        start += len(batch)
        fitting = int(len(batch) * BATCH_SECONDS / max(clock() - began, 1e-6))
        size = max(fewest, min(fitting, size * GROWTH, most))
