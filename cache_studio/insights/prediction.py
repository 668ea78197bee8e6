"""When a key will be asked for next, by its accesses of the last 24 hours; and what such a guess was worth. Pure.

Two rules. *Regular* finds keys that are asked for at steady intervals, and nothing else (systems.md, S3).
*Likely* estimates for any key, from its own pauses and those of all keys, whether it comes within the horizon.
Neither finds much where traffic has no pattern, so a prediction is shown only beside its back-test.
Times are epoch seconds, those of one key in ascending order.
"""

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias, TypeVar

DAY = 86_400.0
"""How far back accesses count."""
LEAST_ACCESSES = 3
"""Fewer say nothing about intervals."""
STEADY = 0.5
"""The most that std/mean of intervals may be."""
HORIZON = 600.0
"""How far ahead a rule looks, and how near a prefetch comes to the expected access."""
LIKELY = 0.5
"""From this probability on a key is expected."""
LEAST_PREDICTED, LEAST_PRECISION = 20, 0.6
"""Below these a rule is not shown: it says nothing here, or the wrong thing."""

K = TypeVar("K", bound=Hashable)
Rule: TypeAlias = Callable[[Mapping[K, Sequence[float]], float, float], Collection[K]]
"""From the accesses of each key in the 24 hours before `now`: the keys that come within `horizon` seconds."""


def next_regular(times: Sequence[float], now: float) -> float | None:
    """When a steadily used key comes next: last access + mean interval, also when that is over; None: not steady.

    Steady is: LEAST_ACCESSES in the last 24 hours, and std/mean of their intervals at most STEADY (std over
    all intervals, not a sample of them).
    """
    recent = times[bisect_right(times, now - DAY) : bisect_right(times, now)]
    if len(recent) < LEAST_ACCESSES:
        return None
    intervals = len(recent) - 1
    mean = (recent[-1] - recent[0]) / intervals
    if mean <= 0:
        return None
    squares = sum((after - before - mean) ** 2 for before, after in pairwise(recent))
    return recent[-1] + mean if math.sqrt(squares / intervals) <= STEADY * mean else None


def is_regular(times: Sequence[float], now: float, horizon: float = HORIZON) -> bool:
    """The badge: a steady key that comes within the horizon. Never an overdue one: most of those have stopped."""
    expected = next_regular(times, now)
    return expected is not None and 0 <= expected - now <= horizon


def is_worth_prefetch(times: Sequence[float], now: float) -> bool:
    """The prefetch rule of systems.md: a steady key expected less than ten minutes from now, to either side."""
    expected = next_regular(times, now)
    return expected is not None and abs(expected - now) < HORIZON


class Pauses:
    """The pauses between accesses of many keys, as the background of `probability`."""

    def __init__(self, known: Mapping[K, Sequence[float]]) -> None:
        self._pauses = sorted(pause for times in known.values() for pause in pauses_of(times))

    def probability(self, times: Sequence[float], now: float, horizon: float = HORIZON) -> float:
        """That a key comes within the horizon: (d + pg)/(s + 2).

        Of its own pauses s are longer than it has paused now, d of these end within the horizon; pg is the
        same ratio over all keys (0 where no pause of any was so long).
        """
        if not times:
            return 0.0
        paused = now - times[-1]
        ending, longer = _counts(sorted(pauses_of(times)), paused, horizon)
        all_ending, all_longer = _counts(self._pauses, paused, horizon)
        background = all_ending / all_longer if all_longer else 0.0
        return (ending + background) / (longer + 2)


def pauses_of(times: Sequence[float]) -> list[float]:
    """The seconds between accesses."""
    return [after - before for before, after in pairwise(times)]


def regular_keys(known: Mapping[K, Sequence[float]], now: float, horizon: float) -> list[K]:
    """The rule *regular*."""
    return [key for key, times in known.items() if is_regular(times, now, horizon)]


def likely_keys(known: Mapping[K, Sequence[float]], now: float, horizon: float) -> list[K]:
    """The rule *likely*: the conditional hazard, from LIKELY on."""
    pauses = Pauses(known)
    return [key for key, times in known.items() if pauses.probability(times, now, horizon) >= LIKELY]


@dataclass(frozen=True, slots=True)
class BackTest:
    """What a rule would have been worth on accesses that are over."""

    predicted: int
    came: int
    """Of those predicted."""
    missed: int
    """Came, of keys known by then, without having been predicted."""

    @property
    def precision(self) -> float | None:
        """came / predicted; None where nothing was predicted."""
        return self.came / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """came / all that came; None where nothing did."""
        total = self.came + self.missed
        return self.came / total if total else None

    @property
    def trustworthy(self) -> bool:
        """Whether the rule may be shown for this cache."""
        precision = self.precision
        return self.predicted >= LEAST_PREDICTED and precision is not None and precision >= LEAST_PRECISION


def back_test(accesses: Iterable[tuple[K, float]], rule: Rule[K], horizon: float = HORIZON) -> BackTest:
    """Ask the rule at the begin of each horizon, with nothing but what was known then, and look what came.

    Accesses are key and time, in any order. What the log ends in the middle of is not judged. A key that
    nobody asked for in the 24 hours before cannot be predicted and does not count as missed.
    """
    ordered = sorted(accesses, key=lambda access: access[1])
    if not ordered or horizon <= 0:
        return BackTest(0, 0, 0)
    times = [at for _, at in ordered]
    predicted = came = missed = 0
    known: dict[K, deque[float]] = {}
    start = end = 0
    now = times[0]
    while now + horizon <= times[-1]:
        start, end = end, bisect_right(times, now)
        for key, at in ordered[start:end]:
            known.setdefault(key, deque()).append(at)
        _forget(known, now - DAY)
        if not known:  # nothing for a day: go on where something comes again
            now = times[end]
            continue
        chosen = set(rule({key: list(found) for key, found in known.items()}, now, horizon))
        seen = {key for key, _ in ordered[end : bisect_right(times, now + horizon)]} & known.keys()
        predicted += len(chosen)
        came += len(chosen & seen)
        missed += len(seen - chosen)
        now += horizon
    return BackTest(predicted, came, missed)


def _forget(known: dict[K, deque[float]], before: float) -> None:
    for key, found in list(known.items()):
        while found and found[0] <= before:
            found.popleft()
        if not found:
            del known[key]


def _counts(ordered: Sequence[float], paused: float, horizon: float) -> tuple[int, int]:
    """How many pauses that are longer than this end within the horizon, and how many are longer."""
    longer = bisect_right(ordered, paused)
    return bisect_right(ordered, paused + horizon) - longer, len(ordered) - longer
