"""A cache in memory that stores an expiry for each entry, whose every step a test decides."""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from typing import ClassVar

import numpy as np

from cache_studio.adapters.base import NOT_RECOGNISED, Adapter, Format, SetsExpiry
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import Batch, ScanEnd, make_batch
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Payload
from cache_studio.model.seeing import Renewal, Renewed, Seen
from cache_studio.model.targets import Target
from cache_studio.services.attachment import Place


class Cache:
    """Key to expiry; `written` rises with every write of the application, and is what a stamp is made of."""

    def __init__(self, expires: Mapping[str, float]) -> None:
        self.expires = dict(expires)
        self.written = dict.fromkeys(expires, 0)
        self.whole_seconds = False
        self.returns = ""
        self.can_look_up = True
        self.scans = 0
        self.before_set: Callable[[int], None] = lambda number: None
        """Called before each entry is changed, with how many were."""
        self.changed = 0

    def store(self, key: str, expires: float) -> None:
        """As the application does."""
        self.expires[key] = expires
        self.written[key] = self.written.get(key, 0) + 1

    def remove(self, key: str) -> None:
        """As the application does."""
        del self.expires[key], self.written[key]


class ExpiringAdapter(Adapter, SetsExpiry):
    """An adapter over such a cache."""

    caches: ClassVar[dict[str, Cache]] = {}
    batch_size = 2

    def __init__(self, cache: Cache, writable: bool) -> None:
        self.cache = cache
        self.returns_entries = cache.returns
        self.capabilities = Capabilities.of([Ability.READ, Ability.SET_EXPIRY])
        if not writable:
            self.capabilities = self.capabilities.without([Ability.SET_EXPIRY], "Attached read-only.")

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "ExpiringAdapter":
        return cls(cls.caches[target.location], writable)

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        self.cache.scans += 1
        yield self._batch(list(self.cache.expires))
        return ScanEnd()

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        if not self.cache.can_look_up:
            return super().lookup(keys, namespace)
        return self._batch([key for key in keys if key in self.cache.expires])

    def _batch(self, keys: Sequence[str]) -> Batch:
        stamps = [self._stamp(key) for key in keys]
        return make_batch(keys, keys, stamps, expires=[self.cache.expires[key] for key in keys])

    def _stamp(self, key: str) -> tuple[int, int, int]:
        return (self.cache.written[key], int(np.float64(self.cache.expires[key]).view(np.int64)), 0)

    def set_expiry(self, entries: Sequence[Seen], expires: Sequence[float]) -> list[Renewal]:
        self.capabilities.require(Ability.SET_EXPIRY)
        answers = []
        for entry, moment in zip(entries, expires, strict=True):
            key = str(entry.id)
            self.cache.before_set(self.cache.changed)
            if key not in self.cache.expires:
                answers.append(Renewal(entry.id, Renewed.GONE))
            elif self._stamp(key) != tuple(entry.stamp):
                answers.append(Renewal(entry.id, Renewed.CHANGED))
            else:
                stored = float(np.ceil(moment)) if self.cache.whole_seconds else moment
                self.cache.expires[key] = stored
                self.cache.changed += 1
                answers.append(Renewal(entry.id, Renewed.SET, stored))
        return answers

    def read(self, entry_id: object, max_bytes: int | None = None) -> Payload:
        return Payload(())

    def watched(self) -> tuple[tuple[str, bool], ...]:
        return (("/nowhere", False),)

    def close(self) -> None:
        """Nothing is held."""


FORMAT = Format("expiring", "For tests", (), lambda sight: NOT_RECOGNISED, "expiring:ExpiringAdapter")


def place_of(cache: Cache, name: str, *, writable: bool = True) -> Place:
    """A place whose adapter works on this cache."""
    ExpiringAdapter.caches[name] = cache
    return Place(name, Target(name, "expiring"), FORMAT, writable, sample_every=float("inf"))
