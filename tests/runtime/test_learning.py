"""What a cache learns: bounded, from any thread; and loads ahead of the access that it expects, once."""

import math
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from patience import PATIENCE

from cache_studio.adapters.key_access import Place
from cache_studio.insights.prediction import likely_keys
from cache_studio.runtime import Cache, learning
from cache_studio.runtime.learning import Patterns, Prefetcher, efficiency
from cache_studio.runtime.strategies import Loader

FORK = multiprocessing.get_context("fork")
HOUR = 3600.0
KEY = ("", "key")


class Refillable:
    """A cache as the prefetcher sees it; `ends` is what is stored, by place."""

    def __init__(self, ttl: float | None, clock: Callable[[], float]) -> None:
        self.ttl = ttl
        self.ends: dict[Place, float] = {}
        self.loaded: list[tuple[Place, float]] = []
        self.asked: list[Place] = []
        self._clock = clock

    def expires_at(self, place: Place) -> float | None:
        self.asked.append(place)
        return self.ends.get(place)

    def load_anew(self, place: Place, loader: Loader) -> None:
        loader(place[1])
        self.loaded.append((place, self._clock()))
        self.ends[place] = math.inf if self.ttl is None else self._clock() + self.ttl


@pytest.fixture
def patterns() -> Patterns:
    return Patterns()


@pytest.fixture
def start(patterns: Patterns, clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Prefetcher]]:
    """Start prefetchers that look at their clock all the time; they are stopped at the end."""
    monkeypatch.setattr(learning, "REST_SECONDS", 0.001)
    monkeypatch.setattr(learning, "LOOK_SECONDS", 0.005)
    started: list[Prefetcher] = []

    def begin(cache: learning.Refilled, loader: Loader = str.upper) -> Prefetcher:
        started.append(Prefetcher(cache, loader, patterns, clock))
        return started[-1]

    yield begin
    for prefetcher in started:
        prefetcher.stop()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def ask(patterns: Patterns, clock, *pauses: float, place: Place = KEY) -> None:
    """Ask for it now, and again after each pause."""
    patterns.note(place, clock())
    for pause in pauses:
        clock.advance(pause)
        patterns.note(place, clock())


def settled(prefetcher: Prefetcher, patterns: Patterns, clock) -> None:
    """Everything that is due now was looked at: a key of its own comes through behind it."""
    probe = ("", f"probe {len(patterns.known(clock()))}")
    for back in (20.0, 10.0, 0.0):
        patterns.note(probe, clock() - back)
    wait_until(lambda: probe in prefetcher._looked)


def test_expects_what_is_asked_for_regularly(patterns: Patterns, clock) -> None:
    start = clock()
    ask(patterns, clock, HOUR, HOUR, place=("ai", "hourly"))
    patterns.note(("", "once"), clock())
    assert patterns.expected(clock()) == {("ai", "hourly"): start + 3 * HOUR}
    assert patterns.tracked(clock()) == 2
    assert list(patterns.predicted(clock())) == []
    assert list(patterns.predicted(clock() + HOUR - 300)) == [("ai", "hourly")]
    assert patterns.expected(clock() + HOUR + 1) == {}
    assert patterns.tracked(clock() + 25 * HOUR) == 0


def test_both_rules_can_be_asked_and_tested(patterns: Patterns, clock) -> None:
    ask(patterns, clock, *[900.0] * 60)
    assert list(patterns.predicted(clock() + 600, likely_keys)) == [KEY]
    found = patterns.back_test(clock())
    assert found.trustworthy
    assert found.precision == 1.0


def test_keeps_so_many_keys_and_accesses_and_forgets_the_idlest(clock) -> None:
    patterns = Patterns(keys=20, accesses=5)
    for number in range(100):
        patterns.note(("", f"key {number}"), clock())
        patterns.note(KEY, clock())
        clock.advance(1)
    known = patterns.known(clock())
    assert len(known) <= 21
    assert ("", "key 99") in known
    assert ("", "key 0") not in known
    assert len(known[KEY]) == 5


