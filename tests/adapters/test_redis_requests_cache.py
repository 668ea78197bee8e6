"""requests-cache in Redis: expiry by the value, and redirects that go and come with their response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from contract import listing
from keeping import MemoryKeep
from redis_caches import application
from redis_library_contract import RedisLibraryContract

from cache_studio.adapters.base import Adapter
from cache_studio.model.seeing import Return
from cache_studio.model.targets import Target

pytestmark = pytest.mark.redis
PAGES = [f"GET https://example.test/page/{number}" for number in range(3)]
REDIRECTED = "GET https://example.test/old"


class TestRedisRequestsCache(RedisLibraryContract):
    format_name = "redis-requests-cache"
    program = "redis_requests_program"
    versions = "requests-cache 1.3.3"
    ordinary = (*PAGES, "POST https://example.test/form", "GET https://example.test/long.png", REDIRECTED)
    stale = ("GET https://example.test/stale/1", "GET https://example.test/stale/2")
    forever = ("GET https://example.test/forever/1", "GET https://example.test/forever/2")
    broken = ("00c0ffee00c0ffee",)

    def stored(self, target: Target) -> Mapping[str, object]:
        """Fields of a hash come back in any order."""
        found = dict(super().stored(target))
        with application(target.location) as client:
            found["b'http_cache-redirects'"] = client.hgetall("http_cache-redirects")
        return found

    def test_a_redirect_goes_and_comes_with_its_response(self, target: Target, adapter: Adapter) -> None:
        library = self.opened_by_library(target)
        before = library.call("redirects")
        assert before
        keep = MemoryKeep()
        adapter.remove([self.row(adapter, REDIRECTED).seen], keep)
        assert library.call("redirects") == {}
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
        assert library.call("redirects") == before
        adapter.remove([self.row(adapter, REDIRECTED).seen], None)
        assert library.call("redirects") == {}

    def test_what_a_response_is_stands_beside_it(self, adapter: Adapter) -> None:
        row = self.row(adapter, "GET https://example.test/long.png")
        assert row.type == "image/png"
        assert row.created is not None
        facts = {fact.name: fact.value for fact in adapter.read(row.id).facts}
        assert (facts["URL"], facts["Status"]) == ("https://example.test/long.png", "200 OK")
        assert len(listing(adapter)) == self.count

    def test_a_damaged_copy_is_refused_and_the_rest_comes_back(self, adapter: Adapter) -> None:
        keep, rows = MemoryKeep(), [self.row(adapter, key) for key in PAGES[:2]]
        adapter.remove([row.seen for row in rows], keep)
        damaged = replace(keep.taken[0], data=b"\xc1" + keep.taken[0].data)
        answers = adapter.restore([damaged, keep.taken[1]], keep)
        assert [answer.fate for answer in answers] == [Return.FAILED, Return.RESTORED]
