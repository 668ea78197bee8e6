"""A cluster as one cache: complete lists, true counts, and what is said when a node or a slot is not where it was."""

import threading
import time
from collections.abc import Iterator

import leftovers
import pytest
import redis
from contract import Row, listing, rows_of, scan_all
from keeping import MemoryKeep
from redis.crc import key_slot
from redis_caches import attached, write_response
from redis_topologies import Cluster, asked, redis_slots, wait_for
from servers import HOST, RedisServer

from cache_studio.adapters.base import Adapter
from cache_studio.adapters.redis_adapter import RedisAdapter
from cache_studio.adapters.redis_opening import recognise_url
from cache_studio.adapters.redis_rights import ACT_RULES, CLUSTER_RULES, LOOK_RULES
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, ScanEnd
from cache_studio.model.errors import BadRequest, CacheUnavailable, EntryNotFound, UnsupportedAction
from cache_studio.model.seeing import Fate, Renewed, Return
from cache_studio.model.targets import parse_target

pytestmark = pytest.mark.redis
HEAD = "luciddreamer:cache:"


@pytest.fixture(scope="module")
def _cluster(redis_server: RedisServer) -> Iterator[Cluster]:
    with Cluster(replicas=1) as cluster:
        leftovers.lasting.update(cluster.pids)
        yield cluster


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    """A cluster that holds nothing and has counted nothing; a slot may lie elsewhere than at its start."""
    for server in _cluster.primaries:
        asked(server, "FLUSHALL")
        asked(server, "CONFIG", "RESETSTAT")
    return _cluster


@pytest.fixture
def client(cluster: Cluster) -> Iterator[redis.RedisCluster]:
    client = cluster.client()
    yield client
    client.close()


def fill(client: redis.RedisCluster, count: int, prefix: str = "k:") -> None:
    pipeline = client.pipeline()
    for i in range(count):
        pipeline.set(f"{prefix}{i}", f"value {i}", px=3_600_000 + i)
    pipeline.execute()


def stored(cluster: Cluster) -> dict[bytes, tuple[bytes, int]]:
    """Every key with its content and absolute expiry."""
    found: dict[bytes, tuple[bytes, int]] = {}
    for server in cluster.primaries:
        with redis.Redis(host=HOST, port=server.port, protocol=2) as client:
            for name in client.keys("*"):
                found[name] = client.dump(name), client.execute_command("PEXPIRETIME", name)
    return found


def scanned(adapter: Adapter) -> tuple[list[Row], ScanEnd]:
    """The rows of a listing, and how it ended."""
    batches, end = scan_all(adapter)
    return [row for batch in batches for row in rows_of(batch)], end


# Listing.


