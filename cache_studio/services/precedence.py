"""Who must not wait goes first: while the window takes something in or paints, work in the background rests.

Threads share one interpreter. Left to itself it goes round among all of them every half millisecond, so that a paint of
20 ms takes 60 beside two threads that list. What the others lose they would have lost to the paint all the same.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST = 0.05
"""Seconds that a step of background work waits at most, so that it goes on beside a window that never rests."""

_free = threading.Event()
_free.set()
_depth = 0


@contextmanager
def going_first() -> Iterator[None]:
    """No step of background work begins within the block. For the window's thread alone, and for milliseconds."""
    global _depth
    _depth += 1
    _free.clear()
    try:
        yield
    finally:
        _depth -= 1
        if not _depth:  # what is taken in may paint at once: then the inner block ends first
            _free.set()


def let_pass() -> None:
    """Wait, between two steps of background work, until nobody goes first any more or `LONGEST` is over."""
    _free.wait(LONGEST)
