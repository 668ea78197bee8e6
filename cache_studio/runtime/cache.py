"""The cache an application runs: get and put with TTL, capacity and levels over any format with a door."""

import logging
import math
import os
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from cache_studio.adapters.key_access import Held, Place
from cache_studio.model.errors import BadRequest, CacheStudioError, CacheUnavailable
from cache_studio.model.units import parse_duration
from cache_studio.recording.meter import EXPIRED, LONGEST_TAPE, MOST_PLACES, Event, Meter
from cache_studio.runtime.costs import Costs
from cache_studio.runtime.levels import Shelf
from cache_studio.runtime.loading import MISSING, Claiming, Loads, Terms, terms_of
from cache_studio.runtime.opening import Opened, Plan
from cache_studio.runtime.removing import Removing
from cache_studio.runtime.results import Warmed
from cache_studio.runtime.serializers import AsIs, Json, Serializer
from cache_studio.runtime.slots import UNREAD, Slot
from cache_studio.runtime.stack import Found, Stack
from cache_studio.runtime.statistics import Stats, describe
from cache_studio.runtime.strategies import CacheAside, Loader

FOR_EVER = 100 * 365 * 86_400.0
"""A TTL of so many seconds, or more, is no TTL: layouts write moments of years of four digits."""
_log = logging.getLogger(__name__)