def test_the_rights_that_the_readme_names_are_enough(cluster: Cluster, client: redis.RedisCluster) -> None:
    fill(client, 100)
    rules = " ".join((LOOK_RULES, ACT_RULES, CLUSTER_RULES)).split()
    for server in cluster.servers:
        asked(server, "ACL", "SETUSER", "me", "reset", "on", ">secret", "~*", "&*", *rules)
        asked(server, "ACL", "LOG", "RESET")
    with attached(cluster.url.replace("://", "://me:secret@")) as adapter:
        for server in cluster.servers:
            asked(server, "ACL", "LOG", "RESET")
        rows, end = scanned(adapter)
        assert (end.complete, len(rows)) == (True, 100)
        assert adapter.counters().hits is not None
        keep = MemoryKeep()
        assert {one.fate for one in adapter.remove([row.seen for row in rows], keep)} == {Fate.REMOVED}
        assert {one.fate for one in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
    for server in cluster.servers:
        assert not asked(server, "ACL", "LOG")


def test_every_node_is_listed(cluster: Cluster, client: redis.RedisCluster) -> None:
    fill(client, 3_000)
    with attached(cluster.url) as adapter:
        rows, end = scanned(adapter)
        assert end.complete
        assert {row.id for row in rows} == {f"k:{i}" for i in range(3_000)}
        assert len(rows) == 3_000
        assert (
            adapter.details()["server_memory"]
            == sum(int(client.info("memory", target_nodes=node)["used_memory"]) for node in client.get_primaries())
            or adapter.details()["server_memory"] > 4_000_000
        )
        assert all(adapter.read(f"k:{i}").pieces[0].data == b"value %d" % i for i in range(0, 3_000, 271))
        with pytest.raises(EntryNotFound):
            adapter.read("k:none")


def test_keys_are_found_without_a_listing(cluster: Cluster, client: redis.RedisCluster) -> None:
    fill(client, 30)
    with attached(cluster.url) as adapter:
        assert {row.id for row in rows_of(adapter.lookup([f"k:{i}" for i in range(40)]))} == {
            f"k:{i}" for i in range(30)
        }


def test_a_user_without_scripts_lists_the_same(cluster: Cluster, client: redis.RedisCluster) -> None:
    fill(client, 500)
    for server in cluster.primaries:
        asked(server, "ACL", "SETUSER", "limited", "reset", "on", ">secret", "~*", "&*", "+@all", "-eval", "-evalsha")
    with attached(cluster.url.replace("://", "://limited:secret@")) as adapter:
        rows = listing(adapter)
        assert len(rows) == 500
        assert all(row.type == "string" and row.size for row in rows.values())
        keep = MemoryKeep()
        removed = adapter.remove([row.seen for row in list(rows.values())[:50]], keep)
        assert {one.fate for one in removed} == {Fate.REMOVED}
        assert {one.fate for one in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
        assert (adapter.counters().hits, adapter.counters().misses) == (0, 0)


# Changing.


def test_removed_and_brought_back_to_the_byte(cluster: Cluster, client: redis.RedisCluster) -> None:
    fill(client, 400)
    client.rpush("k:list", "a", "b")
    before = stored(cluster)
    with attached(cluster.url) as adapter:
        rows = listing(adapter)
        keep = MemoryKeep()
        client.set("k:7", "newer")
        fates = {one.id: one.fate for one in adapter.remove([row.seen for row in rows.values()], keep)}
        assert fates.pop("k:7") is Fate.CHANGED
        assert set(fates.values()) == {Fate.REMOVED}
        assert set(stored(cluster)) == {b"k:7"}
        assert not any(adapter.present(keep.taken))
        assert {one.fate for one in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
        assert all(adapter.present(keep.taken))
        after = stored(cluster)
        after[b"k:7"] = before[b"k:7"]
        assert after == before


def test_removed_without_a_copy_and_set_to_another_end(cluster: Cluster, client: redis.RedisCluster) -> None:
    fill(client, 100)
    with attached(cluster.url) as adapter:
        assert isinstance(adapter, RedisAdapter)
        rows = list(listing(adapter).values())
        moment = time.time() + 5_000
        renewed = adapter.set_expiry([row.seen for row in rows], [moment] * 100)  # type: ignore[attr-defined]
        assert {one.fate for one in renewed} == {Renewed.SET}
        assert {expiry for _dump, expiry in stored(cluster).values()} == {round(moment * 1000)}
        rows = list(listing(adapter).values())
        assert {one.fate for one in adapter.remove([row.seen for row in rows], None)} == {Fate.REMOVED}
    assert stored(cluster) == {}


def test_a_response_and_its_twin_in_two_slots(cluster: Cluster, client: redis.RedisCluster) -> None:
    names = [f"{HEAD}{i:064x}" for i in range(12)]
    for name in names:
        assert key_slot(name.encode()) != key_slot(name.encode() + b":meta")
        write_response_apart(client, name)
    before = stored(cluster)
    with attached(cluster.url, "redis-response") as adapter:
        rows = listing(adapter)
        assert set(rows) == set(names)
        assert [row.tags for row in rows_of(adapter.fill(names[:1]))] == [("openai",)]
        assert [piece.name for piece in adapter.read(names[0]).pieces] == ["value", "meta"]
        keep = MemoryKeep()
        client.set(names[3], "newer")
        client.set(names[4] + ":meta", "newer")
        fates = {one.id: one.fate for one in adapter.remove([row.seen for row in rows.values()], keep)}
        assert fates[names[3]] is fates[names[4]] is Fate.CHANGED
        assert sum(fate is Fate.REMOVED for fate in fates.values()) == 10
        assert len(stored(cluster)) == 4
        client.set(names[5], "the application was quicker")
        back = dict(zip((copy.key for copy in keep.taken), adapter.restore(keep.taken, keep), strict=True))
        assert back.pop(names[5]).fate is Return.NEWER_KEPT
        assert {one.fate for one in back.values()} == {Return.RESTORED}
        assert client.exists(names[5] + ":meta") == 0  # its twin came and went again
        after = stored(cluster)
        for name in (names[3], names[4], names[5]):
            for part in (name, name + ":meta"):
                before.pop(part.encode()), after.pop(part.encode(), None)
        assert after == before


def write_response_apart(client: redis.RedisCluster, name: str) -> None:
    """As S5's application does on a cluster: without a transaction."""

    class Apart:
        def pipeline(self) -> "Apart":
            return self

        def __enter__(self) -> "Apart":
            return self

        def __exit__(self, *_error: object) -> None:
            return

        def set(self, *arguments: object, **named: object) -> None:
            client.set(*arguments, **named)

        def execute(self) -> None:
            return

    write_response(Apart(), name, "text")  # type: ignore[arg-type]


# Counting.


def test_hits_and_misses_are_those_of_the_application_alone(cluster: Cluster, client: redis.RedisCluster) -> None:
    fill(client, 1_000)
    with attached(cluster.url) as adapter:
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                rows = list(listing(adapter).values())
                for row in rows[:20]:
                    adapter.read(row.id)
                adapter.lookup(["k:1", "not there"])
                keep = MemoryKeep()
                adapter.remove([row.seen for row in rows if str(row.id) > "k:90"][:50], keep)
                adapter.restore(keep.taken, keep)

        looker = threading.Thread(target=look)
        looker.start()
        for i in range(700):
            assert client.get(f"k:{i % 40}") is not None
        for i in range(300):
            client.get(f"no:{i}")
        done.set()
        looker.join()
        counters = adapter.counters()
        assert (counters.hits, counters.misses) == (700, 300)


# What moves.


def test_slots_that_move_while_they_are_listed(cluster: Cluster, client: redis.RedisCluster) -> None:
    fill(client, 3_000)
    with attached(cluster.url) as adapter:
        seen: list[object] = []
        scan = adapter.scan()
        ends: list[ScanEnd] = []

        def rest() -> Iterator[Batch]:
            ends.append((yield from scan))

        for at, batch in enumerate(rest()):
            seen += [row.id for row in rows_of(batch)]
            if at == 0:  # to where the listing has been already
                last, first = (cluster.owner(slots_in_order(cluster)[end]) for end in (-1, 0))
                held = {key_slot(b"k:%d" % i) for i in range(3_000)}
                cluster.move(sorted(held & set(owned(cluster, last)))[:60], last, first)
        assert ends[0].complete
        assert len(seen) == len(set(seen))
        assert set(seen) == {f"k:{i}" for i in range(3_000)}


def test_keys_that_are_moving_are_listed_read_and_removed(cluster: Cluster, client: redis.RedisCluster) -> None:
    names = [f"{{tag}}:{i}" for i in range(40)]
    for name in names:
        client.set(name, f"value of {name}")
    slot = key_slot(b"tag")
    source = cluster.owner(slot)
    target = next(one for one in cluster.primaries if one is not source)
    cluster.begin_move(slot, source, target)
    assert cluster.move_keys(slot, source, target, most=20) == 20
    try:
        with attached(cluster.url) as adapter:
            rows, end = scanned(adapter)
            assert {row.id for row in rows} == set(names)
            assert not end.complete
            assert "moving" in end.reason
            assert all(adapter.read(name).pieces[0].data == f"value of {name}".encode() for name in names)
            keep = MemoryKeep()
            assert {one.fate for one in adapter.remove([row.seen for row in rows], keep)} == {Fate.REMOVED}
            assert {one.fate for one in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
            assert len(listing(adapter)) == 40
    finally:
        cluster.move_keys(slot, source, target)
        cluster.end_move(slot, source, target)


def test_slots_that_moved_since_are_followed(cluster: Cluster, client: redis.RedisCluster) -> None:
    for i in range(60):
        client.set(f"k:{i}", f"value {i}")  # an expiry comes a few milliseconds later where a key moved to
    with attached(cluster.url) as adapter:
        rows = listing(adapter)
        slots = {key_slot(f"k:{i}".encode()) for i in range(60)}
        source = cluster.owner(min(slots))
        target = next(one for one in cluster.primaries if one is not source)
        cluster.move(sorted(slots & set(owned(cluster, source))), source, target)
        assert all(adapter.read(f"k:{i}").pieces[0].data == b"value %d" % i for i in range(60))
        keep = MemoryKeep()
        assert {one.fate for one in adapter.remove([row.seen for row in rows.values()], keep)} == {Fate.REMOVED}
        assert {one.fate for one in adapter.restore(keep.taken, keep)} == {Return.RESTORED}


def slots_in_order(cluster: Cluster) -> list[int]:
    """One slot of each node, in the order in which nodes are listed."""
    first = {(str(primary[0]), int(primary[1])): begin for begin, _end, primary, *_ in redis_slots(cluster.servers[0])}
    return [first[address] for address in sorted(first)]


def owned(cluster: Cluster, server: RedisServer) -> list[int]:
    return [
        slot
        for begin, end, primary, *_replicas in redis_slots(cluster.servers[0])
        if primary[1] == server.port
        for slot in range(begin, end + 1)
    ]


# What is missing.


def test_a_node_that_is_down_is_named(redis_server: RedisServer) -> None:
    with Cluster() as cluster:
        client = cluster.client()
        fill(client, 300)
        client.close()
        gone = cluster.primaries[2]
        slots = set(owned(cluster, gone))
        left = {f"k:{i}" for i in range(300) if key_slot(f"k:{i}".encode()) not in slots}
        with attached(cluster.url) as open_before:
            gone.kill()
            for _time in ("nobody noticed", "the others know"):
                for look in (lambda: scanned(open_before), lambda: _scan_anew(cluster)):
                    rows, end = look()
                    assert {row.id for row in rows} == left
                    assert not end.complete
                    assert f"{HOST}:{gone.port}" in end.reason
                cluster.lose(gone)
                wait_for(lambda: "master,fail" in str(asked(cluster.primaries[0], "CLUSTER", "NODES")), "the failure")
            assert open_before.counters().hits is not None  # of the nodes that answer
            lost = next(f"k:{i}" for i in range(300) if f"k:{i}" not in left)
            with pytest.raises(CacheUnavailable, match=r"serves slot|No server answers"):  # as the node asked knows it
                open_before.read(lost)
            kept = sorted(left)[0]
            assert open_before.read(kept).pieces[0].data.startswith(b"value")


def _scan_anew(cluster: Cluster) -> tuple[list[Row], ScanEnd]:
    with attached(cluster.url) as adapter:
        return scanned(adapter)


def test_a_replica_that_took_over_is_listed(redis_server: RedisServer) -> None:
    with Cluster(replicas=1) as cluster:
        client = cluster.client()
        fill(client, 300)
        client.close()
        with attached(cluster.url) as adapter:
            rows = listing(adapter)
            wait_for(
                lambda: sum(int(str(asked(server, "DBSIZE"))) for server in cluster.replicas) == 300, "the replicas"
            )
            cluster.lose(cluster.primaries[0])
            wait_for(lambda: scanned(adapter)[1].complete, "a replica to take over")
            assert set(listing(adapter)) == set(rows)
            removed = adapter.remove([row.seen for row in rows.values()], None)
            assert {one.fate for one in removed} == {Fate.REMOVED}


def test_a_cluster_that_is_down_says_so(redis_server: RedisServer) -> None:
    with Cluster(full_coverage=True) as cluster:
        client = cluster.client()
        fill(client, 30)
        client.close()
        with attached(cluster.url) as adapter:
            cluster.lose(cluster.primaries[2])
            wait_for(lambda: "cluster_state:fail" in str(asked(cluster.primaries[0], "CLUSTER", "INFO")), "the failure")
            _rows, end = scanned(adapter)
            assert not end.complete
            assert "The cluster at" in end.reason
            assert "is down" in end.reason


# Ways in.


def test_what_lies_there_is_recognised(cluster: Cluster, client: redis.RedisCluster) -> None:
    for i in range(6):
        write_response_apart(client, f"{HEAD}{i:064x}")
    found = recognise_url(parse_target(cluster.url))
    assert found[0]["format"] == "redis-response"
    assert found[0]["options"] == {"prefix": HEAD}


def test_a_node_alone_leads_to_the_cluster(cluster: Cluster) -> None:
    with pytest.raises(CacheUnavailable, match="node of a cluster") as raised, attached(cluster.primaries[0].url):
        pass
    assert "redis+cluster://" in raised.value.hint


def test_a_server_alone_is_no_cluster(redis_url: str) -> None:
    url = redis_url.replace("redis://", "redis+cluster://")
    with pytest.raises(CacheUnavailable, match="stands alone"), attached(url):
        pass


def test_a_cluster_has_one_database(cluster: Cluster) -> None:
    with pytest.raises(BadRequest, match="database 3"), attached(cluster.url + "/3"):
        pass


def test_formats_that_do_not_run_on_a_cluster_say_so(cluster: Cluster) -> None:
    for name in ("redis-hishel", "redis-requests-cache", "redis-aiohttp-cache"):
        with pytest.raises(UnsupportedAction, match="does not run on a cluster"), attached(cluster.url, name):
            pass


def test_no_node_answers() -> None:
    with pytest.raises(CacheUnavailable, match="No server answers"), attached("redis+cluster://127.0.0.1:1"):
        pass


# Announcements.


def test_every_node_announces(cluster: Cluster, client: redis.RedisCluster) -> None:
    for server in cluster.primaries:
        asked(server, "CONFIG", "SET", "notify-keyspace-events", "KEA")
    try:
        with attached(cluster.url) as adapter:
            assert adapter.capabilities.can(Ability.WATCH)
            events = adapter.announcements()
            assert events is not None
            assert not events.complete
            heard: set[str] = set()
            listener = threading.Thread(target=lambda: [heard.update(names) for names in events.changes()])
            listener.start()
            for i in range(30):
                client.set(f"k:{i}", "x")
            wait_for(lambda: len(heard) == 30, "the changes")
            events.stop()
            listener.join()
            events.close()
    finally:
        for server in cluster.primaries:
            asked(server, "CONFIG", "SET", "notify-keyspace-events", "")


# Interrupting.


def test_an_interrupt_ends_the_call(cluster: Cluster, client: redis.RedisCluster) -> None:
    fill(client, 10)
    with attached(cluster.url) as adapter:
        paused = cluster.primaries[0]
        slot = owned(cluster, paused)
        name = next(f"k:{i}" for i in range(10_000) if key_slot(f"k:{i}".encode()) in slot)
        listing(adapter)
        paused.pause()
        problems: list[BaseException] = []

        def read() -> None:
            try:
                adapter.read(name)
            except Exception as error:
                problems.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            wait_for(lambda: adapter._link._turn.depth > 0, "the call")  # type: ignore[attr-defined]
            adapter.interrupt()
            reader.join(3)
            assert not reader.is_alive()
        finally:
            paused.resume()
            reader.join()
        assert type(problems[0]).__name__ == "Cancelled"
