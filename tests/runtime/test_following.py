"""What a running cache keeps of its accesses and learns from them, where it was asked to."""

import threading
import time
from pathlib import Path

import pytest
from patience import PATIENCE

from cache_studio.model.errors import BadRequest
from cache_studio.recording.access_log import Op, Result, read_accesses
from cache_studio.recording.places import accesses_path
from cache_studio.runtime import Cache


def asked_regularly(cache: Cache, clock, key: str, seconds: float, times: int) -> None:
    for _ in range(times):
        cache.get(key)
        clock.advance(seconds)


def test_every_access_is_in_the_log(tmp_path: Path, clock) -> None:
    with Cache(f"json-directory:{tmp_path}/cache", ttl=60, memory=10, access_log=True, clock=clock) as cache:
        cache.get("a")
        cache.put("a", [1, 2])
        cache.get("a")
        cache.get("a")
        clock.advance(61)
        cache.get("a")
        cache.invalidate("a")
    rows = list(read_accesses(accesses_path(f"{tmp_path}/cache")))
    assert [(row.op, row.result) for row in rows] == [
        (Op.GET, Result.MISS),
        (Op.PUT, Result.NONE),
        (Op.GET, Result.HIT),
        (Op.GET, Result.HIT),
        (Op.GET, Result.EXPIRED),
        (Op.DELETE, Result.NONE),
    ]
    assert {row.key for row in rows} == {"a"}
    assert (rows[1].size, rows[1].ttl) == (6, 60)


def test_keys_are_hashed_on_request_and_nothing_is_logged_otherwise(tmp_path: Path) -> None:
    with Cache(f"json-file:{tmp_path}/plain.json") as cache:
        cache.get("secret")
    with Cache(f"json-file:{tmp_path}/hashed.json", access_log=True, hash_keys=True) as cache:
        cache.get("secret")
    assert not accesses_path(f"{tmp_path}/plain.json").exists()
    assert b"secret" not in accesses_path(f"{tmp_path}/hashed.json").read_bytes()
    assert [len(row.key) for row in read_accesses(accesses_path(f"{tmp_path}/hashed.json"))] == [16]


def test_a_cache_without_a_file_has_no_log() -> None:
    with pytest.raises(BadRequest, match="beside a file"):
        Cache("memory:x", access_log=True, recorder=False)


def test_the_report_knows_what_is_asked_for_regularly(tmp_path: Path, clock) -> None:
    with Cache(f"multi-level:{tmp_path}", learning=True, clock=clock) as cache:
        cache.put("often", 1)
        asked_regularly(cache, clock, "often", 1200, 5)
        cache.get("once")
        report = cache.report()
        assert report.tracked_patterns == 2
        assert report.expected == pytest.approx({("", "often"): clock()})
        assert report.time_saved == 5 * 2.0  # systems.md: 2 s where nobody said or measured it
        assert report.efficiency_score == pytest.approx(500 / 6)


def test_what_is_asked_for_regularly_is_loaded_before(tmp_path: Path, clock) -> None:
    loaded = threading.Event()

    def load(key: str) -> str:
        loaded.set()
        return f"made of {key}"

    with Cache(f"multi-level:{tmp_path}", ttl=600, prefetch=load, clock=clock) as cache:
        asked_regularly(cache, clock, "often", 1200, 4)
        clock.advance(-150)  # half of the TTL before the next access, and a little nearer
        assert cache.get("other") is None
        deadline = time.monotonic() + PATIENCE
        while not loaded.wait(0.05) and time.monotonic() < deadline:
            cache.get("other")
        assert loaded.is_set()
        hits = cache.stats().counted.hits
        while cache.peek(("", "often")) != "made of often":
            assert time.monotonic() < deadline
        assert cache.stats().counted.hits == hits  # nothing of this is a lookup
