"""How long a lock rests, so that others who wait for it have their turn."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

LOOKS = (0.001, 0.002, 0.005, 0.010, 0.015, 0.020, 0.025)
"""The pauses of SQLite between its looks at a lock it waits for, in seconds; it looks every 25 ms for a while then."""
LATE, LATE_SECONDS = 1.2, 0.0005
"""A pause is longer than it was meant by so many times and so many seconds at most: a busy machine wakes late."""


def rest_after(locked: float) -> float:
    """How long nothing may be locked after a lock of so many seconds, that none who waits for it misses the gap.

    Who found it locked looks again when it is over, and the pause before that look is the longest that can lie
    across the gap.
    """
    looked = 0.0
    for pause in LOOKS:
        looked += pause
        if looked >= locked:
            break
    return pause * LATE + LATE_SECONDS


class Turns:
    """The write lock of one database, as we take it again and again."""

    def __init__(self) -> None:
        self._until = 0.0

    @contextmanager
    def locked(self, writer: sqlite3.Connection) -> Iterator[None]:
        """Begin a transaction that ends with the block, not before all who waited during the last one had their turn.

        What is done between two blocks counts: only what is left of the rest is waited for.
        """
        time.sleep(max(0.0, self._until - time.perf_counter()))
        writer.execute("BEGIN IMMEDIATE")
        began = time.perf_counter()
        try:
            yield
        finally:
            ended = time.perf_counter()
            self._until = ended + rest_after(ended - began)
