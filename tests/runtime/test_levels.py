"""Levels of memory: capacity in entries and bytes, listings that bring what other processes put, threads."""

import threading

from cache_studio.adapters.key_access import Held
from cache_studio.runtime.levels import Shelf, compressed, expanded
from cache_studio.runtime.slots import Slot

Place = tuple[str, str]


def slot_of(size: int = 1, now: float = 0.0, accessed: float | None = None) -> Slot:
    return Slot(Held(b"", now, None, accessed), size)


def places(*keys: str) -> list[Place]:
    return [("", key) for key in keys]


def test_bytes_are_a_limit_too() -> None:
    shelf = Shelf("", None, "lru", max_bytes=100)
    shelf.put(("", "a"), slot_of(60), 0.0)
    assert shelf.put(("", "b"), slot_of(40), 0.0) == []
    assert [place for place, _ in shelf.put(("", "c"), slot_of(30), 0.0)] == places("a")
    assert (len(shelf), shelf.bytes) == (2, 70)


def test_an_entry_larger_than_the_level_goes_alone() -> None:
    shelf = Shelf("", None, "lru", max_bytes=100)
    shelf.put(("", "a"), slot_of(60), 0.0)
    assert [place for place, _ in shelf.put(("", "b"), slot_of(101), 0.0)] == places("b")
    assert list(shelf.slots) == places("a")
    assert [place for place, _ in shelf.put(("", "a"), slot_of(101), 0.0)] == places("a")
    assert (len(shelf), shelf.bytes) == (0, 0)


def test_drops_only_what_was_meant() -> None:
    shelf = Shelf("", None, "lru")
    old, new = slot_of(1), slot_of(2)
    shelf.put(("", "a"), old, 0.0)
    shelf.put(("", "a"), new, 0.0)
    assert shelf.drop(("", "a"), old) is None
    assert shelf.drop(("", "a"), new) is new
    assert shelf.drop(("", "a")) is None


def test_takes_nothing_in_that_is_not_valid_any_more() -> None:
    shelf = Shelf("", None, "lru")
    shelf.put(("", "a"), slot_of(), 0.0, lambda: False)
    assert len(shelf) == 0


def test_a_listing_takes_the_place_of_what_was_known() -> None:
    shelf = Shelf("", 2, "lru")
    shelf.put(("", "gone elsewhere"), slot_of(), 0.0)
    shelf.begin_listing()
    gone = shelf.load([(("", key), slot_of(now=at)) for at, key in enumerate("cab")], 9.0)
    assert [place for place, _ in gone] == places("c")
    assert set(shelf.slots) == set(places("a", "b"))


def test_a_listing_loses_nothing_that_happened_meanwhile() -> None:
    shelf = Shelf("", None, "lru")
    shelf.put(("", "dropped"), slot_of(), 0.0)
    shelf.begin_listing()
    listed = [(("", key), slot_of()) for key in ("dropped", "stays")]
    shelf.put(("", "put"), slot_of(7), 1.0)
    shelf.drop(("", "dropped"))
    shelf.load(listed, 2.0)
    assert set(shelf.slots) == set(places("stays", "put"))
    assert shelf.bytes == 8


def test_a_listing_keeps_accesses_that_only_this_process_knows() -> None:
    shelf = Shelf("", 2, "lru")
    for key in "ab":
        shelf.put(("", key), slot_of(now=1.0), 1.0)
    shelf.slots["", "a"].accessed = 50.0
    shelf.begin_listing()
    shelf.load([(("", "a"), slot_of(now=1.0)), (("", "b"), slot_of(now=2.0))], 60.0)
    assert [place for place, _ in shelf.put(("", "c"), slot_of(), 61.0)] == places("b")


def test_a_listing_comes_in_the_order_of_puts_for_fifo_and_of_accesses_for_lru() -> None:
    listed = [(("", "a"), slot_of(now=1.0, accessed=9.0)), (("", "b"), slot_of(now=2.0, accessed=3.0))]
    for policy, expected in (("fifo", "a"), ("lru", "b")):
        shelf = Shelf("", 1, policy)
        assert [place for place, _ in shelf.load(listed, 10.0)] == places(expected)


def test_what_is_compressed_comes_back_whole() -> None:
    held = Held(b"x" * 5000, 1.0, 2.0, 1.5, 3, ("red",), {"a": 1})
    small = compressed(Slot(held, stored=False))
    assert small.size < 100
    assert expanded(small).held() == held
    assert not expanded(small).stored


def test_threads_leave_a_level_that_adds_up() -> None:
    shelf = Shelf("", 20, "lru")

    def work(name: int) -> None:
        for number in range(500):
            place = ("", str((number * name) % 40))
            shelf.put(place, slot_of(number % 7), float(number))
            shelf.used(place)
            if number % 5 == 0:
                shelf.drop(place)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(shelf) <= 20
    assert shelf.bytes == sum(slot.size for slot in shelf.slots.values())
    assert set(shelf._order._order) == set(shelf.slots)  # type: ignore[attr-defined]
