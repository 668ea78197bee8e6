"""What the calls of a running cache are made of: a lookup that is counted, a put, a load that is kept."""

import logging
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache_studio.adapters.key_access import Held, Place
from cache_studio.model.errors import BadRequest, CacheStudioError, CacheUnavailable
from cache_studio.model.units import parse_duration
from cache_studio.recording.meter import EXPIRED, MOST_PLACES, Event
from cache_studio.runtime.costs import Costs
from cache_studio.runtime.loading import MISSING, Claiming, Loads, Terms
from cache_studio.runtime.removing import Removing
from cache_studio.runtime.serializers import AsIs, Serializer
from cache_studio.runtime.slots import UNREAD, Slot
from cache_studio.runtime.stack import Found
from cache_studio.runtime.statistics import Stats, describe
from cache_studio.runtime.strategies import CacheAside, Loader
from cache_studio.runtime.validity import Validity

if TYPE_CHECKING:
    from cache_studio.runtime.following import Following
    from cache_studio.runtime.learning import Efficiency

FOR_EVER = 100 * 365 * 86_400.0
"""A TTL of so many seconds, or more, is no TTL: layouts write moments of years of four digits."""
_log = logging.getLogger(__name__)


class Works(Removing):
    """The inside of a cache, over its levels, loads and counters."""

    target: str
    namespace: str
    ttl: float | None
    _near: Callable[[Place], Slot | None]
    _first_level: str
    _tapes: dict[str, list[float]]
    _serializer: Serializer
    _strategy: CacheAside
    _validity: Validity
    _loads: Loads
    _costs: Costs
    _is_levelled: bool
    _closed: bool

    def _place(self, key: str, namespace: str | None) -> Place:
        self._check_open()
        space = self.namespace if namespace is None else namespace
        if not isinstance(key, str) or not key:
            raise wrong_key(key)
        if not isinstance(space, str):
            raise BadRequest(f"A namespace is a text, not {type(space).__name__}.")
        return space, key

    def _check_open(self) -> None:
        if self._closed:
            raise _closed()

    def _nothing_any_more(self, _place: Place) -> Slot | None:
        raise _closed()

    def _seconds(self, ttl: float | str | None) -> float | None:
        seconds = parse_duration(ttl) if isinstance(ttl, str) else self.ttl if ttl is None else ttl
        if seconds is None or seconds >= FOR_EVER:
            return None
        if not seconds >= 0:
            raise BadRequest("A TTL is not negative.", "Give seconds, or 0 for an entry that is stale at once.")
        return seconds

    def look_up(self, key: str, *, namespace: str | None = None) -> Any:
        """The value of a key, or MISSING; no strategy loads it."""
        return self._look_up(self._place(key, namespace), time.perf_counter())

    def is_near(self, key: str, *, namespace: str | None = None) -> bool:
        """Whether `get` would answer from memory, at once."""
        slot = self._near(self._place(key, namespace))
        validity = self._validity
        valid = slot is not None and slot.token is validity.token and time.perf_counter() < validity.look_at
        return valid and slot is not None and slot.due > self._clock()

    def claiming(self, place: Place) -> Claiming | None:
        """This process's part in agreeing with others who loads a key; None where they cannot agree."""
        return self._loads.claiming(place)

    def _look_up(self, place: Place, began: float) -> Any:
        """The value, or MISSING; counted."""
        self._validity.look()
        now = self._clock()
        found = self._stack.find(place, now)
        value = self._value(found.slot)
        self._looked_up(place, value is not MISSING, found, began, now)
        return value

    def _refresh(self, place: Place, slot: Slot, now: float) -> None:
        """Load it anew in a thread, and look again after a quarter of what is left if that does not succeed."""
        loader = self._strategy.loader
        if loader is not None:
            slot.due = now + (slot.expires - now) / 4
            terms = Terms(self._life(slot), slot.tags, slot.metadata, slot.stored)
            self._loads.refresh(place, partial(loader, place[1]), terms, partial(self._is_old, place, slot))

    def _is_old(self, place: Place, slot: Slot) -> bool:
        """Whether what is there is still the entry that was seen, or none."""
        found = self._stack.look(place, self._clock())
        return found is None or (found.expires, found.data) == (slot.expires, slot.data)

    def _looked_up(self, place: Place, hit: bool, found: Found, began: float, now: float) -> None:
        """Count a lookup that began at a moment of `time.perf_counter`, and load anew what is due."""
        seconds = time.perf_counter() - began
        if self._is_levelled:
            for level, here in found.asked:
                self._meter.count(place[0], level, here)
        self._meter.count(place[0], "", hit, seconds, EXPIRED if found.expired and not hit else "")
        if self._following is not None:
            self._following.looked_up(place, hit, found.expired, now, seconds)
        if found.moved:
            self._fill()
        if hit and self._strategy.ahead and found.slot is not None and found.slot.due <= now:
            self._refresh(place, found.slot, now)

    def _value(self, slot: Slot | None) -> Any:
        """The decoded value, kept in the slot from then on; MISSING for what cannot be decoded."""
        if slot is None:
            return MISSING
        if slot.value is UNREAD:
            try:
                slot.value = self._serializer.loads(slot.data)
            except ValueError as error:
                _log.info("A value cannot be read: %s", error)
                return MISSING
        if slot.due == -math.inf:
            slot.due = self._due(slot)
        return slot.value

    def _due(self, slot: Slot) -> float:
        """Until when lookups give the value out without a closer look."""
        life = self._life(slot) if self._strategy.ahead else None
        return slot.expires if life is None else slot.expires - self._strategy.ahead * life

    def _life(self, slot: Slot) -> float | None:
        """Seconds from the put to the end; the cache's own TTL where a layout does not record when it was put."""
        life = slot.expires - slot.created
        return None if life == math.inf else self.ttl if life != life else life

    def peek(self, place: Place) -> Any:
        """The value, or MISSING; nothing is counted or noted."""
        self._validity.look()
        return self._value(self._stack.look(place, self._clock()))

    def _put(self, place: Place, value: Any, terms: Terms, write: Callable[[str, Any], object] | None = None) -> None:
        seconds = self._seconds(terms.ttl)
        data = self._serializer.dumps(value)
        if write is not None:
            write(place[1], value)
        now = self._clock()
        expires = None if seconds is None else self._stack.last_moment(now, seconds)
        held = Held(data, now, expires, now, 0, terms.tags, terms.metadata)
        as_is = value if isinstance(self._serializer, AsIs) else UNREAD
        try:
            self._stack.put(place, held, now, persist=terms.persist, value=as_is)
        except CacheStudioError:
            if write is not None and self._strategy.has_source:
                self._give_up(place)
            raise
        self._meter.happened(place[0], "", Event.PUT)
        if self._following is not None:
            self._following.stored(place, len(data), seconds, now)
        self._fill()

    def keep(self, place: Place, value: Any, seconds: float, terms: Terms) -> None:
        """Put what a loader made in so many seconds. A disk that refuses costs the entry, not the value."""
        self._costs.note(seconds)
        try:
            self._put(place, value, terms)
        except CacheUnavailable as error:
            _log.warning("What was loaded is not cached: %s %s", error.message, error.hint)

    def _give_up(self, place: Place) -> None:
        """The source has a newer value than what is cached, and the cache does not take it."""
        try:
            self._stack.drop(place)
        except CacheStudioError as error:
            _log.warning("What is cached is older than its source: %s", error.message)

    def stats(self) -> Stats:
        """The figures of this process and of what is stored; lists the cache."""
        self._check_open()
        tally = self._meter.tally()
        return describe(self.target, self.ttl, self._policy, self._stack, tally, self._costs, self._clock())

    def report(self) -> "Efficiency":
        """Statistics, what was learned of the keys, time saved and the efficiency score (systems.md, S3)."""
        from cache_studio.runtime.learning import Patterns, efficiency

        patterns = self._following.patterns if self._following is not None else None
        return efficiency(self.stats(), patterns or Patterns(), self._clock())

    def _followed(self, learning: bool, prefetch: Loader | None, log_path: Path | None, hash_keys: bool) -> "Following":
        from cache_studio.runtime.following import Refill, follow  # few caches are followed

        refill = Refill(self.ttl, lambda place: self._stack.look(place, self._clock()), self._loads)
        asked: dict[str, Any] = {"learning": learning, "prefetch": prefetch}
        return follow(refill, self._clock, log_path=log_path, hash_keys=hash_keys, **asked)

    def _tape(self, namespace: str) -> list[float]:
        tape = self._meter.tape(namespace, self._first_level)
        if len(self._tapes) < MOST_PLACES:
            self._tapes[namespace] = tape
        return tape

    def _evicted(self, level: str, place: Place, last: bool) -> None:
        if self._is_levelled:
            self._meter.happened(place[0], level, Event.EVICTION)
        if last:
            self._meter.happened(place[0], "", Event.EVICTION)

    def _fill(self) -> None:
        """Say how full the levels are, where that is known without looking."""
        for shelf in self._stack.shelves:
            self._meter.set_level(shelf.name, len(shelf), shelf.bytes)
        for door in self._stack.doors:
            if door.index is not None:
                self._meter.set_level(door.name, len(door.index), door.index.bytes, shared=True)


def _closed() -> BadRequest:
    return BadRequest("The cache is closed.", "Open it anew.")


def wrong_key(key: object) -> BadRequest:
    """What is said of a key that is none."""
    if isinstance(key, str):
        return BadRequest("A key is a text of at least one character.")
    return BadRequest(
        f"A key is a text, not {type(key).__name__}.", "The helpers in runtime.keys make one of anything."
    )
