"""Every strategy does what its name says."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import PATIENCE

from cache_studio.model.errors import BadRequest, CacheStudioError
from cache_studio.runtime import Cache, ReadThrough, RefreshAhead, WriteBehind, WriteThrough
from cache_studio.runtime import strategies as strategies_module
from cache_studio.runtime.loading import REFRESHERS

ROOT = Path(__file__).parents[2]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


def opened(tmp_path, strategy=None, **options) -> Cache:
    return Cache(f"multi-level:{tmp_path}/cache", strategy=strategy, recorder=False, **{"ttl": 100, **options})


class Source:
    """Takes values while its gate is open, and refuses as often as it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, object]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.refusals = 0
        self.asked = 0

    def write(self, key: str, value: object) -> None:
        self.asked += 1
        assert self.gate.wait(PATIENCE)
        if self.refusals:
            self.refusals -= 1
            raise OSError("the source is away")
        self.taken.append((key, value))


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def quick_retries(monkeypatch) -> None:
    monkeypatch.setattr(strategies_module, "RETRY_SECONDS", (0.001,))


def test_cache_aside_asks_nobody(tmp_path) -> None:
    with opened(tmp_path) as cache:
        assert cache.get("a", "none") == "none"
        cache.put("a", 1)
        assert cache.get("a") == 1


# Read-through -----------------------------------------------------------------------------------------------------


def test_read_through_loads_a_miss_and_keeps_it(tmp_path, clock) -> None:
    asked = []
    with opened(tmp_path, ReadThrough(lambda key: asked.append(key) or key.upper()), clock=clock) as cache:
        assert [cache.get("a"), cache.get("a"), cache.get("b")] == ["A", "A", "B"]
        clock.advance(101)
        assert cache.get("a") == "A"
        assert asked == ["a", "b", "a"]
        counted = cache.stats().counted
        assert (counted.hits, counted.misses) == (1, 3)


def test_read_through_raises_what_the_loader_raises_and_caches_nothing(tmp_path) -> None:
    def load(key: str) -> None:
        raise LookupError(key)

    with opened(tmp_path, ReadThrough(load)) as cache:
        with pytest.raises(LookupError):
            cache.get("a", "none")
        assert len(cache) == 0


# Write-through ----------------------------------------------------------------------------------------------------


def test_write_through_writes_the_source_first(tmp_path) -> None:
    seen = []
    with opened(tmp_path) as reader:
        with opened(tmp_path, WriteThrough(lambda key, value: seen.append((key, value, reader.get(key))))) as cache:
            cache.put("a", 1)
            cache.put("a", 2)
        assert seen == [("a", 1, None), ("a", 2, 1)]


def test_write_through_caches_nothing_that_the_source_refuses(tmp_path, source) -> None:
    with opened(tmp_path, WriteThrough(source.write)) as cache:
        cache.put("a", 1)
        source.refusals = 1
        with pytest.raises(OSError, match="away"):
            cache.put("a", 2)
        assert cache.get("a") == 1
        with pytest.raises(BadRequest):
            cache.put("a", object())
        assert source.taken == [("a", 1)]


def test_write_through_keeps_no_value_that_is_older_than_the_source(tmp_path, source, monkeypatch) -> None:
    with opened(tmp_path, WriteThrough(source.write), memory=5) as cache:
        cache.put("a", 1)
        access = cache._stack.doors[0].access

        def refuse(*_: object) -> None:
            raise CacheStudioError("The disk is full.")

        monkeypatch.setattr(access, "put", refuse)
        with pytest.raises(CacheStudioError, match="full"):
            cache.put("a", 2)
        assert cache.get("a") is None


# Write-behind -----------------------------------------------------------------------------------------------------


def test_write_behind_puts_at_once_and_writes_soon_in_order(tmp_path, source) -> None:
    source.gate.clear()
    with opened(tmp_path, WriteBehind(source.write)) as cache:
        for key in "abc":
            cache.put(key, key)
        assert [cache.get(key) for key in "abc"] == ["a", "b", "c"]
        assert source.taken == []
        source.gate.set()
        cache.flush()
        assert source.taken == [("a", "a"), ("b", "b"), ("c", "c")]


def test_write_behind_writes_the_last_value_of_a_key(tmp_path, source) -> None:
    source.gate.clear()
    with opened(tmp_path, strategy := WriteBehind(source.write)) as cache:
        cache.put("first", 0)
        wait_for(lambda: source.asked)
        for number in range(10):
            cache.put("a", number)
        cache.put("b", 1)
        assert strategy.waiting == 3
        source.gate.set()
    assert source.taken == [("first", 0), ("a", 9), ("b", 1)]


