"""Looking does not falsify: whatever studios read, the hits and misses shown are those of the application."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from contract import listing
from redis_caches import application, attached
from servers import RedisServer

from cache_studio.adapters import redis_own_reads
from cache_studio.adapters.redis_own_reads import own_reads
from cache_studio.model.seeing import Source
from cache_studio.services.studio import Studio

KEYS, TIMES, VALUES = 5_000, 20, 25
_OTHER = """
import sys
from cache_studio.adapters.redis_keys.adapter import RedisKeysAdapter
from cache_studio.model.targets import parse_target
adapter = RedisKeysAdapter.open(parse_target(sys.argv[1]), {}, writable=False)
for _ in range(3):
    print(sum(len(batch) for batch in adapter.scan()), flush=True)
print(adapter.counters().hits, adapter.counters().misses)
"""
_KILLED = """
import os, sys
from cache_studio.adapters.redis_own_reads import own_reads
own_reads(sys.argv[1]).lock.acquire(5)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    """One that has counted nothing, whatever else is tested."""
    with RedisServer() as server:
        yield server


def look_up(client: redis.Redis, hits: range, misses: range) -> None:
    """One lookup a time, as applications do."""
    for number in hits:
        assert client.get(f"app:cache:{number}") is not None
    for number in misses:
        assert client.get(f"app:cache:none{number}") is None


def write(client: redis.Redis, count: int = KEYS) -> None:
    client.mset({f"app:cache:{number}": f"value {number}" for number in range(count)})


def other_studio(url: str) -> subprocess.Popen[str]:
    """Another process of the same user: lists everything, then tells hits and misses of the application."""
    return subprocess.Popen([sys.executable, "-c", _OTHER, url], stdout=subprocess.PIPE, text=True)


@pytest.mark.redis
def test_the_hit_rate_is_the_applications_while_the_studio_lists_and_reads(server: RedisServer) -> None:
    studio = Studio(follow=True)
    try:
        with application(server.url) as client:
            write(client)
            attachment = studio.attach(studio.resolve(f"{server.url}?prefix=app:cache:"))
            attachment.listed().result(20)
            for turn in range(TIMES):
                attachment.refresh()
                ids = [f"app:cache:{number}" for number in range(turn * VALUES, turn * VALUES + VALUES)]
                reading = attachment.call(lambda adapter, ids=ids: [adapter.read(one) for one in ids])
                look_up(client, range(turn * 35, turn * 35 + 35), range(turn * 15, turn * 15 + 15))
                assert len(reading.result(20)) == VALUES
                assert len(attachment.listed().result(20).view) == KEYS
            counters = attachment.standing.counters
            assert (counters.hits, counters.misses, counters.source) == (700, 300, Source.RECORDED)
            assert client.info("stats")["keyspace_hits"] > KEYS * TIMES  # the server itself counted us, too
    finally:
        studio.close()


@pytest.mark.redis
def test_two_attachments_of_one_process_and_one_of_another_count_the_application_alone(server: RedisServer) -> None:
    with application(server.url) as client:
        write(client, 500)
        with attached(server.url) as first, attached(server.url) as second:

            def look() -> None:
                for _turn in range(5):
                    for one in list(listing(second))[:20]:
                        second.read(one)

            epoch = first.counters().epoch
            looker = threading.Thread(target=look)
            with other_studio(server.url) as other:
                assert other.stdout is not None
                assert other.stdout.readline() == "500\n"
                looker.start()
                look_up(client, range(350), range(150))
                listing(first)
                look_up(client, range(350), range(150))
                looker.join()
                assert [other.stdout.readline() for _turn in range(2)] == ["500\n"] * 2
            for adapter in (first, second):
                counters = adapter.counters()
                assert (counters.hits, counters.misses, counters.epoch) == (700, 300, epoch)
        with other_studio(server.url) as other:
            assert other.communicate(timeout=30)[0].endswith("700 300\n")


def test_a_studio_that_was_killed_while_it_looked_leaves_a_new_epoch() -> None:
    account = own_reads("run")
    with account.lock:
        before = account.epoch
    with account.lock:
        assert account.epoch == before
    killed = subprocess.run([sys.executable, "-c", _KILLED, "run"], env=os.environ, timeout=30, check=False)
    assert killed.returncode < 0
    with account.lock:
        assert account.epoch != before


def test_whoever_holds_the_account_is_waited_for_only_so_long() -> None:
    account = own_reads("run")
    holder = subprocess.Popen(
        [sys.executable, "-c", _KILLED.replace("os.kill(os.getpid(), 9)", "print(flush=True); input()"), "run"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    holder.stdout.readline()
    assert not account.lock.acquire(0.05)
    holder.kill()
    holder.communicate()
    assert account.lock.acquire(5)
    account.lock.release()


def test_without_a_data_folder_a_process_counts_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(redis_own_reads, "data_folder", lambda: tmp_path / "file")
    account = own_reads("run")
    with account.lock:
        account.book({"keyspace_hits": 1}, {"keyspace_hits": 4})
    with account.lock:
        assert account.application({"keyspace_hits": 10, "keyspace_misses": 2}) == (7, 2)


def test_accounts_of_servers_that_are_gone_are_forgotten() -> None:
    with own_reads("old").lock:
        pass
    folder = redis_own_reads.data_folder() / "own-reads"
    (old,) = folder.iterdir()
    os.utime(old, (1, 1))
    with own_reads("new").lock:
        pass
    assert old not in list(folder.iterdir())
    assert len(list(folder.iterdir())) == 1
