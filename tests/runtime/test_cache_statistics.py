"""The figures are what was done, to the last hit: in the process and read from outside."""

import pytest

from cache_studio.adapters.registry import get_format
from cache_studio.recording.places import recorder_path
from cache_studio.recording.reader import read_recorder
from cache_studio.runtime import Cache


def recorded_of(location, format, now):
    """What the recorder of a cache says, found from outside."""
    return read_recorder(recorder_path(get_format(format).home(location)), now)


@pytest.fixture
def worked(tmp_path, clock):
    """A cache of three levels after a workload that is written down here."""
    target = f"multi-level:{tmp_path}/cache"
    with Cache(target, ttl=100, clock=clock) as cache:
        cache.put("old", "x", namespace="one")
    with Cache(target, ttl=100, memory=2, compressed=2, capacity=4, clock=clock, seconds_per_miss=2) as cache:
        cache.get("old", namespace="one")  # disk; comes up
        cache.get("old", namespace="one")  # memory
        cache.get("none", namespace="one")  # miss
        for key in "abc":
            clock.advance(1)
            cache.put(key, key * 50, namespace="two")  # memory then holds b and c, and so does what is compressed
        cache.get_many(["c", "a", "z"], namespace="two")  # memory, disk, miss
        cache.get("a", namespace="two")  # memory
        cache.put("d", "d", namespace="two")  # the fifth on the disk: "old" goes, used least recently there
        cache.get("b", namespace="two")  # disk
        clock.advance(200)
        cache.get("a", namespace="two")  # expired
        cache.get_first("c", lambda: ["d"], namespace="two")  # two expired entries, one lookup
        cache.get_or_load("e", lambda: "e", namespace="two")  # miss, put
        cache.get("e", namespace="two")  # memory
        yield cache


def test_lookups_are_what_was_asked(worked) -> None:
    counted = worked.stats().counted
    assert (counted.hits, counted.misses, counted.expirations, counted.puts) == (7, 5, 2, 5)
    assert counted.total_requests == 12
    assert counted.hit_rate == 7 / 12
    assert counted.evictions == 1
    assert 0 < counted.mean_lookup_seconds < 1


def test_namespaces_add_up(worked) -> None:
    namespaces = worked.stats().namespaces
    figures = {name: (of.counted.hits, of.counted.misses, of.counted.puts) for name, of in namespaces.items()}
    assert figures == {"one": (2, 1, 0), "two": (5, 4, 5)}
    assert (namespaces["one"].entries, namespaces["two"].entries) == (0, 2)


def test_levels_say_who_answered(worked) -> None:
    levels = worked.stats().levels
    hits = {name: level.counted.hits for name, level in levels.items()}
    assert hits == {"memory": 4, "compressed": 0, "disk": 3}
    assert sum(hits.values()) == worked.stats().counted.hits
    assert (levels["memory"].capacity, levels["disk"].capacity) == (2, 4)
    assert levels["disk"].entries == 2


def test_the_recorder_says_the_same(worked, tmp_path, clock) -> None:
    worked.flush()
    stats = worked.stats()
    recorded = recorded_of(f"{tmp_path}/cache", "multi-level", clock())
    first = 1  # the put before this cache was opened
    totals = recorded.totals
    assert (totals.hits, totals.misses, totals.puts - first) == (7, 5, 5)
    assert (totals.expirations, totals.evictions) == (2, 1)
    assert {name: level.hits for name, level in recorded.levels.items()} == {
        name: level.counted.hits for name, level in stats.levels.items()
    }
    assert {name: (of.hits, of.misses) for name, of in recorded.namespaces.items()} == {
        name: (of.counted.hits, of.counted.misses) for name, of in stats.namespaces.items()
    }
    for name, fill in recorded.fills.items():
        assert fill.entries == stats.levels[name].entries


def test_what_is_derived(worked) -> None:
    stats = worked.stats()
    assert stats.seconds_per_miss_source == "measured"
    assert stats.time_saved == 7 * stats.seconds_per_miss
    assert stats.efficiency_score == pytest.approx(700 / 12)
    assert stats.target_met is False  # 60 %
    assert (stats.entries, stats.stale) == (2, 1)
    assert stats.as_dict()["target_met"] is False
    assert stats.disk_usage == stats.levels["disk"].size > 0
    assert stats.memory_usage == stats.levels["memory"].size + stats.levels["compressed"].size


def test_nothing_is_known_without_lookups(clock) -> None:
    with Cache("memory:figures", clock=clock, recorder=False, seconds_per_miss=2) as cache:
        stats = cache.stats()
        assert stats.counted.hit_rate is stats.target_met is stats.efficiency_score is stats.disk_usage is None
        assert stats.seconds_per_miss_source == "given"
        cache.put("a", 1)
        cache.get("a")
        assert cache.stats().time_saved == 2


def test_memory_is_recorded_as_it_fills_by_lookups_alone(tmp_path, clock) -> None:
    target = f"json-directory:{tmp_path}/cache"
    with Cache(target, clock=clock) as cache:
        cache.put("a", 1)
    with Cache(target, memory=5, clock=clock) as cache:
        cache.get("a")
        cache.flush()
        assert recorded_of(f"{tmp_path}/cache", "json-directory", clock()).fills["memory"].entries == 1


def test_an_entry_counts_as_evicted_when_the_last_level_lets_it_go(clock) -> None:
    with Cache("memory:levels", memory=3, compressed=1, clock=clock, recorder=False) as cache:
        for key in "abcde":
            clock.advance(1)
            cache.put(key, key)
        stats = cache.stats()
        gone = 5 - stats.entries
        assert stats.counted.evictions == gone > 0
        assert stats.levels["memory"].counted.evictions == 2
        assert stats.levels["compressed"].counted.evictions == 4
