"""The runtime's doors to Redis: the contract, what each layout keeps, and a pool that threads and forks share."""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import redis
from access_contract import AccessContract
from patience import PATIENCE
from redis_caches import application, write_response
from servers import RedisServer

from cache_studio.adapters.key_access import SERVER, Held, KeyAccess
from cache_studio.adapters.redis_calls import MAX_CONNECTIONS
from cache_studio.adapters.registry import get_format
from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target, parse_target

pytestmark = pytest.mark.redis
HEX = "a" * 64
HEAD = "luciddreamer:cache:"
_numbers = itertools.count()


def door(url: str, name: str = "redis") -> KeyAccess:
    """The door to a URL."""
    target, found = parse_target(url), get_format(name)
    return found.access_class().open(target, read_options(found.options, target.options))


def entry(value: bytes = b"{}", life: float | None = None, **more: object) -> Held:
    """An entry made now."""
    now = time.time()
    return Held(value, now, None if life is None else now + life, **more)


class RedisContract(AccessContract):
    keeps_stale = False

    @pytest.fixture(autouse=True)
    def _server(self, redis_url: str) -> None:
        self.url = redis_url

    def new_target(self, folder: Path) -> Target:
        options = {"prefix": f"app{next(_numbers)}:cache:", **self.options}
        return Target(self.url, self.format_name, options)

    def outside(self, folder: Path, target: Target) -> Mapping[str, object]:
        with application(self.url) as client:
            prefix = str(target.options["prefix"]).encode()
            return {repr(name): client.dump(name) for name in client.scan_iter() if not name.startswith(prefix)}


class TestRedisKeysAccess(RedisContract):
    format_name = "redis"
    options = {"separator": ""}
    namespaces = ("",)
    keeps_tags = keeps_created = False


class TestRedisResponseAccess(RedisContract):
    format_name = "redis-response"
    keeps_metadata = True

    def test_discard_keeps_the_same_value_made_anew(self, access: KeyAccess) -> None:
        # The server keeps nothing that is stale, so the first of the two is still fresh.
        access.put("key", self.held(1, age=50, life=100))
        seen = access.get("key")
        assert seen is not None
        access.put("key", self.held(1, life=100))
        assert not access.discard("key", seen)
        assert access.holds("key")


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with application(redis_url) as client:
        yield client


@pytest.fixture
def keys(redis_url: str) -> Iterator[KeyAccess]:
    with closing(door(f"{redis_url}?prefix=app:")) as access:
        yield access


@pytest.fixture
def responses(redis_url: str) -> Iterator[KeyAccess]:
    with closing(door(redis_url, "redis-response")) as access:
        yield access


def test_both_doors_lead_to_a_server(keys: KeyAccess, responses: KeyAccess) -> None:
    assert keys.level == responses.level == SERVER
    assert keys.claims
    assert responses.claims


# Plain Redis.


def test_a_namespace_is_a_part_of_the_name(keys: KeyAccess, client: redis.Redis) -> None:
    keys.put("42", entry(b"1"), "user")
    assert client.get("app:user:42") == b"1"
    assert keys.get("user:42").value == b"1"
    assert [known.place for known in keys.known()] == [("user", "42")]


def test_a_pattern_reaches_into_namespaces_as_far_as_it_says(keys: KeyAccess) -> None:
    def fill() -> None:
        for namespace, key in (("", "a1"), ("", "user:a1"), ("tts", "a1"), ("tts", "user:a1"), ("tts:deep", "b1")):
            keys.put(key, entry(), namespace)

    fill()
    assert keys.delete_like("*", "") == 1
    fill()
    assert keys.delete_like("user:*", "") == 1
    fill()
    assert keys.delete_like("*", "tts") == 3
    fill()
    assert keys.delete_like("user:*", "tts") == 1
    fill()
    assert keys.delete_like("a1") == 4
    fill()
    assert keys.delete_like("user:a?") == 2
    fill()
    assert keys.delete_like("*") == 5
    assert list(keys.known()) == []


@pytest.mark.parametrize("pattern", ["ü?", "[ü]*", "ü\\?", "\\ü*", "[^x]?", "ü[?]", "ü\\", "*"])
def test_a_pattern_means_letters_also_where_the_server_counts_bytes(keys: KeyAccess, pattern: str) -> None:
    from cache_studio.model.globs import matcher

    names = ["ü?", "üü", "ü\\", "u?"]
    for name in names:
        keys.put(name, entry())
    fitting = [name for name in names if matcher(pattern)(name)]
    assert fitting
    assert keys.delete_like(pattern, "") == len(fitting)
    assert {known.key for known in keys.known()} == set(names) - set(fitting)


