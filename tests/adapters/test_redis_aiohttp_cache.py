"""aiohttp-client-cache in Redis: fields of one hash as entries."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from contract import listing, scan_all
from keeping import MemoryKeep
from redis_caches import application, attached
from redis_library_contract import RedisLibraryContract

from cache_studio.adapters.base import Adapter
from cache_studio.model.seeing import Return
from cache_studio.model.targets import Target

pytestmark = pytest.mark.redis
PAGES = [f"GET https://example.test/page/{number}?q=1" for number in range(3)]
REDIRECTED = "GET https://example.test/old"
HASHES = ("aiohttp-cache:responses", "aiohttp-cache:redirects")


class TestRedisAiohttpCache(RedisLibraryContract):
    format_name = "redis-aiohttp-cache"
    program = "redis_aiohttp_program"
    without_scripts = False
    versions = "aiohttp-client-cache 0.15.0"
    ordinary = (*PAGES, "HEAD https://example.test/form", "GET https://example.test/long.png", REDIRECTED)
    stale = ("GET https://example.test/stale/1", "GET https://example.test/stale/2")
    forever = ("GET https://example.test/forever/1", "GET https://example.test/forever/2")
    broken = ("00c0ffee" * 8,)

    def stored(self, target: Target) -> Mapping[str, object]:
        """Fields of a hash come back in any order."""
        found = dict(super().stored(target))
        with application(target.location) as client:
            return found | {repr(name.encode()): client.hgetall(name) for name in HASHES}

    def test_a_redirect_goes_and_comes_with_its_response(self, target: Target, adapter: Adapter) -> None:
        library = self.opened_by_library(target)
        before = library.call("redirects")
        assert before
        keep = MemoryKeep()
        adapter.remove([self.row(adapter, REDIRECTED).seen], keep)
        assert library.call("redirects") == {}
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
        assert library.call("redirects") == before

    def test_a_key_that_is_no_hash_is_said(self) -> None:
        with application(self.url) as client:
            client.set("text:responses", "value")
        with attached(self.url + "?prefix=text", self.format_name) as adapter:
            assert scan_all(adapter)[1].reason == "This key is no hash."

    def test_no_command_of_ours_holds_the_server(self) -> None:
        with application(self.url) as client:
            for number in range(300):
                client.hset(HASHES[0], f"{number:064x}", b"x" * 100_000)
            client.config_resetstat()
            with attached(self.url, self.format_name) as adapter:
                assert len(listing(adapter)) == 300
            used = {name: figures["usec_per_call"] for name, figures in client.info("commandstats").items()}
            assert max(used.values()) < 20_000
            assert not {"cmdstat_hgetall", "cmdstat_keys"} & set(used)
