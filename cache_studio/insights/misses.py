"""Why lookups find nothing, told from what a cache announces of its keys. Pure: told events in, figures out.

Nothing is guessed. What was stored before the events began to come is not known, so a key that was never
heard of is "cold": it was not stored since then. After events were lost, and where more keys come by than
are remembered, a key that was not heard of since is "unknown".
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

MOST_KEYS = 100_000
"""Keys whose fate is remembered; those not heard of for longest are forgotten."""
MOST_COUNTED = 10_000
"""Keys whose misses are counted one by one."""
LONGEST_FILL = 600.0
"""Seconds after which a value that is stored is no answer to the miss any more."""
_FILLS = 2_000
"""The newest fills whose time makes the median."""


class Reason(StrEnum):
    """Why a lookup found nothing."""

    COLD = "cold"
    """Not stored since events are heard."""
    EXPIRED = "expired"
    EVICTED = "evicted"
    EVICTED_PAST = "evicted, TTL since past"
    """Evicted, but by now it would have expired anyway."""
    DELETED = "deleted"
    UNKNOWN = "unknown"
    """Events of it may have been lost, or it went without one."""


GONE: Mapping[str, Reason] = {
    "del": Reason.DELETED,
    "rename_from": Reason.DELETED,
    "move_from": Reason.DELETED,
    "expired": Reason.EXPIRED,
    "evicted": Reason.EVICTED,
}
"""Events after which a key is not there; after every other one it is."""
MISS = "keymiss"
"""The event of a lookup that found nothing."""
SETS_EXPIRY = ("expire", "persist")
"""Events of keys that are there without being stored anew."""


@dataclass(slots=True)
class _Known:
    """What is remembered of one key."""

    gone: Reason | None = None
    """Why it is not there; None while it is."""
    expires: float = math.nan
    """Epoch seconds, +inf for never; NaN is not known."""
    number: int = 0
    """Which event told of it last."""
    asked: float = math.nan
    """When it was missed first since it was stored last; NaN where it was not."""


@dataclass(frozen=True, slots=True)
class MissedKey:
    """One key that was looked up in vain."""

    key: str
    misses: int
    reason: Reason
    """Of the last of them."""


@dataclass(frozen=True, slots=True)
class MissFigures:
    """What was heard since `since` (epoch seconds)."""

    since: float
    by_reason: Mapping[Reason, int]
    """Every reason, also those without a miss."""
    keys: tuple[MissedKey, ...]
    """Those with the most misses."""
    seconds_per_miss: float | None
    """Median time from a miss to the key being stored; None where none was."""
    fills: int
    """How many times that were measured."""

    @property
    def misses(self) -> int:
        """All of them."""
        return sum(self.by_reason.values())


class MissLedger:
    """Follows keys through their events. Not safe from several threads at once."""

    def __init__(self, since: float, most_keys: int = MOST_KEYS) -> None:
        self.heard = 0
        """How many events were heard; `learn` wants it."""
        self._since = since
        self._most = most_keys
        self._known: dict[int, _Known] = {}  # by the hash of the key, what was heard of longest ago first
        self._lost = False
        self._counts = dict.fromkeys(Reason, 0)
        self._keys: dict[str, tuple[int, Reason]] = {}
        self._seconds: deque[float] = deque(maxlen=_FILLS)
        self._fills = 0

    def hear(self, event: str, key: str, at: float) -> Reason | None:
        """Take in one event, in the order in which they happened; for a miss its reason."""
        self.heard += 1
        known = self._known.pop(hash(key), None)
        new = known is None
        known = known or _Known(Reason.UNKNOWN if self._lost else Reason.COLD)
        self._known[hash(key)] = known
        known.number = self.heard
        if new and len(self._known) > self._most:
            del self._known[next(iter(self._known))]
            self._lost = True
        if event == MISS:
            return self._missed(known, key, at)
        if event in GONE:
            known.gone = GONE[event]
        else:
            self._stored(known, event, at)
        return None

    def learn(self, key: str, expires: float, as_of: int) -> None:
        """The key was seen there with this expiry, by a look that began after `as_of` events were heard."""
        known = self._known.get(hash(key))
        if known is None and len(self._known) < self._most:
            self._known[hash(key)] = _Known(None, expires, self.heard)
        elif known is not None and known.gone is None and known.number <= as_of:
            known.expires = expires

    def gap(self) -> None:
        """Events were lost: what was known of the keys may not be true any more."""
        self._known.clear()
        self._lost = True

    def figures(self, most: int = 10) -> MissFigures:
        """Everything so far, with the `most` keys that were missed most often."""
        often = sorted(self._keys.items(), key=lambda pair: -pair[1][0])[:most]
        return MissFigures(
            self._since,
            dict(self._counts),
            tuple(MissedKey(key, count, reason) for key, (count, reason) in often),
            median(self._seconds) if self._seconds else None,
            self._fills,
        )

    def _missed(self, known: _Known, key: str, at: float) -> Reason:
        past = known.expires <= at
        # Gone without an event: past its expiry on a replica, or flushed with all others.
        reason = known.gone or (Reason.EXPIRED if past else Reason.UNKNOWN)
        if reason is Reason.EVICTED and past:
            reason = Reason.EVICTED_PAST
        if not at - known.asked <= LONGEST_FILL:
            known.asked = at
        self._counts[reason] += 1
        count = self._keys.pop(key, (0, reason))[0] + 1
        self._keys[key] = (count, reason)
        if len(self._keys) > MOST_COUNTED:
            self._thin_out()
        return reason

    def _thin_out(self) -> None:
        """Forget the half with the fewest misses; of those the ones that were not missed for longest."""
        kept = sorted(self._keys, key=lambda key: -self._keys[key][0])[: MOST_COUNTED // 2]
        wanted = set(kept)
        self._keys = {key: told for key, told in self._keys.items() if key in wanted}

    def _stored(self, known: _Known, event: str, at: float) -> None:
        known.gone = None
        known.expires = math.inf if event == "persist" else math.nan
        if event in SETS_EXPIRY:
            return
        if 0 <= at - known.asked <= LONGEST_FILL:
            self._seconds.append(at - known.asked)
            self._fills += 1
        known.asked = math.nan
