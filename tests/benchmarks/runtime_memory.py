"""Hits in memory against other caches of one process, and a hundred threads against one. Prints ratios.

Every round asks each peer for the same keys in turn; medians of the rounds are compared. A peer does the same work
where it can: a lock around the dictionaries, an end for every entry where it has one. Ours also counts each hit
exactly, writes the recorder, and looks once a second whether anybody removed something.
"""

import argparse
import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cachetools
import dogpile.cache
from cashews import Cache as Cashews

from cache_studio.runtime import Cache

KEYS = 1_000
VALUE = {"answer": "forty-two", "parts": [1, 2, 3]}


def locked(cache: Any) -> Callable[[str], Any]:
    """Lookups under a lock, as the documentation of cachetools says that threads need it."""
    lock = threading.Lock()

    def get(key: str) -> Any:
        with lock:
            return cache.get(key)

    return get


def in_cashews(keys: list[str], loop: asyncio.AbstractEventLoop) -> tuple[Callable[[str], Any], Any]:
    """Lookups in its cache in memory, and the cache."""
    cache = Cashews()
    cache.setup("mem://")

    async def fill() -> None:
        for key in keys:
            await cache.set(key, VALUE, expire=600)

    loop.run_until_complete(fill())
    return lambda key: _step(cache.get(key)), cache


def _step(answer: Any) -> Any:
    """A coroutine that never waits, run to its end without the cost of a loop: what the peer itself costs."""
    try:
        answer.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("it waited")


def each(get: Callable[[str], Any], keys: list[str], times: int) -> float:
    """Nanoseconds a lookup; every one must be a hit."""
    began = time.perf_counter()
    for _ in range(times):
        for key in keys:
            get(key)
    took = time.perf_counter() - began
    assert get(keys[0]) == VALUE
    return took / (times * len(keys)) * 1e9


def together(get: Callable[[str], Any], keys: list[str], times: int, threads: int) -> float:
    """Lookups a second of so many threads, each asking for all keys so many times."""
    start = threading.Barrier(threads + 1)

    def work() -> None:
        start.wait()
        for _ in range(times):
            for key in keys:
                get(key)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return threads * times * len(keys) / (time.perf_counter() - began)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    rounds, times = (5, 20) if parser.parse_args().quick else (15, 50)
    keys = [f"key-{number}" for number in range(KEYS)]
    with tempfile.TemporaryDirectory() as folder:
        ours = Cache(f"json-directory:{Path(folder) / 'cache'}", ttl=600, memory=10_000)
        lru, ttl = cachetools.LRUCache(10_000), cachetools.TTLCache(10_000, 600)
        region = dogpile.cache.make_region().configure("dogpile.cache.memory", expiration_time=600)
        for key in keys:
            ours.put(key, VALUE)
            lru[key] = ttl[key] = VALUE
            region.set(key, VALUE)
        peers = {
            "cachetools LRUCache + lock": locked(lru),
            "cachetools TTLCache + lock": locked(ttl),
            "dogpile.cache memory": region.get,
        }
        loop = asyncio.new_event_loop()
        peers["cashews mem:// (no loop)"], theirs = in_cashews(keys, loop)
        each(ours.get, keys, 1)
        figures: dict[str, list[float]] = {name: [] for name in ("ours", *peers)}
        for _ in range(rounds):
            for name, get in {"ours": ours.get, **peers}.items():
                figures[name].append(each(get, keys, times))
        own = statistics.median(figures["ours"])
        print(f"{'a hit in memory':<30}{'ns':>8}{'ours / it':>11}")
        for name, found in figures.items():
            print(f"{name:<30}{statistics.median(found):>8.0f}{own / statistics.median(found):>11.2f}")
        one = [together(ours.get, keys, 10 * times, 1) for _ in range(rounds)]
        many = [together(ours.get, keys, max(1, times // 10), 100) for _ in range(rounds)]
        share = statistics.median(many) / statistics.median(one)
        print(f"100 threads on one cache: {share:.0%} of the lookups a second of one thread (goal 80 %)")
        loop.run_until_complete(theirs.close())
        loop.close()
        ours.close()


if __name__ == "__main__":
    main()
