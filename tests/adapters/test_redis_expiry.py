"""Setting the expiry of plain Redis keys: set, extend, end it, put back, and never that of a newer value."""

import math
import time

import pytest
import redis
from contract import listing
from redis_caches import application, attached

from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import UnsupportedAction
from cache_studio.model.seeing import Renewed

pytestmark = pytest.mark.redis


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    with application(redis_url) as client:
        yield client


def test_an_expiry_is_set_extended_ended_and_put_back(client: redis.Redis, redis_url: str) -> None:
    client.set("lives", "value", px=100_000)
    client.set("forever", "value")
    client.rpush("list", 1)
    with attached(
        f"{redis_url}?accessed=off"
    ) as adapter:  # a server tells last use by whole seconds: two listings differ
        before = listing(adapter)
        later = time.time() + 500
        chosen = [before[key] for key in ("lives", "forever", "list")]
        wanted = [math.inf, later, later]
        renewals = adapter.set_expiry([row.seen for row in chosen], wanted)
        assert [renewal.fate for renewal in renewals] == [Renewed.SET] * 3
        now = listing(adapter)
        assert [now[row.id].expires for row in chosen] == [renewal.expires for renewal in renewals]
        assert client.ttl("lives") == -1
        assert client.execute_command("PEXPIRETIME", "list") == round(later * 1000)
        back = adapter.set_expiry([now[row.id].seen for row in chosen], [row.expires for row in chosen])
        assert [renewal.fate for renewal in back] == [Renewed.SET] * 3
        assert listing(adapter) == before


def test_a_newer_value_keeps_its_own_expiry(client: redis.Redis, redis_url: str) -> None:
    client.mset({"changed": "value", "renewed": "value", "gone": "value"})
    with attached(redis_url) as adapter:
        rows = listing(adapter)
        client.set("changed", "another, longer value" * 20)
        client.expire("renewed", 50)
        client.delete("gone")
        chosen = [rows[key].seen for key in ("changed", "renewed", "gone")]
        renewals = adapter.set_expiry(chosen, [time.time() + 1000] * 3)
    assert [renewal.fate for renewal in renewals] == [Renewed.CHANGED, Renewed.CHANGED, Renewed.GONE]
    assert client.ttl("changed") == -1
    assert 0 < client.ttl("renewed") <= 50


def test_a_moment_that_has_passed_is_refused(client: redis.Redis, redis_url: str) -> None:
    client.set("key", "value")
    with attached(redis_url) as adapter:
        seen = listing(adapter)["key"].seen
        moments = [time.time() - 1, math.nan, 1e300, -math.inf]
        renewals = [adapter.set_expiry([seen], [moment])[0] for moment in moments]
    assert {renewal.fate for renewal in renewals} == {Renewed.FAILED}
    assert "passed" in renewals[0].reason
    assert client.ttl("key") == -1


def test_where_nothing_may_be_changed_it_is_refused(client: redis.Redis, redis_url: str) -> None:
    client.set("key", "value")
    client.acl_setuser("looker", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-persist"])
    with attached(redis_url, writable=False) as adapter, pytest.raises(UnsupportedAction):
        adapter.set_expiry([listing(adapter)["key"].seen], [math.inf])
    with attached(redis_url.replace("//", "//looker:x@")) as adapter:
        assert "PERSIST" in adapter.capabilities.why_not(Ability.SET_EXPIRY)
    with attached(redis_url, "redis-response") as adapter:
        assert not adapter.capabilities.can(Ability.SET_EXPIRY)
    client.acl_deluser("looker")