def test_only_what_lies_under_the_literal_prefix_is_removed(client: redis.Redis, redis_url: str) -> None:
    client.mset({"a*b:1": "1", "axb:1": "1", "a*b:[x]:2": "1"})
    client.rpush("a*b:list", "of somebody else")
    with closing(door(f"{redis_url}?prefix=a*b:")) as access:
        assert access.delete_like("[[]x]:*", "") == 1
        assert access.delete_like("*") == 1
    assert sorted(client.keys()) == [b"a*b:list", b"axb:1"]


def test_many_are_removed_and_read_in_few_round_trips(keys: KeyAccess, client: redis.Redis) -> None:
    client.mset({f"app:k{number}": "x" for number in range(3000)})
    before = client.info("stats")["total_reads_processed"]
    assert len(keys.get_many([f"k{number}" for number in range(1000)])) == 1000
    assert len(keys.delete_many([("", f"k{number}") for number in range(1500)])) == 1500
    assert keys.delete_like("k*") == 1500
    # A long command is read by the server in pieces of 16 kB.
    assert client.info("stats")["total_reads_processed"] - before < 60


def test_tags_are_refused_where_they_would_be_lost(keys: KeyAccess) -> None:
    with pytest.raises(BadRequest, match="no tags") as raised:
        keys.put("key", entry(tags=("blue",)))
    assert "redis-response" in raised.value.hint
    assert not keys.holds("key")


def test_a_key_of_another_type_is_no_entry(keys: KeyAccess, client: redis.Redis) -> None:
    client.rpush("app:list", "x")
    assert keys.get("list") is None
    assert keys.get_many(["list"]) == {}
    assert not keys.discard("list", entry())
    assert list(keys.known()) == []


def test_what_expires_meanwhile_is_a_miss_and_never_forever(keys: KeyAccess) -> None:
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        keys.put("key", entry(life=0.002))
        for _ in range(20):
            held = keys.get("key")
            assert held is None or held.expires is not None


def test_a_changed_life_is_a_change(keys: KeyAccess, client: redis.Redis) -> None:
    keys.put("key", entry(life=100))
    seen = keys.get("key")
    for other in (lambda: client.pexpire("app:key", 200_000), lambda: client.persist("app:key")):
        other()
        assert not keys.discard("key", seen)
    client.pexpire("app:key", 100_000)
    assert keys.discard("key", seen)


def test_discard_works_without_scripts(client: redis.Redis, redis_url: str) -> None:
    client.acl_setuser("limited", enabled=True, nopass=True, keys=["*"], categories=["+@all", "-@scripting"])
    for name in ("redis", "redis-response"):
        with closing(door(redis_url.replace("//", "//limited@"), name)) as access:
            access.put("key", entry(b"one", 100))
            seen = access.get("key")
            access.put("key", entry(b"two", 100))
            assert not access.discard("key", seen)
            assert access.discard("key", access.get("key"))
            assert not access.holds("key")
            assert access.claim("key", "", "mine", 60) == "mine"
            access.release("key", "", "mine")
            assert access.claim("key", "", "next", 60) == "next"
    client.acl_deluser("limited")


# The response cache.


def test_twins_begin_with_the_original_fields_and_keep_the_rest(responses: KeyAccess, client: redis.Redis) -> None:
    metadata = {"provider_used": "north", "model": "gpt", "request_id": "r1"}
    responses.put(HEX, entry(life=60, tags=("blue", "north"), metadata=metadata), "ai")
    twin = json.loads(client.get(f"{HEAD}ai:{HEX}:meta"))
    assert list(twin) == ["request_id", "provider_used", "cached_at", "ttl_seconds", "namespace", "tags", "model"]
    assert (twin["namespace"], twin["tags"], twin["ttl_seconds"]) == ("ai", ["blue", "north"], 60)
    held = responses.get(HEX, "ai")
    assert (held.tags, held.metadata) == (("north", "blue"), metadata)
    assert client.pttl(f"{HEAD}ai:{HEX}") == pytest.approx(client.pttl(f"{HEAD}ai:{HEX}:meta"), abs=20)
    responses.put(HEX, entry(life=60))
    assert list(json.loads(client.get(f"{HEAD}{HEX}:meta"))) == [
        "request_id",
        "provider_used",
        "cached_at",
        "ttl_seconds",
    ]
    assert {known.place: known.tags for known in responses.known()} == {("ai", HEX): ("north", "blue"), ("", HEX): ()}


