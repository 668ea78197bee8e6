"""Whether this machine can be measured on: how long a loop stands still that does nothing but sleep."""

import statistics
import time

MOST_MS = 100.0
"""The longest gap that is allowed to the window; where the machine alone makes longer ones, no ratio says anything."""
LOOKS = 5
LOOK_SECONDS = 1.0


def stand_still_ms() -> float:
    """Milliseconds: the median of the longest gaps in five seconds, one of each second."""
    return statistics.median(_longest_gap(LOOK_SECONDS) for _ in range(LOOKS)) * 1000


def _longest_gap(seconds: float) -> float:
    longest, last = 0.0, time.perf_counter()
    end = last + seconds
    while last < end:
        time.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest
