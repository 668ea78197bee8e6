"""Redis: how long a command of ours holds a large server, and how long we wait for one that is frozen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, TypeAlias

import redis
from loops.races import Racing
from promises import Promise, Size
from servers import RedisServer, find_redis_server

from cache_studio.adapters.redis_adapter import RedisAdapter
from cache_studio.adapters.registry import get_format
from cache_studio.model.columns import Batch
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate, Seen
from cache_studio.model.targets import parse_target
from cache_studio.services.undoing import UNDO_BATCH

LONGEST_MS = 20.0
TRIES = 4
NEVER = (float("inf"), "")
SLACK = 1.0
"""Seconds above the stated time that a busy machine may take to tell us of it."""
FROZEN_TRIES = 3
"""A machine that stands still makes one call late, and not the same one three times."""
FrozenCall: TypeAlias = Callable[[RedisAdapter, list[Seen]], object]
OUR_NAME = b"cache-studio"
"""What our connections call themselves; the loop's own commands do not count."""


def promises(size: Size) -> Iterator[Promise]:
    """Two rows; none where there is no redis-server."""
    if find_redis_server() is None:
        return
    yield _holding(size)
    yield _frozen(size)


# How long a command takes -----------------------------------------------------------------------------------------


class Slowest:
    """Runs parts of our work and asks the server how long each command, or transaction, held it.

    A machine that does something else for a moment lengthens any command. So each part is done again where something
    took too long, and of each of its steps the shortest time counts: what is really slow is slow every time.
    """

    def __init__(self, client: redis.Redis[bytes]) -> None:
        self._client = client
        self.found: dict[str, tuple[float, str]] = {}
        """Milliseconds and name of the longest step, by the part of the work."""
        client.config_set("slowlog-log-slower-than", 0)
        client.config_set("slowlog-max-len", 1_000_000)

    def measure(self, part: str, work: Callable[[], object], again: Callable[[], object] = lambda: None) -> None:
        """Do `work`, which takes the same steps each time; `again` makes it possible once more."""
        best: list[tuple[float, str]] = []
        for number in range(TRIES):
            if number:
                again()
            self._client.slowlog_reset()
            work()
            steps = self._steps()
            best = [min(pair) for pair in zip_longest(best or steps, steps, fillvalue=NEVER)]
            self.found[part] = max(best)
            if self.found[part][0] <= LONGEST_MS:
                return

    def _steps(self) -> list[tuple[float, str]]:
        """Our commands in their order; a transaction is one, with the sum of what is in it."""
        entries: list[Any] = self._client.execute_command("SLOWLOG", "GET", "-1")
        steps: list[tuple[float, str]] = []
        for _number, _at, usec, words, _address, name in reversed(entries):
            if name != OUR_NAME:
                continue
            word = words[0].decode().upper()
            if steps and steps[-1][1].startswith("MULTI") and word != "MULTI":
                together = steps[-1][1] if word in steps[-1][1] else f"{steps[-1][1]} {word}"
                steps[-1] = (steps[-1][0] + usec / 1000, together)
            else:
                steps.append((usec / 1000, word))
        return steps or [(0.0, "nothing")]


def _holding(size: Size) -> Promise:
    keys = size.of(100_000, 1_000_000)
    with RedisServer() as server, redis.Redis.from_url(server.url, protocol=2, socket_timeout=60) as client:
        _fill(client, keys)
        slowest = Slowest(client)
        with _opened(f"{server.url}?timeout=30s") as adapter:
            slowest.measure("listing", lambda: sum(len(batch) for batch in adapter.scan()))
            slowest.measure("stats", lambda: _look_at_figures(adapter))
            slowest.measure("reading", lambda: _read(adapter))
            _act(slowest, adapter, size.of(2_000, 10_000))
        ordinary = dict(slowest.found)
        _act_on_large(slowest, server, client)
    worst = max(ordinary.values())
    parts = ", ".join(f"{part} {took:.1f} ms" for part, (took, _command) in ordinary.items())
    return Promise(
        "No Redis command of ours takes over 20 ms",
        f"{keys:,} keys: {parts}",
        worst[0] <= LONGEST_MS,
        "\n".join(f"{part}: {took:.2f} ms, {command}" for part, (took, command) in slowest.found.items()),
        timed=True,
    )


_FILLING = """
for number = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local name = string.format('app:%d:%08d', number % 10, number)
  local value = string.rep('v', number % 1000 == 0 and 20000 or 100)
  if number % 2 == 0 then redis.call('SET', name, value) else redis.call('SET', name, value, 'PX', 9000000) end
end
"""


def _fill(client: redis.Redis[bytes], keys: int) -> None:
    """Small values, some larger ones, half with a TTL; large collections of somebody else beside them."""
    for start in range(0, keys, 10_000):
        client.eval(_FILLING, 0, start, min(start + 10_000, keys) - 1)
    client.setrange("app:large:string", 32 << 20, b"end")
    for start in range(0, 200_000, 10_000):
        names = [f"member {number}" for number in range(start, start + 10_000)]
        client.sadd("app:large:set", *names)
        client.rpush("app:large:list", *names)
        client.hset("app:large:hash", mapping=dict.fromkeys(names, "value"))
        client.zadd("app:large:zset", dict.fromkeys(names, float(start)))


@contextmanager
def _opened(url: str) -> Iterator[RedisAdapter]:
    target, known = parse_target(url), get_format("redis")
    adapter = known.adapter_class().open(target, read_options(known.options, target.options), writable=True)
    assert isinstance(adapter, RedisAdapter)
    try:
        yield adapter
    finally:
        adapter.close()


