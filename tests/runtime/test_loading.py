"""One loader at a time for a key, in threads and in processes; who waits gets its answer or its error."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import PATIENCE

from cache_studio.model.errors import BadRequest, CacheStudioError, LoadFailed
from cache_studio.runtime import Cache

ROOT = Path(__file__).parents[2]


def in_threads(count: int, work: Callable[[], object]) -> list[object]:
    """What each thread answered or raised."""
    answers: list[object] = []

    def run() -> None:
        try:
            answers.append(work())
        except Exception as error:
            answers.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    return answers


@pytest.fixture(params=["memory:loading", "multi-level:{}/cache"])
def cache(request, tmp_path):
    with Cache(request.param.format(tmp_path), ttl=60, recorder=False) as cache:
        yield cache


def waited_for(cache: Cache, count: int) -> None:
    """Until so many threads wait for loads that are under way."""
    deadline = time.monotonic() + PATIENCE
    while len(cache._loads._flights._waiting) < count:
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


def test_a_hundred_threads_run_one_loader(cache: Cache) -> None:
    calls = []

    def load() -> int:
        calls.append(1)
        waited_for(cache, 99)
        return 7

    assert in_threads(100, lambda: cache.get_or_load("a", load)) == [7] * 100
    assert len(calls) == 1
    assert cache.stats().counted.misses == 100
    assert cache.get_or_load("a", load) == 7


def test_all_who_wait_get_the_error_and_nothing_is_cached(cache: Cache) -> None:
    def fail() -> None:
        waited_for(cache, 4)
        raise RuntimeError("no")

    assert [str(answer) for answer in in_threads(5, lambda: cache.get_or_load("a", fail))] == ["no"] * 5
    assert cache.get("a") is None
    assert cache.get_or_load("a", lambda: 8) == 8


def test_who_waits_for_a_loader_that_is_broken_off_is_told(cache: Cache) -> None:
    class BrokenOff(BaseException):
        pass

    def load() -> None:
        waited_for(cache, 1)
        raise BrokenOff

    def ask() -> object:
        try:
            return cache.get_or_load("a", load)
        except BrokenOff:
            return "broken off"

    answers = in_threads(2, ask)
    assert sum(answer == "broken off" for answer in answers) == 1
    assert sum(isinstance(answer, LoadFailed) for answer in answers) == 1


def test_a_loader_that_asks_for_its_own_key_is_refused(cache: Cache) -> None:
    with pytest.raises(BadRequest, match="own key"):
        cache.get_or_load("a", lambda: cache.get_or_load("a", lambda: 1))
    assert cache.get("a") is None


def test_a_loader_may_ask_for_other_keys(cache: Cache) -> None:
    assert cache.get_or_load("a", lambda: cache.get_or_load("b", lambda: 1) + 1) == 2


def test_threads_whose_loaders_wait_for_each_other_are_told(cache: Cache) -> None:
    both = threading.Barrier(2, timeout=PATIENCE)
    keys = iter((("a", "b"), ("b", "a")))

    def ask() -> object:
        mine, other = next(keys)

        def load() -> object:
            both.wait()
            return cache.get_or_load(other, lambda: 1)

        return cache.get_or_load(mine, load)

    answers = in_threads(2, ask)
    assert all(isinstance(answer, BadRequest) for answer in answers)


def test_what_cannot_be_stored_is_a_named_error(cache: Cache) -> None:
    with pytest.raises(BadRequest):
        cache.get_or_load("a", object)
    assert cache.get("a") is None


def test_nothing_of_a_load_stays_behind(cache: Cache) -> None:
    in_threads(10, lambda: cache.get_or_load("a", lambda: 1))
    flights = cache._loads._flights
    assert (flights._flights, flights._waiting) == ({}, {})


def test_a_full_disk_costs_the_entry_not_the_value(tmp_path, monkeypatch, expect_log) -> None:
    expect_log("not cached")
    with Cache(f"multi-level:{tmp_path}/cache", ttl=60, recorder=False) as cache:

        def refuse(*_: object) -> None:
            from cache_studio.model.errors import CacheUnavailable

            raise CacheUnavailable("The disk is full.")

        monkeypatch.setattr(cache._stack.doors[0].access, "put", refuse)
        assert cache.get_or_load("a", lambda: 7) == 7


# Processes --------------------------------------------------------------------------------------------------------

LOADING = """
import sys, time
from cache_studio.runtime import Cache
target, behaviour = sys.argv[1:]
def load():
    print("loading", flush=True)
    sys.stdin.readline()
    if behaviour == "fails":
        raise RuntimeError("the model is away")
    return "theirs"
with Cache(target, ttl=60, recorder=False) as cache:
    try:
        print("got", cache.get_or_load("a", load), flush=True)
    except RuntimeError as error:
        print("raised", error, flush=True)
"""


@pytest.fixture
def loading(redis_url):
    """Another process that loads the key and goes on at a word."""
    started: list[subprocess.Popen[str]] = []

    def start(behaviour: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", LOADING, f"{redis_url}?format=redis-response&prefix=app:cache:", behaviour]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "loading\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.mark.redis
@pytest.mark.parametrize("behaviour", ["loads", "fails"])
def test_another_process_waits_and_gets_the_answer_or_the_error(redis_url, loading, behaviour) -> None:
    other = loading(behaviour)
    with Cache(f"{redis_url}?format=redis-response&prefix=app:cache:", ttl=60, recorder=False) as cache:
        ran: list[str] = []
        asked: list[object] = []

        def ask() -> None:
            try:
                asked.append(cache.get_or_load("a", lambda: ran.append("ours")))
            except CacheStudioError as error:
                asked.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        other.stdin.write("go\n")
        other.stdin.flush()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert ran == []
    if behaviour == "loads":
        assert asked == ["theirs"]
        assert other.stdout.readline() == "got theirs\n"
    else:
        assert isinstance(asked[0], LoadFailed)
        assert "the model is away" in asked[0].message
