"""A server that Sentinels lead to: before, through and after a failover; and what stands in the way."""

from collections.abc import Iterator

import leftovers
import pytest
import redis
from contract import listing
from keeping import MemoryKeep
from redis_caches import attached
from redis_topologies import Sentinels, asked, client_of, raw_info, wait_for
from servers import HOST, RedisServer, free_port

from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import BadRequest, CacheStudioError, CacheUnavailable, UnsupportedAction
from cache_studio.model.seeing import Fate, Return

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def sentinels(redis_server: RedisServer) -> Iterator[Sentinels]:
    with Sentinels() as sentinels:
        leftovers.lasting.update(sentinels.pids)
        yield sentinels


@pytest.fixture
def primary(sentinels: Sentinels) -> RedisServer:
    """The server that is the primary now, empty."""
    found = next(one for one in (sentinels.primary, sentinels.replica) if one.port == sentinels.current())
    asked(found, "FLUSHALL")
    return found


@pytest.fixture
def client(primary: RedisServer) -> Iterator[redis.Redis]:
    client = client_of(primary)
    yield client
    client.close()


def other(sentinels: Sentinels, primary: RedisServer) -> RedisServer:
    return sentinels.replica if primary is sentinels.primary else sentinels.primary


def test_the_sentinels_lead_to_the_primary(sentinels: Sentinels, client: redis.Redis) -> None:
    client.set("k", "value", ex=100)
    with attached(sentinels.url) as adapter:
        row = listing(adapter)["k"]
        keep = MemoryKeep()
        assert [one.fate for one in adapter.remove([row.seen], keep)] == [Fate.REMOVED]
        assert client.get("k") is None
        assert [one.fate for one in adapter.restore(keep.taken, keep)] == [Return.RESTORED]
        assert client.get("k") == b"value"


def test_an_attachment_goes_on_at_the_new_primary(
    sentinels: Sentinels, primary: RedisServer, client: redis.Redis
) -> None:
    client.set("k", "value")
    new = other(sentinels, primary)
    wait_for(lambda: raw_info(new, "keyspace").count("keys=1"), "the replica to have the key")
    with attached(sentinels.url) as adapter:
        row = listing(adapter)["k"]
        before = adapter.counters().epoch
        sentinels.fail_over()

        def goes_on() -> bool:
            try:
                return adapter.counters().epoch != before
            except CacheUnavailable:
                return False

        wait_for(goes_on, "the attachment to come to the new primary")
        row = listing(adapter)["k"]
        assert [one.fate for one in adapter.remove([row.seen], None)] == [Fate.REMOVED]
        assert asked(new, "EXISTS", "k") == 0


def test_a_replica_is_only_looked_at(sentinels: Sentinels, primary: RedisServer, client: redis.Redis) -> None:
    client.set("k", "value")
    replica = other(sentinels, primary)
    sentinels.wait_for_replica(replica)
    wait_for(lambda: raw_info(replica, "keyspace").count("keys=1"), "the replica to have the key")
    for url in (sentinels.url + "?role=replica", replica.url):
        with attached(url) as adapter:
            row = listing(adapter)["k"]
            assert adapter.read("k").pieces[0].data == b"value"
            assert adapter.capabilities.why_not(Ability.REMOVE) == "This server is a replica and takes no changes."
            with pytest.raises(UnsupportedAction, match="replica"):
                adapter.remove([row.seen], None)


def test_a_service_that_nobody_knows(sentinels: Sentinels) -> None:
    with (
        pytest.raises(CacheUnavailable, match="do not know unheard of") as raised,
        attached(sentinels.url.replace("mymaster", "unheard")),
    ):
        pass
    assert "redis+sentinel://" in raised.value.hint


def test_no_sentinel_answers() -> None:
    with (
        pytest.raises(CacheUnavailable, match="No Sentinel answers"),
        attached(f"redis+sentinel://{HOST}:{free_port()}/mymaster"),
    ):
        pass


def test_the_first_sentinel_is_down(sentinels: Sentinels, client: redis.Redis) -> None:
    client.set("k", "value")
    url = sentinels.url.replace("redis+sentinel://", f"redis+sentinel://{HOST}:{free_port()},")
    with attached(url) as adapter:
        assert set(listing(adapter)) == {"k"}


def test_a_server_that_is_no_sentinel(primary: RedisServer) -> None:
    with pytest.raises(CacheStudioError), attached(f"redis+sentinel://{HOST}:{primary.port}/mymaster"):
        pass


def test_a_url_without_a_service_is_refused() -> None:
    with pytest.raises(BadRequest, match="does not name the service"), attached(f"redis+sentinel://{HOST}:26379"):
        pass