def test_write_behind_lets_a_put_wait_when_the_queue_is_full(tmp_path, source) -> None:
    source.gate.clear()
    with opened(tmp_path, strategy := WriteBehind(source.write, queue=2)) as cache:
        cache.put("being written", 0)
        wait_for(lambda: source.asked)
        cache.put("a", 1)
        cache.put("b", 2)
        late = threading.Thread(target=cache.put, args=("c", 3))
        late.start()
        late.join(0.1)
        assert late.is_alive()
        cache.put("a", 4)  # what waits already is only replaced
        assert strategy.waiting == 3
        source.gate.set()
        late.join(PATIENCE)
        assert not late.is_alive()
    assert sorted(source.taken) == [("a", 4), ("b", 2), ("being written", 0), ("c", 3)]


def test_write_behind_loses_nothing_on_close(tmp_path, source) -> None:
    with opened(tmp_path, WriteBehind(source.write)) as cache:
        for number in range(50):
            cache.put(str(number), number)
    assert source.taken == [(str(number), number) for number in range(50)]


def test_write_behind_asks_a_source_again_that_refuses(tmp_path, source, quick_retries, expect_log) -> None:
    expect_log("did not take")
    source.refusals = 5
    with opened(tmp_path, WriteBehind(source.write)) as cache:
        cache.put("a", 1)
        cache.put("b", 2)
        cache.flush()
        assert source.taken == [("a", 1), ("b", 2)]


def test_write_behind_says_on_close_what_was_refused(tmp_path, source, quick_retries, expect_log) -> None:
    expect_log("did not take")
    source.refusals = 10**9
    cache = opened(tmp_path, strategy := WriteBehind(source.write))
    for key in "abc":
        cache.put(key, 1)
    flushing = threading.Thread(target=strategy.flush)
    flushing.start()
    with pytest.raises(CacheStudioError, match="3 values"):
        cache.close()
    flushing.join(PATIENCE)
    assert not flushing.is_alive()
    cache.close()
    with pytest.raises(BadRequest, match="closed"):
        cache.put("d", 1)


