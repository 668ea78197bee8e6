"""hishel 2 in Redis: four keys for an entry, its index first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from contract import listing, rows_of
from keeping import MemoryKeep
from redis_caches import application
from redis_library_contract import RedisLibraryContract

from cache_studio.adapters.base import Adapter
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target

pytestmark = pytest.mark.redis
USER = "GET https://api.example.com/users/1"
LONG = "GET https://long.example/archive.bin"


class TestRedisHishel(RedisLibraryContract):
    format_name = "redis-hishel"
    program = "redis_hishel_program"
    versions = "hishel 2.0.0"
    ordinary = (
        USER,
        "GET https://api.example.com/search?q=a%20b&page=2",
        "GET https://h.example/<img src=x onerror=alert(1)>",
        "GET https://h.example/line\nbreak\u202e",
        "GET https://h.example/\U0001f98a",
        "GET https://h.example/nul\0byte",
    )
    stale = ("GET https://old.example/1", "GET https://old.example/2")
    forever = ("GET https://always.example/1", "GET https://always.example/2")

    def test_the_body_is_read_across_its_chunks(self, adapter: Adapter) -> None:
        row = self.row(adapter, LONG)
        body = bytes(range(256)) * 1500
        for length in (3, 131_073, None):
            value, piece = adapter.read(row.id, length).pieces
            assert (piece.name, piece.data, piece.total) == ("body", body[:length], len(body))
            assert value.hint == "msgpack"

    def test_what_comes_back_is_served_as_before(self, target: Target, adapter: Adapter) -> None:
        library = self.opened_by_library(target)
        for key in (LONG, self.forever[0]):
            before = library.call("serves_as", key)
            keep = MemoryKeep()
            adapter.remove([self.row(adapter, key).seen], keep)
            assert library.call("serves_as", key) is None
            assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
            assert library.call("serves_as", key) == before
            assert library.call("complaints") == []

    def test_the_index_follows_where_nothing_may_be_dumped(self, target: Target) -> None:
        library = self.opened_by_library(target)
        before, keep = library.call("serves_as", LONG), MemoryKeep()
        with application(self.url) as client:
            client.acl_setuser("narrow", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-restore"])
            indexes = list(client.scan_iter("*idx:*"))
            entries = sum(client.zcard(name) for name in indexes)
            with self.opened(replace(target, location=target.location.replace("//", "//narrow:x@"))) as adapter:
                assert adapter.remove([self.row(adapter, LONG).seen], keep)[0].fate is Fate.REMOVED
                assert sum(client.zcard(name) for name in indexes) == entries - 1
                assert library.call("serves_as", LONG) is None
                assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
            client.acl_deluser("narrow")
        assert library.call("serves_as", LONG) == before

    def test_what_the_library_removed_is_listed_no_more(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, USER)
        self.opened_by_library(target).call("hide", USER)
        assert row.id not in listing(adapter)
        with application(self.url) as client:
            assert client.exists(row.id)
        assert rows_of(adapter.lookup([USER])) == []
