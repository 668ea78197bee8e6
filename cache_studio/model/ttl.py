"""A change of the TTL of entries: what it makes of each expiry, its plan, and what came of it."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cache_studio.model.columns import Floats, View
from cache_studio.model.errors import BadRequest
from cache_studio.model.units import DURATION_UNITS, format_count, format_ttl

LONGEST = 100 * 365 * DURATION_UNITS["d"]
"""Seconds; who wants more wants an entry that never expires."""
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


class Kind(StrEnum):
    """What a change does; the words of the command's options and of its JSON."""

    SET = "set"
    EXTEND = "extend"
    PERSIST = "persist"


@dataclass(frozen=True, slots=True)
class TtlChange:
    """A change of the TTL; BadRequest for a duration that makes no sense."""

    kind: Kind
    seconds: float = math.inf
    """The TTL from the moment of the action, or what is added to the TTL that is left; inf for `persist` alone."""

    def __post_init__(self) -> None:
        """See that the duration is one."""
        if self.kind is Kind.PERSIST:
            return
        if not self.seconds > 0:
            raise BadRequest("A TTL is longer than nothing.", "To make entries miss at once, invalidate them.")
        if self.seconds > LONGEST:
            raise BadRequest("A TTL of over 100 years is none.", "Let the entries never expire (persist) instead.")

    def moments(self, expires: Floats, now: float) -> Floats:
        """The expiry that entries get which had these; +inf for never. What an entry has left is extended:
        a stale one has nothing left, so that its extension begins `now`.
        """
        match self.kind:
            case Kind.SET:
                return np.full(len(expires), now + self.seconds)
            case Kind.EXTEND:
                return np.asarray(np.maximum(expires, now) + self.seconds)
        return np.full(len(expires), math.inf)

    def title(self) -> str:
        """`"TTL set to 2 h"`, `"TTL extended by 30 min"`, `"TTL taken away"`."""
        match self.kind:
            case Kind.SET:
                return f"TTL set to {duration_words(self.seconds)}"
            case Kind.EXTEND:
                return f"TTL extended by {duration_words(self.seconds)}"
        return "TTL taken away"


@dataclass(frozen=True, slots=True)
class Span:
    """When some entries expire: the first and the last finite moment (None without any), and how many never do."""

    first: float | None
    last: float | None
    forever: int

    @classmethod
    def of(cls, expires: Floats) -> "Span":
        """The span of these moments, none of which is unknown."""
        finite = expires[np.isfinite(expires)]
        forever = int(len(expires) - finite.size)
        return cls(float(finite.min()), float(finite.max()), forever) if finite.size else cls(None, None, forever)


@dataclass(frozen=True)
class TtlPlan:
    """The entries whose TTL would change. Made and run by `services.ttl`; as of `now`."""

    change: TtlChange
    cache_name: str
    view: View
    rows: NDArray[np.intp]
    now: float
    left_out: int
    """Chosen entries that stay as they are; `notes` say why."""
    stale: int
    """Of the rows, how many are stale now and will not be."""
    before: Span
    after: Span
    notes: tuple[str, ...] = ()
    """Sentences that a user should read before."""

    @property
    def count(self) -> int:
        """How many entries change."""
        return int(self.rows.size)


@dataclass(frozen=True, slots=True)
class TtlOutcome:
    """What a change of the TTL did; the fields of its JSON."""

    change: Kind
    planned: int
    set: int = 0
    changed_meanwhile: int = 0
    gone: int = 0
    failed: int = 0
    undo_id: str | None = None
    stopped: bool = False
    """Whether it was stopped before its end."""
    reasons: tuple[str, ...] = ()
    """Why entries failed, each sentence once."""

    @property
    def is_whole(self) -> bool:
        """Whether everything that was planned has its new expiry."""
        return not self.stopped and self.failed == 0 and self.changed_meanwhile == 0


def span_words(span: Span, now: float) -> str:
    """What is left of these TTLs: `"stale 3 h to 42 min 08 s, 7 forever"`; `"forever"`."""
    if span.first is None or span.last is None:
        return "forever"
    first, last = format_ttl(span.first - now), format_ttl(span.last - now)
    words = first if first == last else f"{first} to {last}"
    return f"{words}, {format_count(span.forever)} forever" if span.forever else words


def duration_words(seconds: float) -> str:
    """A duration in its largest whole unit: `"2 h"`, `"90 min"`, `"0.5 s"`."""
    for name, unit in _UNITS:
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:,.3f}".rstrip("0").rstrip(".") + " s"