def _look_at_figures(adapter: RedisAdapter) -> None:
    for _turn in range(5):
        adapter.counters(), adapter.measure(), adapter.details(), adapter.recorded(time.time()), adapter.compactable()


def _read(adapter: RedisAdapter) -> None:
    for kind in ("string", "set", "list", "hash", "zset"):
        adapter.read(f"app:large:{kind}", max_bytes=1_000_000)
    adapter.lookup([f"app:{number % 10}:{number:08}" for number in range(0, 50_000, 50)])
    for number in range(0, 50_000, 250):
        adapter.read(f"app:{number % 10}:{number:08}")


def _act(slowest: Slowest, adapter: RedisAdapter, count: int) -> None:
    """Remove some thousand entries and bring them back, in the batches of an action."""
    ids = [f"app:{number % 10}:{number:08}" for number in range(count)]
    keep = Racing(None)

    def purge() -> None:
        keep.taken.clear()
        for start in range(0, count, adapter.batch_size):
            batch = adapter.lookup(ids[start : start + adapter.batch_size])
            removed = adapter.remove(_seen(batch), keep)
            assert {removal.fate for removal in removed} == {Fate.REMOVED}

    def undo() -> None:
        for start in range(0, count, UNDO_BATCH):
            adapter.restore(keep.taken[start : start + UNDO_BATCH], keep)

    slowest.measure("purge", purge, undo)
    slowest.measure("undo", undo, purge)


def _seen(batch: Batch) -> list[Seen]:
    stamps = [tuple(int(part) for part in stamp) for stamp in batch.stamps]
    return [Seen(entry_id, stamp) for entry_id, stamp in zip(batch.ids, stamps, strict=True)]


def _act_on_large(slowest: Slowest, server: RedisServer, client: redis.Redis[bytes]) -> None:
    """What is not promised, but printed: a copy of one large entry is one command of the server."""
    with _opened(f"{server.url}?prefix=app:large:&timeout=30s") as adapter:
        for kind in ("string", "hash"):
            seen = _seen(adapter.lookup([f"app:large:{kind}"]))
            keep = Racing(None)

            def remove(seen: list[Seen] = seen, keep: Racing = keep) -> None:
                adapter.remove(seen, keep)

            def bring_back(keep: Racing = keep) -> None:
                adapter.restore(keep.taken[:1], keep)

            megabytes = (client.memory_usage(f"app:large:{kind}") or 0) / 1_000_000
            slowest.measure(f"not promised: removing a {kind} of {megabytes:.0f} MB", remove, bring_back)


# A frozen server ----------------------------------------------------------------------------------------------------


def _frozen(size: Size) -> Promise:
    """Each call to a server that was stopped ends within the time that is stated (the option `timeout`)."""
    stated = float(size.of(1, 5))
    took: dict[str, float] = {}
    wrong: list[str] = []
    with RedisServer() as server, redis.Redis.from_url(server.url, protocol=2) as client:
        client.mset({f"k:{number}": f"value {number}" for number in range(500)})
        url = f"{server.url}?timeout={stated:g}s"
        for name, call in _calls(url).items():
            with _opened(url) as adapter:
                for _ in range(FROZEN_TRIES):
                    took[name], complaint = _ended(server, adapter, call)
                    if took[name] <= stated + SLACK:
                        break
                else:
                    complaint = complaint or f"took {took[name]:.1f} s"
                if complaint:
                    wrong.append(f"{name}: {complaint}")
                if adapter.read("k:2").pieces[0].data != b"value 2":
                    wrong.append(f"after {name} an answer was mixed up")
        if client.dbsize() != 500:
            wrong.append(f"{client.dbsize()} of 500 keys are left")
    return Promise(
        "A frozen Redis is an error within the stated time",
        f"{len(took)} kinds of call, {stated:g} s stated: the longest {max(took.values()):.1f} s, {len(wrong)} wrong",
        not wrong,
        "\n".join([", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items()), *wrong]),
    )


def _ended(server: RedisServer, adapter: RedisAdapter, call: FrozenCall) -> tuple[float, str]:
    """Seconds until a call to the stopped server ended, and what was wrong about how it ended."""
    seen = _seen(adapter.lookup(["k:1"]))
    server.pause()
    began = time.monotonic()
    complaint = "did not fail"
    try:
        call(adapter, seen)
    except CacheStudioError as error:
        is_said = "does not answer" in error.message and "frozen" in error.hint
        complaint = "" if is_said else f"{error.message} {error.hint}"
    took = time.monotonic() - began
    server.resume()
    return took, complaint


def _calls(url: str) -> dict[str, FrozenCall]:
    def attach(_adapter: RedisAdapter, _seen: list[Seen]) -> None:
        with _opened(url):
            pass

    def scan(adapter: RedisAdapter, _seen: list[Seen]) -> None:
        walk = adapter.scan()
        while True:
            try:
                next(walk)
            except StopIteration as end:
                if end.value.complete:
                    return
                # A listing ends with its reason, not with an error.
                raise CacheStudioError(end.value.reason, "frozen") from None

    return {
        "attach": attach,
        "scan": scan,
        "lookup": lambda adapter, _seen: adapter.lookup(["k:1"]),
        "read": lambda adapter, _seen: adapter.read("k:1"),
        "remove": lambda adapter, seen: adapter.remove(seen, Racing(None)),
        "remove without undo": lambda adapter, seen: adapter.remove(seen, None),
        "counters": lambda adapter, _seen: adapter.counters(),
        "measure": lambda adapter, _seen: adapter.measure(),
        "details": lambda adapter, _seen: adapter.details(),
        "recorded": lambda adapter, _seen: adapter.recorded(time.time()),
        "compact": lambda adapter, _seen: adapter.compact(),
    }