def test_threads_lose_no_access(clock) -> None:
    patterns = Patterns(accesses=10_000)
    places = [("", str(number)) for number in range(50)]
    start = threading.Barrier(4)

    def note() -> None:
        start.wait()
        for _ in range(20):
            for place in places:
                patterns.note(place, clock())

    threads = [threading.Thread(target=note) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {place: len(times) for place, times in patterns.known(clock()).items()} == dict.fromkeys(places, 80)


def test_a_clock_that_goes_back_spoils_nothing(patterns: Patterns, clock) -> None:
    start = clock()
    ask(patterns, clock, HOUR, HOUR)
    clock.advance(-HOUR / 2)
    patterns.note(KEY, clock())
    assert patterns.times(KEY) == [start, start + HOUR, start + 1.5 * HOUR, start + 2 * HOUR]
    assert patterns.expected(clock()) == {KEY: start + 2.25 * HOUR}  # without the access that is yet to come


def test_loads_what_is_absent_less_than_ten_minutes_before_it_is_expected(patterns, clock, start) -> None:
    cache = Refillable(None, clock)
    prefetcher = start(cache)
    ask(patterns, clock, HOUR, HOUR)
    settled(prefetcher, patterns, clock)
    clock.advance(HOUR - 601)
    settled(prefetcher, patterns, clock)
    assert KEY not in cache.asked
    clock.advance(3)
    wait_until(lambda: (KEY, clock()) in cache.loaded)


def test_loads_what_will_be_stale_by_then_and_leaves_the_rest(patterns, clock, start) -> None:
    cache = Refillable(12 * HOUR, clock)
    prefetcher = start(cache)
    stays, ends = ("", "stays"), ("", "ends")
    for pause in (HOUR, HOUR, 0.0):
        patterns.note(stays, clock())
        patterns.note(ends, clock())
        clock.advance(pause)
    cache.ends = {stays: clock() + HOUR + 1, ends: clock() + HOUR}
    clock.advance(HOUR - 500)
    wait_until(lambda: (ends, clock()) in cache.loaded)
    settled(prefetcher, patterns, clock)
    assert stays in cache.asked
    assert stays not in [place for place, _ in cache.loaded]


def test_what_lives_shortly_is_loaded_so_late_that_it_is_still_there(patterns, clock, start) -> None:
    cache = Refillable(120.0, clock)
    prefetcher = start(cache)
    ask(patterns, clock, HOUR, HOUR)
    clock.advance(HOUR - 61)
    settled(prefetcher, patterns, clock)
    assert KEY not in cache.asked
    clock.advance(2)
    wait_until(lambda: KEY in cache.ends)
    assert cache.ends[KEY] > clock() + 59


def test_a_key_that_nobody_asks_for_any_more_is_loaded_once(patterns, clock, start) -> None:
    cache = Refillable(300.0, clock)
    prefetcher = start(cache)
    ask(patterns, clock, HOUR, HOUR)
    clock.advance(HOUR - 100)
    wait_until(lambda: KEY in cache.ends)
    for _ in range(5):
        clock.advance(HOUR)
        settled(prefetcher, patterns, clock)
    assert cache.asked.count(KEY) == 1


def test_a_key_that_is_asked_for_all_the_time_is_looked_at_now_and_then(
    patterns, clock, start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "LOOK_SECONDS", 60.0)
    cache = Refillable(None, clock)
    prefetcher = start(cache)
    cache.ends[KEY] = math.inf
    ask(patterns, clock, 1.0, 1.0)
    settled(prefetcher, patterns, clock)
    for _ in range(10):
        ask(patterns, clock, *[1.0] * 10)
        settled(prefetcher, patterns, clock)
    assert 2 <= cache.asked.count(KEY) <= 3


def test_a_loader_that_raises_is_logged_and_the_others_are_loaded(
    patterns, clock, start, expect_log: Callable[[str], None]
) -> None:
    expect_log("“bad” was not loaded ahead")
    cache = Refillable(None, clock)

    def load(key: str) -> str:
        if key == "bad":
            raise ConnectionError("away")
        return key

    start(cache, load)
    for pause in (HOUR, HOUR, HOUR - 60):
        patterns.note(("", "bad"), clock())
        patterns.note(("", "good"), clock())
        clock.advance(pause)
    wait_until(lambda: [place for place, _ in cache.loaded] == [("", "good")])


def test_stop_waits_for_the_loader_and_ends_the_thread(patterns, clock, start) -> None:
    begun, go = threading.Event(), threading.Event()

    def load(key: str) -> str:
        begun.set()
        assert go.wait(20)
        return key

    cache = Refillable(None, clock)
    prefetcher = start(cache, load)
    ask(patterns, clock, 60.0, 60.0)
    assert begun.wait(20)
    stopping = threading.Thread(target=prefetcher.stop)
    stopping.start()
    go.set()
    stopping.join(20)
    assert [place for place, _ in cache.loaded] == [KEY]
    assert "cache-studio prefetch" not in [thread.name for thread in threading.enumerate()]
    ask(patterns, clock, 60.0, 60.0, place=("", "after"))
    assert "cache-studio prefetch" not in [thread.name for thread in threading.enumerate()]


def test_a_loader_may_stop_the_prefetcher(patterns, clock, start) -> None:
    cache = Refillable(None, clock)
    prefetcher = start(cache, lambda key: prefetcher.stop())
    ask(patterns, clock, 60.0, 60.0)
    wait_until(lambda: bool(cache.loaded))
    prefetcher.stop()


def test_entries_that_live_no_time_are_not_loaded(patterns, clock, start) -> None:
    prefetcher = start(Refillable(0.0, clock))
    ask(patterns, clock, 60.0, 60.0)
    assert prefetcher._thread is None


def test_a_forked_child_has_a_thread_of_its_own(patterns, clock, start) -> None:
    cache = Refillable(None, clock)
    prefetcher = start(cache)
    ask(patterns, clock, 60.0, 60.0)
    wait_until(lambda: bool(cache.loaded))
    child = FORK.Process(target=_load_in_child, args=(prefetcher, patterns, cache, clock))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    child.close()


def _load_in_child(prefetcher: Prefetcher, patterns: Patterns, cache: Refillable, clock) -> None:
    patterns.begin_in_child()
    prefetcher.begin_in_child()
    ask(patterns, clock, 60.0, 60.0, place=("", "child"))
    wait_until(lambda: ("", "child") in cache.ends)
    prefetcher.stop()


class LearningCache(Cache):
    """A cache with the two calls that a prefetcher needs."""

    def expires_at(self, place: Place) -> float | None:
        slot = self._stack.find(place, self._clock()).slot
        return None if slot is None else slot.expires

    def load_anew(self, place: Place, loader: Loader) -> None:
        self.put(place[1], partial(loader, place[1])(), namespace=place[0])


def test_a_cache_is_filled_before_it_is_asked(patterns, clock, start) -> None:
    with LearningCache("memory:learning", ttl=HOUR / 2, recorder=False, clock=clock) as cache:
        prefetcher = start(cache)
        for _ in range(3):
            assert cache.get("key") is None
            patterns.note(KEY, clock())
            clock.advance(HOUR)
        clock.advance(-60)
        wait_until(lambda: len(cache) == 1)
        assert cache.get("key") == "KEY"
        assert cache.stats().counted.hits == 1
        prefetcher.stop()


def test_the_efficiency_report(patterns, clock) -> None:
    with Cache("memory:efficiency", recorder=False, clock=clock) as cache:
        cache.put("key", 1)
        for _ in range(3):
            cache.get("key")
            patterns.note(KEY, clock())
            clock.advance(HOUR)
        cache.get("absent")
        patterns.note(("", "absent"), clock())
        report = efficiency(cache.stats(), patterns, clock())
        assert (report.tracked_patterns, report.time_saved, report.seconds_per_miss) == (2, 6.0, 2.0)
        assert report.efficiency_score == 75.0
        assert report.expected == {KEY: clock()}
        assert report.statistics.counted.hits == 3
    with Cache("memory:efficiency", recorder=False, seconds_per_miss=8.0) as cache:
        cache.put("key", 1)
        cache.get("key")
        assert efficiency(cache.stats(), patterns, clock()).time_saved == 8.0