class Cache(Removing):
    """One cache of an application, safe for many threads, and on one target for many processes.

    A lookup asks the levels in turn, memory first; what it finds below comes up. An expired entry that it meets
    is removed and counted as a miss. What another process, a command or the studio removes is a miss here within a
    second. Values from memory are shared between lookups: do not change them.
    """

    def __init__(
        self,
        target: str | Path,
        *,
        format: str = "",
        ttl: float | str | None = None,
        capacity: int | None = None,
        max_bytes: int | None = None,
        policy: str = "lru",
        namespace: str = "",
        memory: int = 0,
        compressed: int = 0,
        distributed: str = "",
        strategy: CacheAside | None = None,
        serializer: Serializer | None = None,
        seconds_per_miss: float | None = None,
        recorder: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open or create the cache at `target`: `json-file:./answers.json`, a Redis URL, or `memory:name`.

        `ttl` in seconds or as "24h"; None keeps entries for ever. Beyond `capacity` entries or `max_bytes` bytes
        the `policy` (lru, lfu, fifo, ttl, size, intelligent) says what goes. `memory` and `compressed`
        are the entries that these levels hold above what is stored (0: no such level); `distributed` is the URL
        of a Redis below it. `seconds_per_miss` is what a miss costs where loaders do not measure it. Hits, misses
        and evictions are counted in the `recorder` beside the cache, which the studio reads. Raises
        BadRequest, or CacheUnavailable when the cache cannot be reached; a server that is away is waited for.
        """
        seconds = parse_duration(ttl) if isinstance(ttl, str) else ttl
        opened = Opened(Plan(target, format, seconds, capacity, max_bytes, policy, memory, compressed, distributed))
        self.target = opened.name
        self.ttl = seconds
        self.namespace = namespace
        self._file = opened.file
        self._policy = policy
        self._clock = clock
        self._serializer = serializer or Json()
        if isinstance(self._serializer, AsIs) and (opened.doors or compressed):
            opened.close()
            raise BadRequest("Objects as they are can only be kept in memory.", "Use the JSON serializer, or your own.")
        self._strategy = strategy or CacheAside()
        self._meter = Meter(clock)
        self._validity = opened.validity(lambda place: self._stack.forget(place))
        self._stack = Stack(opened.shelves, opened.doors, self._validity, self._evicted)
        self._loads = Loads(self.peek, self.keep, self._stack.claiming_access())
        self._costs = Costs(seconds_per_miss)
        self._observers: tuple[Callable[[Place, bool, float], None], ...] = ()
        self._tapes: dict[str, list[float]] = {}
        first = opened.shelves[0] if opened.shelves else None
        self._near: Callable[[Place], Slot | None] = first.slots.get if first is not None else _nothing
        self._used: Callable[[Place], None] = first.used if first is not None else _unused
        self._is_levelled = len(opened.shelves) + len(opened.doors) > 1
        self._first_level = first.name if first is not None and self._is_levelled else ""
        self._recorder = opened.recorder(self._meter, recorder)
        self._closed = False
        self._stack.make_room(clock())
        self._fill()
        _open.add(self)

    # Lookups ----------------------------------------------------------------------------------------------------

    def get(self, key: str, default: Any = None, *, namespace: str | None = None) -> Any:
        """The value of a key, or `default` on a miss (absent, expired or broken).

        A strategy that loads asks its loader in place of answering `default`, and raises what that raises.
        """
        began = time.perf_counter()
        place = (self.namespace if namespace is None else namespace, key)
        try:
            slot = self._near(place)
        except TypeError:
            self._place(key, namespace)
            raise
        # The way of nearly every lookup: no lock, no call that is not needed (performance in README.md).
        validity = self._validity
        if slot is not None and slot.token is validity.token and began < validity.look_at:
            now = self._clock()
            if slot.due > now:
                slot.hits += 1
                slot.accessed = now
                self._used(place)
                tape = self._tapes.get(place[0])
                if tape is None:
                    tape = self._tape(place[0])
                tape.append(time.perf_counter() - began)
                if not self._meter.pending:
                    self._meter.noted()
                if len(tape) >= LONGEST_TAPE:
                    self._meter.settle()
                for observer in self._observers:
                    observer(place, True, now)
                return slot.value
        value = self._look_up(place := self._place(key, namespace), began)
        if value is not MISSING:
            return value
        loader = self._strategy.loader
        return default if loader is None else self._loads.run(place, lambda: loader(key), Terms())

    def get_many(self, keys: Iterable[str], *, namespace: str | None = None) -> dict[str, Any]:
        """The values of keys; what misses is left out. One round trip to a server for all of them."""
        space = self.namespace if namespace is None else namespace
        places = [self._place(key, space) for key in keys]
        began = time.perf_counter()
        self._validity.look()
        answers: dict[str, Any] = {}
        now = self._clock()
        for place, found in self._stack.find_many(places, now):
            value = self._value(found.slot)
            self._looked_up(place, value is not MISSING, found, began, now)
            began = time.perf_counter()
            if value is not MISSING:
                answers[place[1]] = value
        return answers

    def get_first(
        self, key: str, others: Callable[[], Iterable[str]], *, namespace: str | None = None
    ) -> tuple[str, Any] | None:
        """Key and value of the first hit: of `key`, else of what `others` names; counted as one lookup."""
        began = time.perf_counter()
        place = self._place(key, namespace)
        self._validity.look()
        now = self._clock()
        found = self._stack.find(place, now)
        value = self._value(found.slot)
        if value is MISSING:
            for other in others():
                place = self._place(other, namespace)
                found = self._stack.find(place, now)
                value = self._value(found.slot)
                if value is not MISSING:
                    break
        self._looked_up(place, value is not MISSING, found, began, now)
        return None if value is MISSING else (place[1], value)

    def get_or_load(
        self,
        key: str,
        loader: Callable[[], Any],
        *,
        ttl: float | str | None = None,
        tags: Iterable[str] = (),
        namespace: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> Any:
        """The value of a key; on a miss what `loader` makes, which is put.

        One loader runs at a time: other threads, and on Redis other processes, wait and get its answer. When it
        raises, nothing is cached and all who wait get the error (from another process as LoadFailed).
        """
        place = self._place(key, namespace)
        value = self._look_up(place, time.perf_counter())
        return value if value is not MISSING else self._loads.run(place, loader, terms_of(ttl, tags, metadata))

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

    # Changes ----------------------------------------------------------------------------------------------------

    def put(
        self,
        key: str,
        value: Any,
        *,
        ttl: float | str | None = None,
        tags: Iterable[str] = (),
        namespace: str | None = None,
        metadata: Mapping[str, object] | None = None,
        persist: bool = True,
    ) -> None:
        """Store a value, for `ttl` or the cache's own; `persist` false keeps it off the stored levels.

        BadRequest for what cannot be stored, CacheUnavailable for a disk that refuses: nothing is changed then.
        """
        place = self._place(key, namespace)
        self._put(place, value, terms_of(ttl, tags, metadata, persist), self._strategy.write)

    def flush(self) -> None:
        """Write what is still only in memory: access times, counts, and what is written behind."""
        self._check_open()
        self._strategy.flush()
        for door in self._stack.doors:
            door.access.flush()
        self._recorder.flush()

    def close(self) -> None:
        """Flush and let go of the cache. Safe to call twice.

        CacheStudioError when values that were to be written behind were refused; the cache is closed all the same.
        """
        if self._closed:
            return
        self._closed = True
        self._near = self._nothing_any_more
        _open.discard(self)
        try:
            self._strategy.close()
        finally:
            self._loads.close()
            self._validity.close()
            for door in self._stack.doors:
                door.access.close()
            self._recorder.close()

    def __enter__(self) -> "Cache":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """How many entries there are; counts what is stored where no capacity keeps the number up."""
        self._check_open()
        levels: list[Shelf | None] = [*self._stack.shelves, *(door.index for door in self._stack.doors)]
        only = levels[0] if len(levels) == 1 else None
        return len(only) if only is not None else sum(1 for _ in self._stack.known())

    def warm(
        self,
        keys: Iterable[str],
        loader: Loader,
        *,
        ttl: float | str | None = None,
        namespace: str | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> Warmed:
        """Load the keys that are not there; `progress` is called with how many are done, and of how many.

        A loader that raises leaves out its key. Nothing of this counts as a lookup.
        """
        wanted = [self._place(key, namespace) for key in keys]
        loaded, failed = 0, {}
        for done, place in enumerate(wanted, 1):
            if self.peek(place) is MISSING:
                try:
                    self._loads.run(place, partial(loader, place[1]), Terms(ttl))
                    loaded += 1
                except Exception as error:  # the loader is the application's: whatever it raises concerns one key
                    failed[place[1]] = str(error) or type(error).__name__
            if progress is not None:
                progress(done, len(wanted))
        return Warmed(loaded, len(wanted) - loaded - len(failed), failed)

    def stats(self) -> Stats:
        """The figures of this process and of what is stored; lists the cache."""
        self._check_open()
        tally = self._meter.tally()
        return describe(self.target, self.ttl, self._policy, self._stack, tally, self._costs, self._clock())

    # Inside -----------------------------------------------------------------------------------------------------

    def _place(self, key: str, namespace: str | None) -> Place:
        self._check_open()
        space = self.namespace if namespace is None else namespace
        if not isinstance(key, str) or not key:
            raise _wrong_key(key)
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
            self._loads.refresh(place, partial(loader, place[1]), terms)

    def _looked_up(self, place: Place, hit: bool, found: Found, began: float, now: float) -> None:
        """Count a lookup that began at a moment of `time.perf_counter`, and load anew what is due."""
        seconds = time.perf_counter() - began
        if self._is_levelled:
            for level, here in found.asked:
                self._meter.count(place[0], level, here)
        self._meter.count(place[0], "", hit, seconds, EXPIRED if found.expired and not hit else "")
        for observer in self._observers:
            observer(place, hit, now)
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
        """The value, or MISSING; not counted."""
        self._validity.look()
        return self._value(self._stack.find(place, self._clock()).slot)

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

    def _tape(self, namespace: str) -> list[float]:
        tape = self._meter.tape(namespace, self._first_level)
        if len(self._tapes) < MOST_PLACES:
            self._tapes[namespace] = tape
        return tape

    def begin_in_child(self) -> None:
        """In a forked child: threads, connections and locks are the parent's."""
        self._stack.begin_in_child()
        self._strategy.begin_in_child()
        self._costs.begin_in_child()
        self._loads.begin_in_child()
        self._validity.begin_in_child()


def _nothing(_place: Place) -> Slot | None:
    return None


def _unused(_place: Place) -> None:
    return None


def _closed() -> BadRequest:
    return BadRequest("The cache is closed.", "Open it anew.")


def _wrong_key(key: object) -> BadRequest:
    if isinstance(key, str):
        return BadRequest("A key is a text of at least one character.")
    return BadRequest(
        f"A key is a text, not {type(key).__name__}.", "The helpers in runtime.keys make one of anything."
    )


_open: weakref.WeakSet[Cache] = weakref.WeakSet()


def _begin_again() -> None:
    for cache in list(_open):
        cache.begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
