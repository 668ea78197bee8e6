"""The recorder of a cache in Redis: what the runtime counts is what the studio reads, whatever the server does."""

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from patience import PATIENCE
from servers import RedisServer, free_port

from cache_studio.adapters.registry import get_format
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target
from cache_studio.recording.meter import Meter
from cache_studio.recording.reader import Recorded
from cache_studio.runtime import Cache
from cache_studio.runtime import recorders as recorders_module
from cache_studio.runtime.recorders import InRedis, open_recorder

pytestmark = pytest.mark.redis
FORMATS = ("redis", "redis-response")


@pytest.fixture
def own_server(redis_server: RedisServer) -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def target_of(url: str, name: str = "redis") -> str:
    return f"{url}?format={name}&prefix=app:cache:"


class Counting:
    """A recorder on a server with the meter that it writes."""

    def __init__(self, url: str) -> None:
        self.meter = Meter()
        recorder = open_recorder(parse_target(target_of(url)), get_format("redis"), self.meter)
        assert isinstance(recorder, InRedis)
        self.flush, self.close = recorder.flush, recorder.close

    def looked_up(self, hit: bool) -> None:
        self.meter.count("", "", hit)


def in_redis(url: str) -> Counting:
    return Counting(url)


def recorded(url: str, name: str = "redis") -> Recorded | None:
    target, format = parse_target(target_of(url, name)), get_format(name)
    adapter = format.adapter_class().open(target, read_options(format.options, target.options), writable=False)
    try:
        return adapter.recorded(time.time())
    finally:
        adapter.close()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


@pytest.mark.parametrize("name", FORMATS)
def test_counts_to_the_last_lookup(redis_url: str, name: str) -> None:
    with Cache(target_of(redis_url, name), ttl=60, capacity=10) as cache:
        for number in range(20):
            cache.put(str(number), {"content": number})
        for number in range(30):
            cache.get(str(number))
    found = recorded(redis_url, name)
    assert found is not None
    totals = found.totals
    assert (totals.hits, totals.misses, totals.evictions, totals.puts) == (10, 20, 10, 20)
    assert found.fills["redis"].entries == 10
    assert found.pids == ()


def test_is_written_by_itself_and_on_flush(redis_url: str) -> None:
    with Cache(target_of(redis_url)) as cache:
        cache.get("a")
        cache.flush()
        assert recorded(redis_url).totals.misses == 1
        cache.get("a")
        wait_for(lambda: recorded(redis_url).totals.misses == 2)
        assert recorded(redis_url).pids == (os.getpid(),)


def test_threads_lose_nothing(redis_url: str) -> None:
    recorder = in_redis(redis_url)

    def count() -> None:
        for number in range(500):
            recorder.looked_up(True)
            if number % 50 == 0:
                recorder.flush()

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    recorder.close()
    assert recorded(redis_url).totals.hits == 1500


def test_a_dead_server_disturbs_nobody_and_loses_nothing(own_server: RedisServer, monkeypatch) -> None:
    monkeypatch.setattr(recorders_module, "RETRY_SECONDS", 0.1)
    recorder = in_redis(own_server.url)
    recorder.looked_up(True)
    recorder.flush()
    own_server.kill()
    recorder.looked_up(True)
    recorder.flush()
    own_server.start()
    wait_for(lambda: recorded(own_server.url) is not None)
    assert recorded(own_server.url).totals.hits == 1  # the other one went with the server's data
    own_server.kill()
    recorder.looked_up(True)
    recorder.close()


def test_a_server_that_hangs_holds_no_lookup(own_server: RedisServer) -> None:
    recorder = in_redis(own_server.url)
    recorder.looked_up(True)
    recorder.flush()
    own_server.pause()
    flushing = threading.Thread(target=recorder.flush)
    recorder.looked_up(True)
    flushing.start()
    for _ in range(1000):
        recorder.looked_up(False)
    assert flushing.is_alive()  # none of them waited for it
    own_server.resume()
    flushing.join()
    recorder.close()
    assert recorded(own_server.url).totals.misses == 1000


def test_nothing_counted_connects_to_nothing() -> None:
    recorder = open_recorder(
        parse_target(target_of(f"redis://127.0.0.1:{free_port()}/0")), get_format("redis"), Meter()
    )
    recorder.flush()
    recorder.close()
    with Cache(target_of(f"redis://127.0.0.1:{free_port()}/0")) as cache:
        assert cache.get("a") is None


def test_switched_off_counts_nothing(redis_server: RedisServer, redis_url: str) -> None:
    with Cache(target_of(redis_url), recorder=False) as cache:
        cache.get("a")
    assert redis_server.command("DBSIZE") == ":0"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_counts_for_itself(redis_url: str) -> None:
    recorder = in_redis(redis_url)
    recorder.looked_up(True)
    recorder.flush()
    child = os.fork()
    if child == 0:
        recorder.looked_up(True)
        recorder.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    recorder.looked_up(True)
    recorder.close()
    assert recorded(redis_url).totals.hits == 3
