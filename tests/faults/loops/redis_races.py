"""Redis: the application writes at the worst moment of a removal, and the server dies in the middle of one."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from loops.races import Racing
from promises import Promise, Size, workplace
from servers import RedisServer, find_redis_server

from cache_studio.adapters.redis_adapter import RedisAdapter
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.registry import get_format
from cache_studio.config.paths import HOME_VARIABLE
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate, Seen
from cache_studio.model.targets import parse_target
from cache_studio.services import act, plans
from cache_studio.services.studio import Studio, sentence

LISTED, COPIED, LAST = "between list and removal", "after the copy", "between the last look and the removal"
PATIENCE = 60.0
BATCH = 60
"""Entries: a batch takes two exchanges, and the server dies at one of the first fifteen."""
TTL_MS = 900_000
Write = Callable[["redis.Redis[bytes]", str], object]
WRITES: Mapping[str, Write] = {
    "another value of its length": lambda client, key: client.set(key, os.urandom(32), px=TTL_MS),
    "another value for ever": lambda client, key: client.set(key, os.urandom(32)),
    "a longer value": lambda client, key: client.set(key, os.urandom(500), px=TTL_MS),
    "something appended": lambda client, key: client.append(key, os.urandom(8)),
    "one bit": lambda client, key: client.setbit(key, 7, 1 - client.getbit(key, 7)),
    "another type": lambda client, key: (client.delete(key), client.hset(key, "field", os.urandom(32))),
    "another expiry": lambda client, key: client.pexpire(key, TTL_MS * 2),
    "no expiry": lambda client, key: client.persist(key),
}
"""What the application does to the key meanwhile."""


def promises(size: Size) -> Iterator[Promise]:
    """Two rows; none where there is no redis-server."""
    if find_redis_server() is None:
        return
    yield _races(size)
    with workplace() as folder:
        yield _deaths(size, folder)


# Races ----------------------------------------------------------------------------------------------------------


def _races(size: Size) -> Promise:
    chance, wrong = size.chance("redis races"), []
    how_many = size.of(200, 2000)
    moments: Counter[str] = Counter()
    trashed = 0
    with RedisServer() as server, redis.Redis.from_url(server.url, protocol=2) as client:
        client.execute_command("ACL", "SETUSER", "noscripts", "on", ">x", "~*", "&*", "+@all", "-@scripting")
        plain, watching = server.url, server.url.replace("://", "://noscripts:x@")
        with _opened(plain) as with_scripts, _opened(watching) as without:
            for number in range(how_many):
                adapter = chance.choice((with_scripts, without))
                # A script is one moment for the server; only between WATCH and EXEC can anybody write.
                moment = chance.choice((LISTED, COPIED, LAST) if adapter is without else (LISTED, COPIED))
                name = chance.choice(sorted(WRITES))
                moments[moment] += 1
                end = _race(client, adapter, f"k:{number % 7}", moment, name, chance)
                trashed += end == "in the trash"
                if end not in ("stays", "in the trash"):
                    wrong.append(f"race {number}, {name}, {moment}: {end}")
    lines = [f"written {moment}: {count}" for moment, count in moments.items()]
    return Promise(
        "The application's newer value in Redis wins",
        f"{how_many} forced races, with scripts and with WATCH: {len(wrong)} values lost, {trashed} in the trash",
        not wrong,
        "\n".join([*lines, *wrong[:20]]),
    )


@contextmanager
def _opened(url: str) -> Iterator[RedisAdapter]:
    target, known = parse_target(f"{url}?prefix=k:&timeout=20s"), get_format("redis")
    options = read_options(known.options, target.options)
    adapter = known.adapter_class().open(target, options, writable=True)
    assert isinstance(adapter, RedisAdapter)
    try:
        yield adapter
    finally:
        adapter.close()


def _race(
    client: redis.Redis[bytes], adapter: RedisAdapter, key: str, moment: str, name: str, chance: random.Random
) -> str:
    """One race: what became of what the application wrote; it "stays" where all is well."""
    client.set(key, chance.randbytes(32), px=TTL_MS)
    batch = adapter.lookup([key])
    seen = [Seen(batch.ids[0], tuple(int(part) for part in batch.stamps[0]))]
    state: list[object] = []

    def write() -> None:
        WRITES[name](client, key)
        state.append(_state(client, key))

    if moment == LISTED:
        write()
    keep = Racing(write if moment == COPIED else None)
    with _before_the_transaction(adapter, write if moment == LAST else lambda: None):
        fates = [removal.fate for removal in adapter.remove(seen, keep)]
    if not state:
        return "the moment never came"
    if _state(client, key) == state[0]:
        return "stays" if fates == [Fate.CHANGED] else f"the answer was {fates}"
    # Of one type, memory and expiry with what was seen: it was copied as it is.
    adapter.restore(keep.taken, keep)
    return "in the trash" if _state(client, key) == state[0] else "gone"


def _state(client: redis.Redis[bytes], key: str) -> object:
    return client.dump(key), client.execute_command("PEXPIRETIME", key)


@contextmanager
def _before_the_transaction(adapter: RedisAdapter, write: Callable[[], None]) -> Iterator[None]:
    """Let `write` happen after the studio's last look, before its MULTI arrives."""
    link: Any = adapter._link
    exchange = link.exchange

    def late(commands: Sequence[tuple[object, ...]]) -> list[object]:
        if commands[0] == ("MULTI",) and commands[1][0] == "UNLINK":
            write()
        answers: list[object] = exchange(commands)
        return answers

    link.exchange = late
    try:
        yield
    finally:
        del link.exchange