def test_what_the_original_application_wrote_is_read_with_its_provider(
    responses: KeyAccess, client: redis.Redis
) -> None:
    write_response(client, HEAD + HEX, "hello")
    client.set(f"{HEAD}processing:{HEX}", "1", ex=60)
    client.set(HEAD + "b" * 64, '{"content": "no twin"}')
    held = responses.get(HEX)
    assert (held.tags, held.metadata["provider_used"]) == (("openai",), "openai")
    assert {known.key: known.tags for known in responses.known()} == {HEX: ("openai",), "b" * 64: ()}
    found = responses.get_many([HEX, "b" * 64, "c" * 64])
    assert {key: one.tags for key, one in found.items()} == {HEX: ("openai",), "b" * 64: ()}


@pytest.mark.parametrize("key", ["meta", "x:meta", "meta%", "x:meta%%", "processing:x", ":", "::x", "a:b", "%", "%3A"])
@pytest.mark.parametrize("namespace", ["", "processing", "x", "x:y", "%70rocessing", "%3A"])
def test_no_two_entries_run_together(responses: KeyAccess, client: redis.Redis, key: str, namespace: str) -> None:
    others = {("", "x"): b"1", ("x", "y"): b"2", ("processing", "x"): b"3", ("", "x%"): b"4"}
    for (space, other), value in others.items():
        responses.put(other, entry(value), space)
    responses.put(key, entry(b"own"), namespace)
    assert {known.place for known in responses.known()} == {*others, (namespace, key)}
    assert responses.get(key, namespace).value == b"own"
    assert responses.delete_like(key.replace("\\", "\\\\"), namespace) == 1
    for (space, other), value in others.items():
        assert responses.get(other, space).value == value
    assert client.dbsize() == 2 * len(others)


def test_metadata_that_cannot_be_kept_is_refused(responses: KeyAccess, client: redis.Redis) -> None:
    for metadata in ({"what": object()}, {"nan": float("nan")}, {"long": "x" * 70_000}):
        with pytest.raises(BadRequest):
            responses.put(HEX, entry(metadata=metadata))
    assert client.dbsize() == 0


def test_a_twin_is_removed_with_its_response(responses: KeyAccess, client: redis.Redis) -> None:
    for number in range(1500):
        responses.put(f"k{number}", entry(life=60), "one")
    assert client.dbsize() == 3000
    assert responses.delete_many([("one", "k0"), ("one", "absent")]) == [("one", "k0")]
    assert responses.discard("k1", responses.get("k1", "one"), "one")
    assert responses.delete_like("k*", "") == 0
    assert responses.delete_like("k*", "one") == 1498
    assert client.dbsize() == 0


def test_a_request_id_may_be_any_text(responses: KeyAccess, client: redis.Redis) -> None:
    responses.put(HEX, entry(b'{"request_id": "\\ud800\\udcff:*", "cost_usd": 1}', 60))
    assert client.zcard("luciddreamer:metrics") == 1
    (request,) = client.scan_iter(match="luciddreamer:metrics:*")
    assert json.loads(client.get(request))["cost_usd"] == 1


# The pool.


def test_who_comes_after_the_last_connection_waits(redis_url: str, client: redis.Redis) -> None:
    threads = MAX_CONNECTIONS + 10
    client.set("app:key", "x")
    start = threading.Barrier(threads)
    with closing(door(f"{redis_url}?prefix=app:")) as access, ThreadPoolExecutor(threads) as pool:

        def work() -> bool:
            start.wait(20)
            return all(access.get("key") is not None for _ in range(5))

        client.client_pause(500)
        jobs = [pool.submit(work) for _ in range(threads)]
        deadline = time.monotonic() + PATIENCE
        while len(client.client_list()) < MAX_CONNECTIONS and time.monotonic() < deadline:
            pass
        assert len(client.client_list()) <= MAX_CONNECTIONS + 1
        assert all(job.result(20) for job in jobs)


def test_a_connection_that_was_closed_while_idle_is_made_anew(keys: KeyAccess, client: redis.Redis) -> None:
    keys.put("key", entry(b"1"))
    for _ in range(3):
        client.client_kill_filter(_type="normal", skipme=True)
        assert keys.delete("key")
        keys.put("key", entry(b"2"))
        assert keys.get("key").value == b"2"


