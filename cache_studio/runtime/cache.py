"""The cache an application runs: get and put with TTL and capacity over any format with a key access."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from cache_studio.adapters.key_access import Held, KeyAccess
from cache_studio.adapters.registry import format_names, get_format
from cache_studio.model.errors import BadRequest
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target
from cache_studio.model.units import parse_duration
from cache_studio.runtime.recorders import Recorder, Silent, open_recorder
from cache_studio.runtime.serializers import Json, Serializer

_MISSING = object()


class Cache:
    """One cache of an application, safe for many threads.

    Beyond `capacity` entries the least recently used goes. An expired entry that `get` meets is removed and
    counted as a miss. Hits, misses and evictions are counted in the recorder beside the cache, which the
    studio reads as *recorded*.
    """

    def __init__(
        self,
        target: str | Path,
        *,
        format: str = "",
        ttl: float | str | None = None,
        capacity: int | None = None,
        namespace: str = "",
        serializer: Serializer | None = None,
        recorder: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open or create the cache at `target`.

        `ttl` in seconds or as "24h"; None keeps entries for ever. `capacity` in entries. `format` where the
        target does not name one. Raises BadRequest, or CacheUnavailable when it cannot be reached.
        """
        parsed = parse_target(str(target), format_names())
        name = format or parsed.format
        if not name:
            raise BadRequest("The format is not named.", "Write it before a colon, as in json-file:./cache.json.")
        if capacity is not None and capacity < 1:
            raise BadRequest("A capacity is at least one entry.")
        known = get_format(name)
        self._access: KeyAccess = known.access_class().open(parsed, read_options(known.options, parsed.options))
        self._ttl = parse_duration(ttl) if isinstance(ttl, str) else ttl
        self._capacity = capacity
        self._namespace = namespace
        self._serializer = serializer or Json()
        self._clock = clock
        self._lock = threading.RLock()
        self._sizes: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._bytes = 0
        self._recorder: Recorder = open_recorder(parsed, known) if recorder else Silent()
        self._load_index()

    def get(self, key: str, default: Any = None, *, namespace: str | None = None) -> Any:
        """The value of a key, or `default` on a miss (absent, expired or broken)."""
        place = self._place(key, namespace)
        began = time.perf_counter()
        with self._lock:
            held = self._access.get(key, place[0])
            now = self._clock()
            fresh = held is not None and (held.expires is None or held.expires > now)
            value = self._decoded(held) if held is not None and fresh else _MISSING
            if held is not None and not fresh:
                self._drop(place)
            if value is not _MISSING:
                self._access.touch(key, place[0], now)
                if place in self._sizes:
                    self._sizes.move_to_end(place)
            hit = value is not _MISSING
            self._recorder.looked_up(place[0], hit, time.perf_counter() - began, held is not None and not fresh)
        return value if hit else default

    def put(
        self,
        key: str,
        value: Any,
        *,
        ttl: float | str | None = None,
        tags: tuple[str, ...] = (),
        namespace: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Store a value, for `ttl` or the cache's own; BadRequest for what cannot be stored, with nothing changed."""
        place = self._place(key, namespace)
        seconds = parse_duration(ttl) if isinstance(ttl, str) else self._ttl if ttl is None else ttl
        if seconds is not None and seconds < 0:
            raise BadRequest("A TTL is not negative.", "Give seconds, or 0 for an entry that is stale at once.")
        data = self._serializer.dumps(value)
        with self._lock:
            now = self._clock()
            expires = None if seconds is None else now + seconds
            self._access.put(key, Held(data, now, expires, now, 0, tuple(tags), dict(metadata or {})), place[0])
            self._bytes += len(data) - self._sizes.get(place, 0)
            self._sizes[place] = len(data)
            self._sizes.move_to_end(place)
            self._recorder.stored(place[0])
            self._make_room()
            self._fill()

    def invalidate(self, key: str, *, namespace: str | None = None) -> bool:
        """Remove a key; whether it was there."""
        place = self._place(key, namespace)
        with self._lock:
            found = self._drop(place)
            self._fill()
            return found

    def flush(self) -> None:
        """Write what is still only in memory: access times and counts."""
        with self._lock:
            self._access.flush()
            self._recorder.flush()

    def close(self) -> None:
        """Flush and let go of the cache. Safe to call twice."""
        with self._lock:
            self._access.close()
            self._recorder.close()

    def __enter__(self) -> "Cache":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._sizes)

    def _place(self, key: str, namespace: str | None) -> tuple[str, str]:
        if not isinstance(key, str) or not key:
            raise BadRequest("A key is a text of at least one character.")
        return (self._namespace if namespace is None else namespace), key

    def _decoded(self, held: Held) -> Any:
        try:
            return self._serializer.loads(held.value)
        except ValueError:
            return _MISSING

    def _load_index(self) -> None:
        if self._capacity is None:
            return
        known = sorted(self._access.known(), key=lambda entry: entry.accessed or entry.created)
        for entry in known:
            self._sizes[entry.namespace, entry.key] = entry.size
            self._bytes += entry.size
        self._make_room()
        self._fill()

    def _make_room(self) -> None:
        while self._capacity is not None and len(self._sizes) > self._capacity:
            place = next(iter(self._sizes))
            self._drop(place)
            self._recorder.evicted(place[0])

    def _drop(self, place: tuple[str, str]) -> bool:
        self._bytes -= self._sizes.pop(place, 0)
        return self._access.delete(place[1], place[0])

    def _fill(self) -> None:
        if self._capacity is not None:
            self._recorder.filled(len(self._sizes), self._bytes)
