"""Who must not wait goes first: while the window takes something in or paints, work in the background rests.

Threads share one interpreter. Left to itself it goes round among all of them all the time, so that a paint of
20 ms takes 60 beside two threads that list. What the others lose they would have lost to the paint all the same.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LONGEST = 0.05
"""Seconds that a step of background work waits at most, so that it goes on beside a window that never rests."""

SWITCH_SECONDS = 0.000_05
"""How long another thread keeps the interpreter from who goes first, who gives it away in each call of Qt."""

_free = threading.Event()
_free.set()
_depth = 0
_otherwise = 0.0


@contextmanager
def going_first() -> Iterator[None]:
    """No step of background work begins within the block. For the window's thread alone, and for milliseconds."""
    global _depth, _otherwise
    _depth += 1
    if _depth == 1:  # what is taken in may paint at once: then the inner block ends first
        _free.clear()
        _otherwise = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        _depth -= 1
        if not _depth:
            sys.setswitchinterval(_otherwise)
            _free.set()


def let_pass() -> None:
    """Wait, between two steps of background work, until nobody goes first any more or `LONGEST` is over."""
    _free.wait(LONGEST)