def test_write_behind_ends_with_a_thread_that_waits_for_room(tmp_path, source) -> None:
    source.gate.clear()
    cache = opened(tmp_path, WriteBehind(source.write, queue=1))
    cache.put("a", 1)
    wait_for(lambda: source.asked)
    cache.put("b", 2)
    raised: list[BaseException] = []

    def put() -> None:
        try:
            cache.put("c", 3)
        except BadRequest as error:
            raised.append(error)

    late = threading.Thread(target=put)
    late.start()
    late.join(0.05)
    closing = threading.Thread(target=cache.close)
    closing.start()
    late.join(PATIENCE)
    source.gate.set()
    closing.join(PATIENCE)
    assert len(raised) == 1
    assert source.taken == [("a", 1), ("b", 2)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_writes_what_it_puts_and_not_what_its_parent_put(tmp_path, source) -> None:
    source.gate.clear()
    with opened(tmp_path, strategy := WriteBehind(source.write)) as cache:
        cache.put("parent", 1)
        wait_for(lambda: source.asked)
        cache.put("parent, waiting", 1)
        child = os.fork()
        if child == 0:
            source.gate.set()
            strategy.write("child", 2)
            strategy.flush()
            os._exit(0 if source.taken == [("child", 2)] else 1)
        assert os.waitpid(child, 0)[1] == 0
        source.gate.set()
    assert source.taken == [("parent", 1), ("parent, waiting", 1)]


WRITING = """
import sys, time
from cache_studio.runtime import Cache, WriteBehind
folder, queue, ending = sys.argv[1], int(sys.argv[2]), sys.argv[3]
source = open(folder + "/source", "a")
def write(key, value):
    if ending == "killed":
        time.sleep(0.005)
    source.write(key + "\\n")
    source.flush()
cache = Cache(f"multi-level:{folder}/cache", strategy=WriteBehind(write, queue=queue), recorder=False)
number = 0
while ending == "killed" or number < 100:
    cache.put(str(number), number)
    print(number, flush=True)
    number += 1
"""


def test_write_behind_loses_at_most_its_queue_when_the_process_is_killed(tmp_path) -> None:
    command = [sys.executable, "-c", WRITING, str(tmp_path), "5", "killed"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if int(line) == 40:
            break
    os.kill(process.pid, signal.SIGKILL)
    put = 40 + len(process.stdout.read().splitlines()) + 1
    process.wait()
    process.stdout.close()
    written = (tmp_path / "source").read_text().splitlines()
    assert written == [str(number) for number in range(len(written))]
    assert put - len(written) <= 5 + 1


def test_write_behind_loses_nothing_when_a_program_ends_that_did_not_close(tmp_path) -> None:
    subprocess.run([sys.executable, "-c", WRITING, str(tmp_path), "5", "ends"], cwd=ROOT, check=True, stdout=-3)
    assert len((tmp_path / "source").read_text().splitlines()) == 100


def test_a_queue_holds_something() -> None:
    with pytest.raises(BadRequest):
        WriteBehind(print, queue=0)


# Refresh-ahead ----------------------------------------------------------------------------------------------------


class Loader:
    """Makes a new value each time, when it is let."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.fails = False

    def __call__(self, key: str) -> str:
        self.calls.append(key)
        assert self.gate.wait(PATIENCE)
        if self.fails:
            raise RuntimeError("no")
        return f"{key}{self.calls.count(key)}"


@pytest.fixture(params=[0, 10], ids=["disk alone", "memory"])
def levels(request) -> dict[str, int]:
    return {"memory": request.param}


def test_refresh_ahead_gives_out_the_old_value_while_the_loader_runs(tmp_path, clock, levels) -> None:
    load = Loader()
    with opened(tmp_path, RefreshAhead(load, share=0.2), clock=clock, **levels) as cache:
        assert cache.get("a") == "a1"
        clock.advance(79)
        assert cache.get("a") == "a1"
        assert load.calls == ["a"]
        clock.advance(2)
        load.gate.clear()
        assert [cache.get("a") for _ in range(5)] == ["a1"] * 5
        wait_for(lambda: len(load.calls) == 2)
        load.gate.set()
        wait_for(lambda: cache.get("a") == "a2")
        clock.advance(79)
        assert cache.get("a") == "a2"
        assert load.calls == ["a", "a"]


def test_refresh_ahead_keeps_the_old_value_when_the_loader_fails(tmp_path, clock, levels, expect_log) -> None:
    expect_log("not loaded anew")
    load = Loader()
    with opened(tmp_path, RefreshAhead(load), clock=clock, **levels) as cache:
        cache.get("a")
        clock.advance(90)
        load.fails = True
        assert cache.get("a") == "a1"
        wait_for(lambda: len(load.calls) >= 2 and not cache._loads._refreshing)
        assert cache.get("a") == "a1"
        clock.advance(11)
        wait_for(lambda: not cache._loads._refreshing)
        load.fails = False
        assert cache.get("a").startswith("a")
        assert cache.get("a") != "a1"


def test_refresh_ahead_asks_for_get_many_too(tmp_path, clock, levels) -> None:
    load = Loader()
    with opened(tmp_path, RefreshAhead(load), clock=clock, **levels) as cache:
        for key in "ab":
            cache.get(key)
        clock.advance(90)
        assert cache.get_many("ab") == {"a": "a1", "b": "b1"}
        wait_for(lambda: cache.get_many("ab") == {"a": "a2", "b": "b2"})


def test_refresh_ahead_has_no_thread_for_each_key(tmp_path, clock, levels) -> None:
    load = Loader()
    with opened(tmp_path, RefreshAhead(load), clock=clock, **levels) as cache:
        keys = [str(number) for number in range(30)]
        for key in keys:
            cache.get(key)
        clock.advance(90)
        before = threading.active_count()
        load.gate.clear()
        for key in keys:
            cache.get(key)
        assert threading.active_count() - before <= REFRESHERS
        load.gate.set()
        wait_for(lambda: len(load.calls) == 60)


def test_refresh_ahead_keeps_tags_and_what_is_not_to_be_stored(tmp_path, clock) -> None:
    with opened(tmp_path, RefreshAhead(Loader()), clock=clock, memory=5) as cache:
        cache.put("a", "old", tags=["red"], persist=False)
        clock.advance(90)
        cache.get("a")
        wait_for(lambda: cache.get("a") == "a1")
        assert cache.stats().levels["disk"].entries == 0
        assert cache.invalidate_tags("red") == 1


def test_closing_while_something_is_loaded_anew(tmp_path, clock) -> None:
    load = Loader()
    cache = opened(tmp_path, RefreshAhead(load), clock=clock)
    cache.get("a")
    clock.advance(90)
    load.gate.clear()
    cache.get("a")
    wait_for(lambda: len(load.calls) == 2)
    closing = threading.Thread(target=cache.close)
    closing.start()
    load.gate.set()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    with opened(tmp_path, clock=clock) as again:
        assert again.get("a") == "a2"


@pytest.mark.parametrize("share", [0, 1, -1, float("nan")])
def test_a_share_is_a_part_of_a_life(share) -> None:
    with pytest.raises(BadRequest):
        RefreshAhead(str, share)