# A server that dies ---------------------------------------------------------------------------------------------


class Dying:
    """Lets the server die at one of the link's exchanges: before it hears of it, or before its answer arrives."""

    def __init__(self, server: RedisServer, link: Link, number: int, *, heard: bool) -> None:
        self._server, self._exchange = server, link.exchange
        self._number, self._heard = number, heard
        self.died = False

    def exchange(self, commands: Sequence[tuple[object, ...]]) -> list[object]:
        """In the place of `Link.exchange`."""
        self._number -= 1
        if self._number == 0:
            if self._heard:
                self._exchange(commands)
            self._server.kill()
            self.died = True
        return self._exchange(commands)


def _deaths(size: Size, folder: Path) -> Promise:
    """Removing and undoing while the server dies; it comes back with all it had acknowledged."""
    os.environ[HOME_VARIABLE] = str(folder / "home")
    rounds, chance = size.of(6, 60), size.chance("deaths")
    wrong: list[str] = []
    mid_work = unknown = 0
    for number in range(rounds):
        with RedisServer(["--appendonly", "yes", "--appendfsync", "always"]) as server:
            died, not_told, problems = _death(server, chance)
        mid_work += died
        unknown += not_told
        wrong += [f"round {number}: {problem}" for problem in problems]
    return Promise(
        "A Redis server that dies in a batch: done, not done and unknown are told apart",
        f"{rounds} deaths, {mid_work} mid-work, {unknown} entries unknown until asked again: {len(wrong)} wrong",
        not wrong,
        "\n".join(wrong[:20]),
    )


def _death(server: RedisServer, chance: random.Random) -> tuple[bool, int, list[str]]:
    """One round: whether it died mid-work, how many entries were unknown then, and what is wrong."""
    values = {f"k:{number:04}".encode(): chance.randbytes(40) for number in range(450)}
    problems: list[str] = []
    with redis.Redis.from_url(server.url, protocol=2) as client:
        client.mset(values)
    studio = Studio(follow=False)
    try:
        attachment = studio.attach(studio.resolve(f"{server.url}?format=redis&prefix=k:&timeout=2s"))
        attachment.listed().result(PATIENCE)
        adapter: Any = attachment.call(lambda adapter: adapter).result(PATIENCE)
        link, adapter.batch_size, adapter.fitted_batches = adapter._link, BATCH, None
        dying = Dying(server, link, chance.randrange(1, 16), heard=chance.random() < 0.5)
        plan = plans.plan_clear(attachment, None, time.time())
        link.exchange = dying.exchange
        told = 0
        try:
            outcome = act.run(attachment, plan, studio.trash, "loop").future.result(PATIENCE)
            told = outcome.removed
            if dying.died and not outcome.reasons and outcome.removed < len(values):
                problems.append("it died and nobody said so")
        except CacheStudioError as error:
            if not sentence(error):
                problems.append("no sentence")
        if dying.died:
            server.start()
        attachment.listed().result(PATIENCE)
        act.recover(attachment, studio.trash).result(PATIENCE)
        with redis.Redis.from_url(server.url, protocol=2) as client:
            gone = len(values) - client.dbsize()
            waiting = sum(action.waiting for action in studio.trash.actions())
            if waiting != gone or told > gone:
                problems.append(f"{gone} are gone, {waiting} wait in the trash, {told} were told as removed")
            for action in studio.trash.actions():
                if action.waiting:
                    act.undo(attachment, action, studio.trash).future.result(PATIENCE)
            back = {key: client.get(key) for key in client.scan_iter(count=1000)}
            if back != values:
                problems.append(f"{sum(back.get(key) != value for key, value in values.items())} are not back")
        studio.trash.empty(None)
        return dying.died, gone - told, problems
    finally:
        studio.close()