def test_a_server_that_comes_back_is_used_again() -> None:
    with RedisServer() as server, closing(door(server.url)) as access:
        access.put("key", entry(b"1"))
        server.stop()
        with pytest.raises(CacheUnavailable):
            access.get("key")
        server.start()
        assert access.get("key") is None
        access.put("key", entry(b"2"))
        assert access.get("key").value == b"2"


def test_a_hanging_server_is_an_error_and_the_answer_is_for_nobody_else() -> None:
    with RedisServer() as server, closing(door(f"{server.url}?timeout=200ms")) as access:
        access.put("a", entry(b"1"))
        access.put("b", entry(b"2"))
        server.pause()
        with pytest.raises(CacheUnavailable, match="does not answer"):
            access.get("a")
        server.resume()
        assert access.get("b").value == b"2"


def test_a_right_that_is_missing_is_a_cache_that_is_not_there(client: redis.Redis, redis_url: str) -> None:
    client.acl_setuser("reader", enabled=True, nopass=True, keys=["*"], categories=["+@read", "+@connection"])
    for name in ("redis", "redis-response"):
        with closing(door(redis_url.replace("//", "//reader@"), name)) as access:
            assert access.get("key") is None
            for attempt in (
                lambda access=access: access.put("key", entry()),
                lambda access=access: access.delete("key"),
                lambda access=access: access.delete_many([("", "key")]),
                lambda access=access: access.discard("key", entry()),
                lambda access=access: access.claim("key", "", "mine", 60),
            ):
                with pytest.raises(CacheUnavailable, match="may not run"):
                    attempt()
    client.acl_deluser("reader")


def test_figures_that_may_not_be_noted_do_not_stop_a_response(client: redis.Redis, redis_url: str) -> None:
    client.acl_setuser("poor", enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=["-zadd"])
    with closing(door(redis_url.replace("//", "//poor@"), "redis-response")) as access:
        access.put(HEX, entry(b'{"request_id": "r1", "cost_usd": 1}', 60))
        assert access.holds(HEX)
    client.acl_deluser("poor")


def test_a_full_server_refuses_and_keeps_what_it_has(client: redis.Redis, keys: KeyAccess) -> None:
    keys.put("key", entry(b"1"))
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(CacheUnavailable, match="no memory"):
            keys.put("key", entry(b"2"))
        assert keys.get("key").value == b"1"
        assert keys.delete("key")
    finally:
        client.config_set("maxmemory", 0)


def test_after_closing_nothing_is_sent(redis_url: str) -> None:
    access = door(redis_url)
    access.put("key", entry())
    access.close()
    access.close()
    with pytest.raises(CacheUnavailable, match="closed"):
        access.get("key")


FORKING = """
import os, sys, threading, time
from contextlib import closing
sys.path.insert(0, "tests/adapters")
from test_redis_access import door, entry
with closing(door(sys.argv[1])) as access:
    heard = threading.Event()
    listener = access.listen(lambda place: place == ("", "last") and heard.set())
    access.put("key", entry(b"parent"))
    stop = threading.Event()
    def read():
        while not stop.is_set():
            assert access.get("key").value == b"parent"
    readers = [threading.Thread(target=read) for _ in range(3)]
    [reader.start() for reader in readers]
    children = []
    for number in range(5):
        child = os.fork()
        if not child:
            try:
                for turn in range(50):
                    access.put(f"child{number}", entry(str(turn).encode()))
                    assert access.get(f"child{number}").value == str(turn).encode()
                access.close()
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 5
    stop.set()
    [reader.join() for reader in readers]
    assert access.get("key").value == b"parent"
    access.put("last", entry())
    assert heard.wait(10), "the parent hears nothing any more"
print("well")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_connections_of_its_own(redis_url: str) -> None:
    root = Path(__file__).parents[2]
    paths = {"PYTHONPATH": os.pathsep.join((str(root), str(root / "tests"), str(root / "tests/adapters")))}
    done = subprocess.run(
        [sys.executable, "-c", FORKING, redis_url],
        cwd=root,
        env={**os.environ, **paths},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.stdout == "well\n", done.stderr


def test_a_door_does_not_load_numpy() -> None:
    program = (
        "import sys, cache_studio.adapters.redis_keys.access, cache_studio.adapters.redis_response.access;"
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.stdout == "False\n", done.stderr
