"""What a running cache removes: chosen entries, stale ones, all, or down to a limit."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cache_studio.adapters.key_access import Known, Place
from cache_studio.model.errors import BadRequest
from cache_studio.recording.meter import Event, Meter
from cache_studio.runtime.emptying import Dropped
from cache_studio.runtime.levels import Shelf
from cache_studio.runtime.results import Freed
from cache_studio.runtime.stack import Stack
from cache_studio.runtime.stored import figures

if TYPE_CHECKING:
    from cache_studio.runtime.following import Following

_WILD = "\\*?[]^-"


class Removing:
    """The removals of a cache. Each reaches all levels here, and every other process within a second.

    CacheUnavailable when what is stored cannot be reached: who removes must know.
    """

    _stack: Stack
    _meter: Meter
    _clock: Callable[[], float]
    _policy: str
    _following: "Following | None"

    def invalidate(self, key: str, *, namespace: str | None = None) -> bool:
        """Remove a key; whether it was there."""
        place = self._place(key, namespace)
        found = self._stack.drop(place)
        if self._following is not None:
            self._following.removed(place)
        self._fill()
        return found

    def invalidate_namespace(self, namespace: str) -> int:
        """Remove a namespace; how many entries it had."""
        return self.clear(namespace).entries

    def invalidate_tags(self, *tags: str) -> int:
        """Remove the entries that have any of these tags; how many there were."""
        wanted = set(tags)
        return self._chosen(lambda entry: not wanted.isdisjoint(entry.tags)).freed.entries

    def invalidate_pattern(self, pattern: str, *, namespace: str | None = None) -> int:
        """Remove the keys that a glob matches (`*`, `?`, `[ab]`), in one namespace or in all; how many there were."""
        self._check_open()
        count = self._stack.drop_like(pattern, namespace)
        self._fill()
        return count

    def invalidate_operation(self, operation: str) -> int:
        """Remove the results of an operation: the keys `<operation>:...`; how many there were."""
        literal = "".join(f"\\{sign}" if sign in _WILD else sign for sign in operation)
        return self.invalidate_pattern(f"{literal}:*")

    def invalidate_model(self, model: str) -> int:
        """Remove the entries with the tag `model:<model>`; how many there were."""
        return self.invalidate_tags(f"model:{model}")

    def clear(self, namespace: str | None = None) -> Freed:
        """Remove everything, or a namespace: counts and bytes freed, by level."""
        if namespace is None:
            return self._chosen(lambda entry: True).freed
        return self._chosen(lambda entry: self._stack.name_in(entry.place, namespace) is not None).freed

    def cleanup_expired(self) -> Freed:
        """Remove what is stale, unless it was renewed meanwhile: counts and bytes freed, by level."""
        self._check_open()
        freed = self._stack.drop_stale(self._clock())
        self._fill()
        return freed

    def evict(self, *, to_entries: int | None = None, to_size: int | None = None, policy: str = "") -> Freed:
        """Remove down to a number of entries or of bytes, in the order of a policy (the cache's own by default)."""
        if to_entries is None and to_size is None:
            raise BadRequest("There is no limit to evict to.", "Give to_entries or to_size.")
        if min(limit for limit in (to_entries, to_size) if limit is not None) < 0:
            raise BadRequest("A limit is not negative.", "0 evicts everything.")
        self._check_open()
        ordered = Shelf("", to_entries, policy or self._policy, to_size)
        figured = ((entry.place, figures(entry)) for entry in self._stack.known())
        going = {place for place, _ in ordered.load(figured, self._clock())}
        dropped = self._chosen(lambda entry: entry.place in going)
        for namespace, _key in dropped.places:
            self._meter.happened(namespace, "", Event.EVICTION)
        return dropped.freed

    def compact(self) -> int:
        """Give unused space back, entries untouched; the bytes freed."""
        self._check_open()
        return sum(door.access.compact() for door in self._stack.doors)

    def _chosen(self, chosen: Callable[[Known], bool]) -> Dropped:
        self._check_open()
        dropped = self._stack.drop_chosen(chosen)
        self._fill()
        return dropped

    def _place(self, key: str, namespace: str | None) -> Place:
        raise NotImplementedError

    def _fill(self) -> None:
        raise NotImplementedError

    def _check_open(self) -> None:
        raise NotImplementedError
