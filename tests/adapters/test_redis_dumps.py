"""Equal content is recognised in whatever order a server dumps it; other content is not."""

import pytest
from contract import listing
from keeping import MemoryKeep
from redis_caches import application, attached

from cache_studio.adapters.redis_dumps import same_content
from cache_studio.model.seeing import Fate, Return

MEMBERS = {f"field {number}": ("v" * number, str(number), "x" * 900)[number % 3] for number in range(700)}


@pytest.mark.redis
def test_members_in_another_order_are_the_same(redis_url: str) -> None:
    with application(redis_url) as client:
        for key, names in (("one", list(MEMBERS)), ("other", list(reversed(MEMBERS)))):
            client.hset(f"hash {key}", mapping={name: MEMBERS[name] for name in names})
            client.sadd(f"set {key}", *names)
        dumps = {key: client.dump(key) for key in client.scan_iter()}
        assert dumps[b"hash one"] != dumps[b"hash other"]
        assert same_content(dumps[b"hash one"], dumps[b"hash other"])
        assert same_content(dumps[b"set one"], dumps[b"set other"])
        assert not same_content(dumps[b"hash one"], dumps[b"set one"])
        client.hset("hash other", "field 698", MEMBERS["field 698"][:-1] + "w")
        assert not same_content(dumps[b"hash one"], client.dump("hash other"))
        client.hset("hash other", mapping={"field 1": MEMBERS["field 4"], "field 4": MEMBERS["field 1"]})
        assert not same_content(dumps[b"hash one"], client.dump("hash other"))
        for cut in range(1, 400):
            assert not same_content(dumps[b"hash one"], dumps[b"hash one"][:-cut])


@pytest.mark.redis
def test_a_restored_hash_is_not_taken_for_a_newer_one(redis_url: str) -> None:
    with application(redis_url) as client, attached(f"{redis_url}?prefix=app:") as adapter:
        for number in range(40):
            client.hset(f"app:{number}", mapping={f"{number} a": "v" * 100, f"{number} b": "w" * 100})
        seen = [row.seen for row in listing(adapter).values()]
        keep = MemoryKeep()
        assert {removal.fate for removal in adapter.remove(seen, keep)} == {Fate.REMOVED}
        for _twice in range(2):
            assert {answer.fate for answer in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
            assert all(adapter.present(keep.taken))
        client.hset("app:7", "7 a", "newer")
        fates = [answer.fate for answer in adapter.restore(keep.taken, keep)]
        assert (fates.count(Return.NEWER_KEPT), fates.count(Return.RESTORED)) == (1, 39)
