"""In which order a full level lets its entries go, kept up as they come, are used and go.

No policy looks at every entry for an eviction. LRU and FIFO keep an order; LFU, TTL and size keep a heap
whose outdated parts are sorted out when they come up, which is exact, since a count and a last use only
grow. The score of "intelligent" changes with the clock for every entry at its own pace, so no order can be
kept: the lowest of SAMPLE entries goes, exact up to that many, and above among the lowest 1/SAMPLE on average.
`used` is called by lookups without a lock, so it does nothing that two threads could spoil.
"""

import heapq
import itertools
import random
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable

from cache_studio.adapters.key_access import Place
from cache_studio.insights.score import intelligent_score
from cache_studio.model.errors import BadRequest
from cache_studio.runtime.slots import Slot

SAMPLE = 24
"""How many entries "intelligent" compares."""


class Order(ABC):
    """Which entry goes next. All but `used` are called under the level's lock."""

    @abstractmethod
    def added(self, place: Place, slot: Slot) -> None:
        """A new entry, or a new one in the place of an old one that was `removed`."""

    @abstractmethod
    def removed(self, place: Place) -> None:
        """It is there no more."""

    @abstractmethod
    def next(self, now: float) -> Place:
        """Which goes now; it stays until it is `removed`. KeyError when there is none."""

    def used(self, place: Place) -> None:
        """A lookup found it. Default: the policy does not care."""
        return None

    def since(self, slot: Slot) -> float:
        """By what entries that come all at once are ordered, the first to go first. Default: the last access."""
        return slot.accessed


class Fifo(Order):
    """The oldest put goes."""

    def __init__(self) -> None:
        self._order: OrderedDict[Place, Slot] = OrderedDict()

    def added(self, place: Place, slot: Slot) -> None:
        """It goes last."""
        self._order[place] = slot

    def removed(self, place: Place) -> None:
        """Forgotten."""
        self._order.pop(place, None)

    def next(self, now: float) -> Place:
        """The first."""
        while True:
            try:
                for place in self._order:
                    return place
                raise KeyError
            except RuntimeError:
                continue  # a lookup moved one in the same moment

    def since(self, slot: Slot) -> float:
        """The put."""
        return slot.created


class Lru(Fifo):
    """The least recently used goes."""

    def used(self, place: Place) -> None:
        """It goes last; one call of C code, so two threads cannot spoil the order."""
        try:
            self._order.move_to_end(place)
        except KeyError:
            return  # another thread removed it meanwhile

    def since(self, slot: Slot) -> float:
        """The last access."""
        return slot.accessed


class _Heap(Order):
    """The lowest by a key that only grows while an entry stays; outdated parts are renewed when they come up."""

    def __init__(self) -> None:
        self._heap: list[tuple[tuple[float, ...], int, Place]] = []
        self._slots: dict[Place, tuple[int, Slot]] = {}
        self._numbers = itertools.count()

    @abstractmethod
    def key(self, slot: Slot) -> tuple[float, ...]:
        """Lowest goes first."""

    def added(self, place: Place, slot: Slot) -> None:
        """Pushed."""
        number = next(self._numbers)
        self._slots[place] = (number, slot)
        heapq.heappush(self._heap, (self.key(slot), number, place))
        if len(self._heap) > 2 * len(self._slots) + 64:
            self._heap = [(self.key(held), count, known) for known, (count, held) in self._slots.items()]
            heapq.heapify(self._heap)

    def removed(self, place: Place) -> None:
        """Its part of the heap is dropped when it comes up."""
        self._slots.pop(place, None)

    def next(self, now: float) -> Place:
        """The lowest whose key is still true."""
        heap = self._heap
        while heap:
            key, number, place = heap[0]
            found = self._slots.get(place)
            if found is None or found[0] != number:
                heapq.heappop(heap)
            elif (present := self.key(found[1])) > key:
                heapq.heapreplace(heap, (present, number, place))
            else:
                return place
        raise KeyError


class Lfu(_Heap):
    """The fewest hits go first, ties the least recently used."""

    def key(self, slot: Slot) -> tuple[float, ...]:
        """Hits, last access."""
        return slot.hits, slot.accessed


class Size(_Heap):
    """The largest goes."""

    def key(self, slot: Slot) -> tuple[float, ...]:
        """Size, the largest first."""
        return (-slot.size,)


class _ByExpiry(_Heap):
    def key(self, slot: Slot) -> tuple[float, ...]:
        return (slot.expires,)


class Ttl(Order):
    """The first expired goes, else the least recently used."""

    def __init__(self) -> None:
        self._recent, self._expiry = Lru(), _ByExpiry()
        self._expires: dict[Place, float] = {}
        self.used = self._recent.used  # type: ignore[method-assign]  # one call less in every lookup

    def added(self, place: Place, slot: Slot) -> None:
        """In both orders."""
        self._recent.added(place, slot)
        self._expiry.added(place, slot)
        self._expires[place] = slot.expires

    def removed(self, place: Place) -> None:
        """From both orders."""
        self._recent.removed(place)
        self._expiry.removed(place)
        self._expires.pop(place, None)

    def next(self, now: float) -> Place:
        """The one that expired first, if one has."""
        first = self._expiry.next(now)
        return first if self._expires[first] <= now else self._recent.next(now)


class Intelligent(Order):
    """The lowest score of systems.md (S3) among SAMPLE entries goes."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._slots: dict[Place, tuple[int, Slot]] = {}
        self._chance = random.Random(0)

    def added(self, place: Place, slot: Slot) -> None:
        """At the end of the list that samples are taken from."""
        self._slots[place] = (len(self._places), slot)
        self._places.append(place)

    def removed(self, place: Place) -> None:
        """The last of the list takes its seat."""
        found = self._slots.pop(place, None)
        if found is None:
            return
        last = self._places.pop()
        if last != place:
            self._places[found[0]] = last
            self._slots[last] = (found[0], self._slots[last][1])

    def next(self, now: float) -> Place:
        """The lowest of a sample; of all, where there are no more."""
        if not self._places:
            raise KeyError
        sample = self._places if len(self._places) <= SAMPLE else self._chance.sample(self._places, SAMPLE)
        return min(sample, key=lambda place: self._score(place, now))

    def _score(self, place: Place, now: float) -> float:
        slot = self._slots[place][1]
        idle, age = max(0.0, now - slot.accessed), max(0.0, now - slot.created)
        return intelligent_score(idle, slot.hits + 1, age, slot.size)  # the put is the first access


_ORDERS: dict[str, Callable[[], Order]] = {
    "lru": Lru,
    "lfu": Lfu,
    "fifo": Fifo,
    "ttl": Ttl,
    "size": Size,
    "intelligent": Intelligent,
}


def check_policy(policy: str) -> None:
    """BadRequest for a name that there is not."""
    if policy not in _ORDERS:
        raise BadRequest(f"There is no policy “{policy}”.", "Policies: " + ", ".join(_ORDERS) + ".")


def new_order(policy: str) -> Order:
    """An empty order of this policy; BadRequest for a name that there is not."""
    check_policy(policy)
    return _ORDERS[policy]()
