"""The runtime's door: what a format writes so that an application can run a cache in its layout."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol, TypeAlias

from cache_studio.model.globs import matcher
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target

Place: TypeAlias = tuple[str, str]
"""Namespace and key."""
_NOTHING: Mapping[str, object] = MappingProxyType({})
DISK, SERVER = "disk", "redis"
"""What the level of a stored cache is called, in figures and in the recorder."""


class Held(NamedTuple):
    """What a runtime cache holds for one key. Times are epoch seconds; `expires` None is never.

    A named tuple: one is made for every lookup, and a frozen dataclass takes four times as long.
    """

    value: bytes
    created: float
    expires: float | None = None
    accessed: float | None = None
    hits: int = 0
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, object] = _NOTHING


@dataclass(frozen=True, slots=True)
class Known:
    """What eviction and removal need to know of one stored key. None is not recorded."""

    key: str
    namespace: str
    size: int
    created: float
    expires: float | None = None
    accessed: float | None = None
    hits: int | None = None
    tags: tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        """Namespace and key."""
        return self.namespace, self.key


class Listener(Protocol):
    """A subscription to what a cache tells of changes."""

    def close(self) -> None:
        """End it; no call comes after. Safe to call twice."""


class KeyAccess(ABC):
    """The runtime's door to one cache: by key, each call one round trip, safe from many threads and processes.

    It can create the cache. It imports neither numpy nor a driver before the first `open`. `value` is the
    encoded value as the layout stores it (JSON text, pickle bytes, file content). What cannot be reached or
    written raises CacheUnavailable; what the layout cannot hold raises BadRequest. A broken entry is None.
    """

    level: str = DISK
    """DISK, or SERVER where the cache may be away: the runtime then goes on without it."""
    keeps_last_moment: bool = False
    """Whether an entry is still fresh at the very moment at which its TTL ends (systems.md: S2, S3)."""
    claims: bool = False
    """Whether processes can agree who loads a key: `claim`, `release`, `problem`."""

    @classmethod
    @abstractmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> "KeyAccess":
        """Open or create the cache."""

    @abstractmethod
    def get(self, key: str, namespace: str = "") -> Held | None:
        """What is stored, stale or not; None when nothing is, or when it is broken."""

    @abstractmethod
    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """Store it, replacing what is there."""

    @abstractmethod
    def delete(self, key: str, namespace: str = "") -> bool:
        """Remove it; whether it was there."""

    @abstractmethod
    def known(self) -> Iterator[Known]:
        """All stored keys, for eviction, clean-up and removal by what they carry."""

    @abstractmethod
    def close(self) -> None:
        """Flush and release everything. Safe to call twice."""

    def get_many(self, keys: Collection[str], namespace: str = "") -> dict[str, Held]:
        """What is stored for these keys; what is not is left out. Default: one after the other."""
        found = ((key, self.get(key, namespace)) for key in keys)
        return {key: held for key, held in found if held is not None}

    def holds(self, key: str, namespace: str = "") -> bool:
        """Whether something is stored. Default: by reading it."""
        return self.get(key, namespace) is not None

    def discard(self, key: str, seen: Held, namespace: str = "") -> bool:
        """Remove it only if it is still what was seen; whether it was removed. Default: read, compare, remove."""
        found = self.get(key, namespace)
        same = found is not None and (found.created, found.expires, found.value) == (
            seen.created,
            seen.expires,
            seen.value,
        )
        return same and self.delete(key, namespace)

    def delete_many(self, places: Collection[Place]) -> list[Place]:
        """Remove them; those that were there. Default: one after the other."""
        return [place for place in places if self.delete(place[1], place[0])]

    def delete_like(self, pattern: str, namespace: str | None = None) -> int:
        """Remove the keys that a glob matches (`model.globs`), in one namespace or in all; how many there were."""
        fits = matcher(pattern)
        return len(
            self.delete_many([k.place for k in self.known() if namespace in (None, k.namespace) and fits(k.key)])
        )

    def discard_stale(self, now: float) -> list[Known]:
        """Remove every entry that is stale at `now` and still is when it is removed; what went. Default: by reading."""
        gone = []
        for entry in list(self.known()):
            if entry.expires is not None and entry.expires <= now:
                held = self.get(entry.key, entry.namespace)
                stale = held is not None and held.expires is not None and held.expires <= now
                if held is not None and stale and self.discard(entry.key, held, entry.namespace):
                    gone.append(entry)
        return gone

    def listed_as(self, key: str, namespace: str = "") -> Place:
        """How `known` calls a key of this namespace; of the empty key: how what is in the namespace begins.

        No round trip. Default: the same. A layout without namespaces, or with one for entries that name none,
        says so here.
        """
        return namespace, key

    def touch(self, key: str, namespace: str, accessed: float) -> None:
        """Note an access where the layout records it. Default: it does not."""
        return None

    def flush(self) -> None:
        """Write what is still only in memory. Default: nothing is."""
        return None

    def compact(self) -> int:
        """Give unused space back, entries untouched; the bytes freed. Default: there is none."""
        return 0

    def listen(self, changed: Callable[[Place | None], None]) -> Listener | None:
        """Have `changed` called, from another thread, with each place that anybody writes or removes from now on.

        None instead of a place: anything may have changed. Default None: the cache does not tell, and a
        generation number beside it does (`recording.generation`).
        """
        return None

    def claim(self, key: str, namespace: str, token: str, seconds: float) -> str:
        """Say that this process loads a key; the token of who does: the given one, or another's who was first.

        A claim ends with `release`, or by itself after `seconds`.
        """
        raise NotImplementedError

    def release(self, key: str, namespace: str, token: str, problem: str = "") -> None:
        """End an own claim; `problem` says why nothing was loaded, to those who wait, for a few seconds."""
        raise NotImplementedError

    def problem(self, key: str, namespace: str, token: str) -> str:
        """What the holder of an ended claim said; "" when it loaded, or said nothing."""
        raise NotImplementedError
