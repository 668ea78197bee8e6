"""What became of the entries of one action, added up batch by batch."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

FateT = TypeVar("FateT", bound=StrEnum)
FateT_co = TypeVar("FateT_co", bound=StrEnum, covariant=True)


class Answer(Protocol[FateT_co]):
    """What an adapter answers for one entry."""

    @property
    def fate(self) -> FateT_co:
        """What became of it."""

    @property
    def reason(self) -> str:
        """Why it failed, else ""."""


class Tally(Generic[FateT]):
    """Counts fates; `done` is the one of success."""

    def __init__(self, planned: int, done: FateT, failed: FateT) -> None:
        self.planned = planned
        self.fates: Counter[FateT] = Counter()
        self.stopped = False
        self._done = done
        self._failed = failed
        self._reasons: dict[str, None] = {}

    @property
    def reasons(self) -> tuple[str, ...]:
        """Each reason once, in the order in which they came."""
        return tuple(self._reasons)

    def add(self, answers: Sequence[Answer[FateT]]) -> None:
        """Count the answers of one batch."""
        self.count([answer.fate for answer in answers], [answer.reason for answer in answers])

    def count(self, fates: Sequence[FateT], reasons: Sequence[str]) -> None:
        """The same for answers as columns."""
        self.fates.update(fates)
        self._reasons |= dict.fromkeys(filter(None, reasons))

    def fail(self, reasons: Sequence[str]) -> None:
        """One more that failed for each of these reasons."""
        self.fates[self._failed] += len(reasons)
        self._reasons |= dict.fromkeys(reasons)

    def give_up(self, reason: str) -> None:
        """What was not reached has failed, for this reason."""
        self.fates[self._failed] += self.planned - self.fates.total()
        self._reasons[reason] = None

    def settle(self, done: int) -> None:
        """So many were done in truth: a batch that was cut short did not answer."""
        unanswered = max(0, done - self.fates[self._done])
        self.fates[self._done] += unanswered
        self.fates[self._failed] -= min(unanswered, self.fates[self._failed])
