"""Libraries that keep an entry in a Redis key, each with the real one beside it."""

from __future__ import annotations

import pytest
from applications import running
from contract import listing, rows_of
from keeping import MemoryKeep
from redis_caches import application, attached
from redis_library_contract import RedisLibraryContract

from cache_studio.model.seeing import Renewed

pytestmark = pytest.mark.redis
KEYS = ("user:1", "user:2", "плитка", "emoji 🦊", '<img src="x">', "line\nbreak", "nul\0byte")
FOREVER = ("always", "always 2")


class TestDjango(RedisLibraryContract):
    format_name = "redis-django"
    program = "redis_django_program"
    versions = "Django 5.2.19"
    ordinary = (*KEYS, "number")
    forever = FOREVER
    count = 10


class TestDjangoRedis(TestDjango):
    program = "redis_django_redis_program"
    versions = "django-redis 7.0.0"


def test_keys_of_sessions_are_masked_and_found(redis_url: str) -> None:
    with running("redis_django_program") as django:
        secret = django.call("login", redis_url)
        with attached(redis_url, "redis-django") as adapter:
            row = next(iter(listing(adapter).values()))
            assert row.key.startswith("django.contrib.sessions.cache•••")
            assert secret not in row.key
            assert rows_of(adapter.lookup([row.key])) == [row]
            assert rows_of(adapter.lookup([f"django.contrib.sessions.cache{secret}"])) == [row]
            assert secret not in str(adapter.read(row.id).facts)
            keep = MemoryKeep()
            adapter.remove([row.seen], keep)
            assert [copy.key for copy in keep.taken] == [row.key]


@pytest.mark.parametrize(
    ("module", "packed"),
    [("zlib.ZlibCompressor", "zlib"), ("lzma.LzmaCompressor", "xz"), ("gzip.GzipCompressor", "gzip")],
)
def test_how_django_redis_packs_a_value_is_told(redis_url: str, module: str, packed: str) -> None:
    with running("redis_django_redis_program") as django:
        name = django.call("compressed", redis_url, module)
    with attached(redis_url + "?prefix=", "redis-django") as adapter:
        row = listing(adapter)[name]
        assert (row.namespace, row.key) == ("packed:1", "long")
        facts = {fact.name: fact.value for fact in adapter.read(row.id).facts}
    assert facts == {"Name in Redis": "packed:1:long", "Compressed by": packed}


def test_djangos_expiry_can_be_set(redis_url: str) -> None:
    with running("redis_django_program") as django, application(redis_url) as client:
        django.call("make", redis_url)
        with attached(redis_url, "redis-django") as adapter:
            row = listing(adapter)[":1:user:1"]
            assert adapter.set_expiry([row.seen], [row.expires + 1000])[0].fate is Renewed.SET
            assert client.ttl(":1:user:1") > 4500
            assert django.call("holds", "user:1")
