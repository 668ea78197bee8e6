"""Whole pages of keys removed at once on a real server: each is still compared by itself, and each comes back."""

from collections.abc import Iterator

import pytest
import redis
from contract import listing
from keeping import MemoryKeep
from redis_caches import application, attached, dumps

from cache_studio.adapters.redis_key_copies import DUMPED_BYTES
from cache_studio.adapters.redis_page_removal import PAGE_ENTRIES
from cache_studio.model.seeing import Fate, Return, Seen
from cache_studio.model.targets import parse_target

pytestmark = pytest.mark.redis

KEYS = 450


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with application(redis_url) as found:
        yield found


def fill(client: redis.Redis) -> None:
    """Keys of all kinds in several pages, with and without an expiry; one is too large to be dumped."""
    for number in range(KEYS):
        client.set(f"app:{number:04}", f"value {number}" * 5, px=None if number % 3 else 3_600_000 + number)
    client.set(b"app:\xff\xfe", b"\x00\xff")
    client.rpush("app:list", "a", "b")
    client.hset("app:hash", mapping={"a": "1", "b": "2"})
    client.zadd("app:zset", {"a": 1.5})
    client.set("app:large", b"x" * (2 * DUMPED_BYTES))


def seen_of(url: str) -> list[Seen]:
    with attached(url) as adapter:
        return [row.seen for row in listing(adapter).values()]


def test_a_batch_goes_and_comes_back_to_the_byte_uncounted(client: redis.Redis, redis_url: str) -> None:
    fill(client)
    before, keep = dumps(parse_target(redis_url)), MemoryKeep()
    with attached(redis_url) as adapter:
        assert adapter.batch_size == PAGE_ENTRIES
        counted = adapter.counters()
        seen = [row.seen for row in listing(adapter).values()]
        sizes = {one.id: one.stamp[1] for one in seen}
        removals = adapter.remove(seen, keep)
        assert {removal.fate for removal in removals} == {Fate.REMOVED}
        assert {removal.id: removal.freed for removal in removals} == sizes
        assert [removal.id for removal in removals] == [one.id for one in seen]
        assert not client.keys()
        assert adapter.present(keep.taken) == [False] * len(seen)
        assert {back.fate for back in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
        assert adapter.present(keep.taken) == [True] * len(seen)
        assert adapter.counters() == counted
    assert dumps(parse_target(redis_url)) == before


@pytest.mark.parametrize("with_copies", [True, False])
def test_each_of_a_page_is_compared(client: redis.Redis, redis_url: str, with_copies: bool) -> None:
    fill(client)
    seen = seen_of(redis_url)
    client.set("app:0003", "a longer value " * 20, keepttl=True)
    client.pexpire("app:0006", 9_000_000)
    client.persist("app:0009")
    client.delete("app:0012", "app:list")
    client.rpush("app:0012", "another type")
    keep = MemoryKeep() if with_copies else None
    with attached(redis_url) as adapter:
        fates = {removal.id: removal.fate for removal in adapter.remove(seen, keep)}
    changed = {"app:0003", "app:0006", "app:0009", "app:0012"}
    assert {name for name, fate in fates.items() if fate is Fate.CHANGED} == changed
    assert {name for name, fate in fates.items() if fate is Fate.GONE} == {"app:list"}
    assert set(map(bytes.decode, client.keys())) == changed
    if keep is not None:
        assert len(keep.taken) == len(seen) - len(changed) - 1


def test_what_is_stored_while_copies_are_taken_stays(client: redis.Redis, redis_url: str) -> None:
    fill(client)
    seen = seen_of(redis_url)

    def store() -> None:
        client.set("app:0001", "value 9" * 5)  # of the same length: only its content tells
        client.delete("app:0002")

    with attached(redis_url) as adapter:
        fates = {removal.id: removal.fate for removal in adapter.remove(seen, MemoryKeep(store))}
    assert (fates.pop("app:0001"), fates.pop("app:0002")) == (Fate.CHANGED, Fate.GONE)
    assert set(fates.values()) == {Fate.REMOVED}
    assert client.keys() == [b"app:0001"]


@pytest.mark.parametrize("with_copies", [True, False])
def test_a_key_that_the_user_may_not_touch_keeps_no_other(
    client: redis.Redis, redis_url: str, with_copies: bool
) -> None:
    fill(client)
    client.set("other:key", "value")
    seen = seen_of(redis_url)
    client.execute_command("ACL", "SETUSER", "limited", "on", ">secret", "~app:*", "&*", "+@all")
    try:
        with attached(redis_url.replace("//", "//limited:secret@")) as adapter:
            removals = {one.id: one for one in adapter.remove(seen, MemoryKeep() if with_copies else None)}
    finally:
        client.execute_command("ACL", "DELUSER", "limited")
    refused = removals.pop("other:key")
    assert refused.fate is Fate.FAILED
    assert refused.reason
    assert {removal.fate for removal in removals.values()} == {Fate.REMOVED}
    assert client.keys() == [b"other:key"]
