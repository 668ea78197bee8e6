"""The runtime's doors to Redis against bare redis-py on the same server. Prints ratios; run it by its name.

Rounds are interleaved (bare, ours, bare, ours...) and medians compared, so that a machine that slows down in the
middle slows both. Bare means what an application would write: `Redis.get`, `Redis.set(px=)`, `SCAN` with a
pipelined `UNLINK`, a pipelined `MGET`, and for the response cache the same without its twins.
"""

import argparse
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import redis
from servers import RedisServer

from cache_studio.adapters.key_access import Held, KeyAccess
from cache_studio.adapters.registry import get_format
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target

LIFE_MS = 3_600_000
MANY = 1_000
THREADS = 100


@dataclass(frozen=True)
class Job:
    """One comparison; `prepare` is not measured, `goal` is the ratio that is aimed at."""

    name: str
    goal: float
    calls: int
    bare: Callable[[], object]
    ours: Callable[[], object]
    prepare: Callable[[], object] = lambda: None


def open_door(name: str, url: str) -> KeyAccess:
    """The door to a prefix of its own."""
    target, found = parse_target(f"{url}?prefix={name}:cache:"), get_format(name)
    return found.access_class().open(target, read_options(found.options, target.options))


def bare_removal(client: redis.Redis, pattern: str) -> int:
    """SCAN and, page by page, a pipelined UNLINK."""
    cursor, count = 0, 0
    while True:
        cursor, names = client.scan(cursor, match=pattern, count=1000)
        with client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.unlink(name)
            count += sum(pipeline.execute())
        if not cursor:
            return count


def bare_many(client: redis.Redis, names: list[str]) -> list[object]:
    """MGET and what is left of each life, in one pipeline."""
    with client.pipeline(transaction=False) as pipeline:
        pipeline.mget(names)
        for name in names:
            pipeline.pttl(name)
        return list(pipeline.execute())


def jobs(client: redis.Redis, name: str, access: KeyAccess, value: bytes) -> Iterator[Job]:
    """What is compared for one door."""
    key, head = "a" * 64, f"{name}:cache:"
    keys = [f"{number:064x}" for number in range(MANY)]
    now = time.time()
    held = Held(value, now, now + LIFE_MS / 1000)
    access.put(key, held)

    def fill(prefix: str) -> None:
        for one in keys:
            client.set(prefix + one, value, px=LIFE_MS)

    def fill_both() -> None:
        fill("bare:")
        for one in keys:
            access.put(one, held)

    fill_both()
    yield Job("get", 1.3, 1, lambda: client.get(head + key), lambda: access.get(key))
    yield Job("put", 1.3, 1, lambda: client.set(head + key, value, px=LIFE_MS), lambda: access.put(key, held))
    yield Job(
        f"get {MANY:,} at once",
        2.0,
        MANY,
        lambda: bare_many(client, ["bare:" + one for one in keys]),
        lambda: access.get_many(keys),
    )
    yield Job(
        f"invalidate {MANY:,} by pattern",
        2.0,
        MANY,
        lambda: bare_removal(client, "bare:0*"),
        lambda: access.delete_like("0*"),
        fill_both,
    )


def measured(work: Callable[[], object], seconds: float) -> float:
    """Microseconds a call, from as many calls as fit in."""
    count, began = 0, time.perf_counter()
    while True:
        work()
        count += 1
        took = time.perf_counter() - began
        if took > seconds:
            return took / count * 1e6


def compare(job: Job, rounds: int) -> str:
    """One line: medians and their ratio."""
    bare: list[float] = []
    ours: list[float] = []
    job.bare()
    job.ours()
    for _ in range(rounds):
        for work, found in ((job.bare, bare), (job.ours, ours)):
            job.prepare()
            found.append(measured(work, 0.0 if job.calls > 1 else 0.05))
    ratio = statistics.median(ours) / statistics.median(bare)
    mark = " " if ratio <= job.goal else "!"
    return (
        f"{job.name:<30}{statistics.median(bare):>11.1f}{statistics.median(ours):>11.1f}"
        f"{ratio:>8.2f}{mark}{job.goal:>5.1f}"
    )


def throughput(work: Callable[[], object], threads: int, calls: int) -> float:
    """Calls a second of so many threads together."""
    start = threading.Barrier(threads + 1)

    def run() -> None:
        start.wait()
        for _ in range(calls // threads):
            work()

    workers = [threading.Thread(target=run) for _ in range(threads)]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return calls // threads * threads / (time.perf_counter() - began)


def together(client: redis.Redis, access: KeyAccess, name: str, rounds: int) -> str:
    """What is left of the throughput of one thread when many share a door, beside the same of the bare driver."""
    access.put("key", Held(b"{}", time.time()))
    works = {"bare": lambda: client.get(f"{name}:cache:key"), "ours": lambda: access.get("key")}
    shares: dict[str, list[float]] = {who: [] for who in works}
    for _ in range(rounds):
        for who, work in works.items():
            shares[who].append(throughput(work, THREADS, 2000) / throughput(work, 1, 2000))
    told = ", ".join(f"{who} {statistics.median(found):.0%}" for who, found in shares.items())
    return f"get, {THREADS} threads together, of the throughput of one: {told}"


def main() -> None:
    """Measure both doors and print one line a job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--size", type=int, default=5000, help="bytes of a value")
    chosen = parser.parse_args()
    value = b'{"content": "' + b"x" * (chosen.size - 15) + b'"}'
    with RedisServer() as server, redis.Redis(port=server.port) as client:
        for name in ("redis", "redis-response"):
            print(f"{name:<30}{'bare, us':>11}{'ours, us':>11}{'ratio':>8}{'goal':>6}")
            with closing(open_door(name, server.url)) as access:
                for job in jobs(client, name, access, value):
                    print(compare(job, chosen.rounds), flush=True)
                print(together(client, access, name, chosen.rounds) + "\n", flush=True)


if __name__ == "__main__":
    main()
