"""The cache an application runs: get and put with TTL, capacity and levels over any format with a door."""

import os
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from cache_studio.adapters.key_access import Place
from cache_studio.model.errors import BadRequest
from cache_studio.model.units import parse_duration
from cache_studio.recording.meter import LONGEST_TAPE, Meter
from cache_studio.runtime.costs import Costs
from cache_studio.runtime.levels import Shelf
from cache_studio.runtime.loading import MISSING, Loads, Terms, terms_of
from cache_studio.runtime.opening import Opened, Plan
from cache_studio.runtime.results import Warmed
from cache_studio.runtime.serializers import AsIs, Json, Serializer
from cache_studio.runtime.slots import Slot
from cache_studio.runtime.stack import Stack
from cache_studio.runtime.strategies import CacheAside, Loader
from cache_studio.runtime.works import Works


class Cache(Works):
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
        learning: bool = False,
        prefetch: Loader | None = None,
        access_log: bool = False,
        hash_keys: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open or create the cache at `target`: `json-file:./answers.json`, a Redis URL, or `memory:name`.

        `ttl` in seconds or as "24h"; None keeps entries for ever. Beyond `capacity` entries or `max_bytes` bytes
        the `policy` (lru, lfu, fifo, ttl, size, intelligent) says what goes. `memory` and `compressed`
        are the entries that these levels hold above what is stored (0: no such level); `distributed` is the URL
        of a Redis below it. `seconds_per_miss` is what a miss costs where loaders do not measure it. Hits, misses
        and evictions are counted in the `recorder` beside the cache, which the studio reads. `learning` keeps when
        keys are asked for, `prefetch` loads those that are asked for regularly before they are; `access_log` keeps
        every access beside the cache, with `hash_keys` by a hash of the key. Raises
        BadRequest, or CacheUnavailable when the cache cannot be reached; a server that is away is waited for.
        """
        seconds = parse_duration(ttl) if isinstance(ttl, str) else ttl
        opened = Opened(Plan(target, format, seconds, capacity, max_bytes, policy, memory, compressed, distributed))
        log_path = opened.access_log() if access_log else None
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
        self._recorder = opened.recorder(self._meter, recorder)
        self._following = None
        if learning or prefetch is not None or log_path is not None:
            self._following = self._followed(learning, prefetch, log_path, hash_keys)
        self._begin(opened)

    def _begin(self, opened: Opened) -> None:
        """Make what every lookup uses, and room where more is stored than there may be."""
        self._closed = False
        self._tapes: dict[str, list[float]] = {}
        first = opened.shelves[0] if opened.shelves else None
        self._near: Callable[[Place], Slot | None] = first.slots.get if first is not None else _nothing
        self._used: Callable[[Place], None] = first.used if first is not None else _unused
        self._is_levelled = len(opened.shelves) + len(opened.doors) > 1
        self._first_level = first.name if first is not None and self._is_levelled else ""
        self._stack.make_room(self._clock())
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
                if self._following is not None:
                    self._following.looked_up(place, True, False, now, time.perf_counter() - began)
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
        if self._following is not None:
            self._following.flush()

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
            if self._following is not None:
                self._following.close()
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

    # Inside -----------------------------------------------------------------------------------------------------

    def begin_in_child(self) -> None:
        """In a forked child: threads, connections and locks are the parent's."""
        if self._following is not None:
            self._following.begin_in_child()
        self._stack.begin_in_child()
        self._strategy.begin_in_child()
        self._costs.begin_in_child()
        self._loads.begin_in_child()
        self._validity.begin_in_child()


def _nothing(_place: Place) -> Slot | None:
    return None


def _unused(_place: Place) -> None:
    return None


_open: weakref.WeakSet[Cache] = weakref.WeakSet()


def _begin_again() -> None:
    for cache in list(_open):
        cache.begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
