"""The recorder in Redis: exact sums over living, ended and killed processes, and nothing falsified by looking."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
import redis
from redis_caches import application, attached
from servers import free_port

from cache_studio.adapters.redis_options import Place, place_of
from cache_studio.adapters.redis_recorder import DAY_MS, ENDED_SECONDS, TIDY_SECONDS, RecorderHash
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.targets import parse_target
from cache_studio.recording.counts import Fill, Tally
from cache_studio.recording.reader import Recorded

pytestmark = pytest.mark.redis
PREFIX = "app:cache:"
WHOLE = "app:recorder:cache:whole"
NOW = 1_800_000_000.0


def counted(hits: int, misses: int = 0, namespace: str = "") -> Tally:
    return Tally({(namespace, ""): [float(hits), float(misses), 0.0, 0.0, 0.0, 0.5]})


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with application(redis_url) as client:
        yield client


@pytest.fixture
def place(redis_url: str) -> Place:
    return place_of(parse_target(redis_url), {})


def read(url: str, now: float = NOW) -> Recorded:
    with attached(f"{url}?prefix={PREFIX}") as adapter:
        found = adapter.recorded(now)
    assert found is not None
    return found


def test_nothing_recorded_is_none_not_zero(redis_url: str) -> None:
    with attached(f"{redis_url}?prefix={PREFIX}") as adapter:
        assert adapter.recorded(NOW) is None


def test_processes_are_summed_and_stay_when_they_end(place: Place, redis_url: str) -> None:
    with closing(RecorderHash(place, PREFIX, NOW)) as first, closing(RecorderHash(place, PREFIX, NOW)) as second:
        first.write(counted(3, 1), NOW)
        second.write(counted(4, 2, "grün|\udcff"), NOW)
        both = read(redis_url)
        assert (both.totals.hits, both.totals.misses, both.totals.seconds) == (7, 3, 1.0)
        assert both.namespaces["grün|\udcff"].misses == 2
        assert len(both.pids) == 2
        first.leave()
        left = read(redis_url)
        assert (left.totals, left.epoch, len(left.pids)) == (both.totals, both.epoch, 1)
        second.write(counted(6, 2, "grün|\udcff"), NOW + 1)
        assert read(redis_url).totals.hits == 9


def test_it_lives_for_a_day_outside_the_entries(client: redis.Redis, place: Place, redis_url: str) -> None:
    with closing(RecorderHash(place, PREFIX, NOW)) as recorder:
        recorder.write(counted(1), NOW)
        names = list(client.scan_iter("*"))
        assert len(names) == 2
        assert all(name.startswith(b"app:recorder:cache:") for name in names)
        for name in names:
            client.pexpire(name, 5000)
        recorder.write(counted(2), NOW + 1)
        assert all(client.pttl(name) > DAY_MS - 60_000 for name in names)
        with attached(redis_url) as adapter:
            assert [len(batch) for batch in adapter.scan()] == []


def test_a_hash_that_went_with_its_counts_begins_a_new_epoch(client: redis.Redis, place: Place, redis_url: str) -> None:
    with closing(RecorderHash(place, PREFIX, NOW)) as first, closing(RecorderHash(place, PREFIX, NOW)) as second:
        first.write(counted(5), NOW)
        second.write(counted(2), NOW)
        epoch = read(redis_url).epoch
        client.delete(first._key(first._name))
        lost = read(redis_url)
        assert lost.totals.hits == 2
        assert lost.epoch != epoch
        second.leave()
        second.write(counted(2), NOW + ENDED_SECONDS + 1)
        tidied = read(redis_url, NOW + ENDED_SECONDS + 1)
        assert tidied.totals.hits == 2
        assert tidied.epoch not in (epoch, lost.epoch)
        assert len(client.keys("*")) == 2


def test_a_process_that_slept_too_long_is_folded_and_counts_on(place: Place, redis_url: str) -> None:
    with closing(RecorderHash(place, PREFIX, NOW)) as sleeper, closing(RecorderHash(place, PREFIX, NOW)) as other:
        sleeper.write(counted(5), NOW)
        other.write(counted(1), NOW)
        later = NOW + ENDED_SECONDS + 1
        other.write(counted(1), later)
        before = read(redis_url, later)
        assert (before.totals.hits, len(before.pids)) == (6, 1)
        sleeper.write(counted(8), later)
        after = read(redis_url, later)
        assert (after.totals.hits, after.epoch) == (9, before.epoch)


def test_an_emptied_server_begins_anew(client: redis.Redis, place: Place, redis_url: str) -> None:
    with closing(RecorderHash(place, PREFIX, NOW)) as recorder:
        recorder.write(counted(5), NOW)
        epoch = read(redis_url).epoch
        client.flushdb()
        recorder.write(counted(7), NOW + 1)
        anew = read(redis_url)
    assert anew.totals.hits == 2
    assert anew.epoch != epoch


KILLED = """
import os, sys
from cache_studio.adapters.redis_options import place_of
from cache_studio.adapters.redis_recorder import RecorderHash
from cache_studio.model.targets import parse_target
from cache_studio.recording.counts import Fill, Tally
fills = {"memory": Fill(9, 9), "disk": Fill(3, 30, True, 1.0)}
tally = Tally({("", ""): [4.0, 1.0, 0.0, 0.0, 0.0, 0.0]}, fills)
RecorderHash(place_of(parse_target(sys.argv[1]), {}), "app:cache:", 1.8e9).write(tally, 1.8e9)
os._exit(9)
"""


def test_a_killed_process_counts_and_is_folded_before_it_expires(
    client: redis.Redis, place: Place, redis_url: str
) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, redis_url], check=False).returncode == 9
    killed = read(redis_url)
    assert (killed.totals.hits, killed.pids, set(killed.fills)) == (4, (), {"disk"})
    with closing(RecorderHash(place, PREFIX, NOW)) as recorder:
        recorder.write(counted(1), NOW)
        assert len(client.keys("*")) == 2
        folded = read(redis_url)
        assert (folded.totals.hits, folded.epoch) == (5, killed.epoch)
        assert folded.fills["disk"] == Fill(3, 30, True, 1.0)


def test_looking_is_not_counted_and_counting_looks_nothing_up(
    client: redis.Redis, place: Place, redis_url: str
) -> None:
    with closing(RecorderHash(place, PREFIX, NOW)) as recorder, attached(f"{redis_url}?prefix={PREFIX}") as adapter:
        recorder.write(counted(1), NOW)
        before = client.info("stats")
        recorder.write(counted(2), NOW + 1)
        after = client.info("stats")
        assert (before["keyspace_hits"], before["keyspace_misses"]) == (
            after["keyspace_hits"],
            after["keyspace_misses"],
        )
        server = adapter.counters()
        assert adapter.recorded(NOW).totals.hits == 2
        assert adapter.counters() == server
        client.set(WHOLE, "something else")
        assert adapter.recorded(NOW) is None
        assert adapter.counters() == server


def test_what_cannot_be_written_is_a_sentence_and_is_written_later(client: redis.Redis, place: Place) -> None:
    client.set(WHOLE, "something else")
    with closing(RecorderHash(place, PREFIX, NOW)) as recorder:
        for _ in range(3):
            with pytest.raises(CacheUnavailable):
                recorder.write(counted(1), NOW)
        assert len(client.keys("app:*")) == 2
        client.delete(WHOLE)
        recorder.write(counted(1), NOW + TIDY_SECONDS + 1)
        assert client.hlen(WHOLE) == 3
    with (
        closing(RecorderHash(place_of(parse_target(f"redis://127.0.0.1:{free_port()}/0"), {}), PREFIX, NOW)) as nowhere,
        pytest.raises(CacheUnavailable),
    ):
        nowhere.write(counted(1), NOW)
