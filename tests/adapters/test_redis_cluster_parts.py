"""A cluster is listed part by part, and one key of it lies in one part."""

from __future__ import annotations

from collections.abc import Iterator

import leftovers
import pytest
import redis
from contract import listing
from keeping import MemoryKeep
from redis_caches import attached
from redis_topologies import Cluster
from servers import RedisServer

from cache_studio.adapters.base import Adapter
from cache_studio.model.columns import Reach
from cache_studio.model.seeing import Fate, Return

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def cluster(redis_server: RedisServer) -> Iterator[Cluster]:
    with Cluster() as cluster:
        leftovers.lasting.update(cluster.pids)
        yield cluster


@pytest.fixture
def client(cluster: Cluster) -> Iterator[redis.RedisCluster]:
    client = cluster.client()
    client.flushall(target_nodes=redis.RedisCluster.PRIMARIES)
    yield client
    client.close()


def reached(adapter: Adapter) -> list[Reach]:
    """What each batch of a listing says of how far it goes."""
    return [reach for _batch in adapter.scan() if (reach := adapter.reach()) is not None]


def test_a_listing_says_at_which_node_it_is(cluster: Cluster, client: redis.RedisCluster) -> None:
    client.mset_nonatomic({f"k:{number}": "value" for number in range(3_000)})
    with attached(cluster.url) as adapter:
        parts = reached(adapter)
    assert {(reach.keys, reach.each, reach.parts) for reach in parts} == {(3_000, True, 3)}
    assert [reach.part for reach in parts] == sorted(reach.part for reach in parts)
    assert len({reach.part for reach in parts}) > 1


def test_the_fields_of_a_hash_are_where_the_hash_is(cluster: Cluster, client: redis.RedisCluster) -> None:
    for name in ("one", "two", "three"):
        client.hset(name, mapping={f"field {number}": "value" for number in range(300)})
        with attached(cluster.url + "?hash=" + name, "redis-hash") as adapter:
            rows, keep = listing(adapter), MemoryKeep()
            assert len(rows) == 300
            assert {one.fate for one in adapter.remove([row.seen for row in rows.values()], keep)} == {Fate.REMOVED}
            assert not client.exists(name)
            assert {one.fate for one in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
            assert listing(adapter) == rows
