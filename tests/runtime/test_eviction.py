"""Each policy evicts what a look at every entry would choose."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache_studio.adapters.key_access import Held
from cache_studio.insights.score import intelligent_score
from cache_studio.model.errors import BadRequest
from cache_studio.runtime.eviction import SAMPLE, Intelligent, new_order
from cache_studio.runtime.levels import Shelf
from cache_studio.runtime.slots import Slot

KEYS = st.integers(0, 7)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.integers(1, 2000), st.sampled_from([0.0, 5.0, 50.0, math.inf])),
        st.tuples(st.just("use"), KEYS, st.just(0), st.just(0.0)),
        st.tuples(st.just("drop"), KEYS, st.just(0), st.just(0.0)),
    ),
    max_size=60,
)


def slot_of(now: float, size: int = 1, life: float = math.inf) -> Slot:
    return Slot(Held(b"", now, None if life == math.inf else now + life, now), size)


def place_of(key: object) -> tuple[str, str]:
    return "", str(key)


class Entries:
    """What a level holds, by brute force: each entry with its order of put and of use."""

    def __init__(self) -> None:
        self.slots: dict[tuple[str, str], Slot] = {}
        self.put_at: dict[tuple[str, str], int] = {}
        self.used_at: dict[tuple[str, str], int] = {}

    def chosen(self, policy: str, now: float) -> tuple[str, str]:
        return min(self.slots, key=lambda place: self.rank(policy, place, now))

    def rank(self, policy: str, place: tuple[str, str], now: float) -> tuple[float, ...]:
        slot, put, used = self.slots[place], self.put_at[place], self.used_at[place]
        ranks: dict[str, tuple[float, ...]] = {
            "lru": (used,),
            "fifo": (put,),
            "lfu": (slot.hits, slot.accessed),
            "size": (-slot.size, put),
            "ttl": (0, slot.expires, put) if slot.expires <= now else (1, used),
            "intelligent": (intelligent_score(now - slot.accessed, slot.hits + 1, now - slot.created, slot.size),),
        }
        return ranks[policy]


@pytest.mark.parametrize("policy", ["lru", "lfu", "fifo", "ttl", "size", "intelligent"])
@given(steps=STEPS, capacity=st.integers(1, 5))
@settings(max_examples=60, deadline=None, database=None)
def test_evicts_what_a_look_at_all_would_choose(policy: str, steps, capacity) -> None:
    shelf, model, now = Shelf("", capacity, policy), Entries(), 1_800_000_000.0
    for number, (step, key, size, life) in enumerate(steps):
        now += 1
        place = place_of(key)
        if step == "put":
            model.slots.pop(place, None)
            gone = [model.chosen(policy, now)] if len(model.slots) >= capacity else []
            for old in gone:
                del model.slots[old]
            slot = model.slots[place] = slot_of(now, size, life)
            model.put_at[place] = model.used_at[place] = number
            assert [old for old, _ in shelf.put(place, slot, now)] == gone
        elif step == "use" and place in model.slots:
            model.slots[place].hits += 1
            model.slots[place].accessed = now
            model.used_at[place] = number
            shelf.used(place)
        elif step == "drop":
            assert (shelf.drop(place) is not None) == (model.slots.pop(place, None) is not None)
        assert set(shelf.slots) == set(model.slots)
        assert shelf.bytes == sum(slot.size for slot in model.slots.values())


@pytest.mark.parametrize("policy", ["lru", "lfu", "fifo", "ttl", "size", "intelligent"])
def test_what_was_just_put_stays(policy: str) -> None:
    """Also under LFU, where it is the one with the fewest hits."""
    shelf = Shelf("", 2, policy)
    for number in range(5):
        shelf.put(place_of(number), slot_of(100.0 + number, 1 + number), 100.0 + number)
        for place in shelf.slots:
            shelf.slots[place].hits += 3
            shelf.used(place)
        assert place_of(number) in shelf.slots


def test_a_tie_of_lfu_goes_to_the_least_recently_used() -> None:
    shelf = Shelf("", 3, "lfu")
    for number in range(3):
        shelf.put(place_of(number), slot_of(100.0), 100.0)
    for now, number in enumerate((1, 0, 2), 200):
        shelf.slots[place_of(number)].hits += 1
        shelf.slots[place_of(number)].accessed = float(now)
        shelf.used(place_of(number))
    assert [place for place, _ in shelf.put(place_of(9), slot_of(300.0), 300.0)] == [place_of(1)]


def test_fifo_does_not_care_for_lookups_and_a_new_put_counts_anew() -> None:
    shelf = Shelf("", 2, "fifo")
    shelf.put(place_of("a"), slot_of(1.0), 1.0)
    shelf.put(place_of("b"), slot_of(2.0), 2.0)
    shelf.used(place_of("a"))
    assert [place for place, _ in shelf.put(place_of("c"), slot_of(3.0), 3.0)] == [place_of("a")]
    shelf.put(place_of("b"), slot_of(4.0), 4.0)
    assert [place for place, _ in shelf.put(place_of("d"), slot_of(5.0), 5.0)] == [place_of("c")]


def test_a_ttl_of_0_goes_first_under_ttl() -> None:
    shelf = Shelf("", 2, "ttl")
    shelf.put(place_of("a"), slot_of(1.0), 1.0)
    shelf.put(place_of("b"), slot_of(2.0, life=0.0), 2.0)
    assert [place for place, _ in shelf.put(place_of("c"), slot_of(2.0), 2.0)] == [place_of("b")]


def test_a_big_level_of_intelligent_evicts_among_the_lowest() -> None:
    """The expectation is one in SAMPLE; one in four is what chance does not reach in a hundred evictions."""
    order = Intelligent()
    sizes = {place_of(number): number * 64 for number in range(40 * SAMPLE)}
    for place, size in sizes.items():
        order.added(place, slot_of(0.0, size))
    ranks = []
    for _ in range(100):
        chosen = order.next(10.0)
        ranks.append(sum(size > sizes[chosen] for size in sizes.values()) / len(sizes))
        order.removed(chosen)
        del sizes[chosen]
    assert max(ranks) < 0.4
    assert sum(ranks) / len(ranks) < 2 / SAMPLE


def test_a_heap_does_not_grow_with_what_is_gone() -> None:
    shelf = Shelf("", 10, "lfu")
    for number in range(5_000):
        shelf.put(place_of(number % 20), slot_of(float(number)), float(number))
    assert len(shelf._order._heap) < 200  # type: ignore[attr-defined]


def test_an_empty_order_has_nothing_to_evict() -> None:
    for policy in ("lru", "lfu", "fifo", "ttl", "size", "intelligent"):
        with pytest.raises(KeyError):
            new_order(policy).next(0.0)


def test_a_policy_that_there_is_not() -> None:
    with pytest.raises(BadRequest, match="random"):
        new_order("random")
