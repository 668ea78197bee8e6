"""Libraries that keep an entry in a Redis key, each with the real one beside it."""

from __future__ import annotations

import json
import math
from hashlib import md5

import pytest
from applications import running
from contract import listing, rows_of
from keeping import MemoryKeep
from redis_caches import application, attached
from redis_library_contract import RedisLibraryContract

from cache_studio.adapters.redis_opening import recognise_url
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import UnsupportedAction
from cache_studio.model.seeing import Renewed
from cache_studio.model.targets import Target

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

    def test_keys_of_sessions_are_masked_and_found(self) -> None:
        secret = self._started.call("login", self.url)
        with attached(self.url, "redis-django") as adapter:
            row = next(iter(listing(adapter).values()))
            assert row.key.startswith("django.contrib.sessions.cache•••")
            assert secret not in row.key
            assert rows_of(adapter.lookup([row.key])) == [row]
            assert rows_of(adapter.lookup([f"django.contrib.sessions.cache{secret}"])) == [row]
            assert secret not in str(adapter.read(row.id).facts)
            keep = MemoryKeep()
            adapter.remove([row.seen], keep)
            assert [copy.key for copy in keep.taken] == [row.key]

    def test_djangos_expiry_can_be_set(self) -> None:
        with application(self.url) as client:
            self._started.call("make", self.url)
            with attached(self.url, "redis-django") as adapter:
                row = listing(adapter)[":1:user:1"]
                assert adapter.set_expiry([row.seen], [row.expires + 1000])[0].fate is Renewed.SET
                assert client.ttl(":1:user:1") > 4500
                assert self._started.call("holds", "user:1")


class TestDjangoRedis(TestDjango):
    program = "redis_django_redis_program"
    versions = "django-redis 7.0.0"

    @pytest.mark.parametrize(
        ("module", "packed"),
        [("zlib.ZlibCompressor", "zlib"), ("lzma.LzmaCompressor", "xz"), ("gzip.GzipCompressor", "gzip")],
    )
    def test_how_django_redis_packs_a_value_is_told(self, module: str, packed: str) -> None:
        name = self._started.call("compressed", self.url, module)
        with attached(self.url + "?prefix=", "redis-django") as adapter:
            row = listing(adapter)[name]
            assert (row.namespace, row.key) == ("packed:1", "long")
            facts = {fact.name: fact.value for fact in adapter.read(row.id).facts}
        assert facts == {"Name in Redis": "packed:1:long", "Compressed by": packed}


class TestFlask(RedisLibraryContract):
    format_name = "redis-flask"
    program = "redis_flask_program"
    versions = "Flask-Caching 2.5.1"
    ordinary = (*KEYS, "number", "view//page")
    forever = FOREVER
    count = 11

    def test_a_view_of_flask_is_read_without_its_mark(self) -> None:
        with attached(self.url, "redis-flask") as adapter:
            self._started.call("make", self.url)
            page = adapter.read("flask_cache_view//page").pieces[0]
            assert (page.hint, b"a page" in page.data) == ("pickle", True)
            assert adapter.read("flask_cache_number").pieces[0].data == b"12345"


class TestFastapi(RedisLibraryContract):
    format_name = "redis-fastapi-cache"
    program = "redis_fastapi_program"
    versions = "fastapi-cache2 0.2.2"
    ordinary = tuple(md5(f"redis_fastapi_program:user:({n},):{{}}".encode()).hexdigest() for n in range(8))
    forever = ("custom",)
    count = 11


class TestAiocache(RedisLibraryContract):
    format_name = "redis-aiocache"
    program = "redis_aiocache_program"
    versions = "aiocache 0.12.3"
    certainty = ""
    ordinary = KEYS
    forever = FOREVER
    count = 9


class TestLangchain(RedisLibraryContract):
    format_name = "redis-langchain"
    program = "redis_langchain_program"
    versions = "langchain-community 0.4.2"
    ordinary = tuple(
        md5(f"What is {n}?[('model', 'gpt'), ('temperature', 0.0)]".encode()).hexdigest() for n in range(8)
    )
    count = 10

    def test_generations_of_langchain_are_pieces(self) -> None:
        with attached(self.url, "redis-langchain") as adapter:
            self._started.call("make", self.url)
            endless = next(row for row in listing(adapter).values() if row.expires == math.inf)
            pieces = adapter.read(endless.id).pieces
            assert [(piece.name, piece.hint) for piece in pieces] == [("value", "json"), ("generation 2", "json")]
            assert json.loads(pieces[1].data)["kwargs"]["text"] == "two"


class TestDogpile(RedisLibraryContract):
    format_name = "redis-dogpile"
    program = "redis_dogpile_program"
    versions = "dogpile.cache 1.5.0"
    ordinary = KEYS
    forever = FOREVER
    count = 9

    def test_dogpile_tells_when_a_value_was_made_and_lists_nothing_of_others(self) -> None:
        with attached(self.url, "redis-dogpile") as adapter:
            self._started.call("make", self.url)
            row = listing(adapter)["user:1"]
            assert row.created == self._started.call("created", "user:1")
            value, metadata = adapter.read("user:1").pieces
            assert (value.hint, value.data[:1], metadata.name) == ("pickle", b"\x80", "metadata")
            assert rows_of(adapter.lookup(["other application:1"])) == []


class TestCachecontrol(RedisLibraryContract):
    format_name = "redis-cachecontrol"
    program = "redis_cachecontrol_program"
    versions = "CacheControl 0.14.4"
    ordinary = tuple(f"http://example.org/page/{number}" for number in range(8))
    forever = ("http://example.org/moved", "http://example.org/moved/too")
    count = 11

    def test_a_response_of_cachecontrol_is_read_as_msgpack(self) -> None:
        with attached(self.url, "redis-cachecontrol") as adapter:
            self._started.call("make", self.url)
            assert adapter.read("http://example.org/page/1").pieces[0].hint == "msgpack"
            assert "headers" in adapter.capabilities.why_not(Ability.SET_EXPIRY)


class TestBeaker(RedisLibraryContract):
    format_name = "redis-beaker"
    program = "redis_beaker_program"
    versions = "Beaker 1.14.1"
    ordinary = ("user 1", "user 2", "user 3", "user 4", "<b>html</b>", "line\nbreak")
    forever = FOREVER
    count = 8

    def test_a_session_of_beaker_is_masked(self) -> None:
        with attached(self.url, "redis-beaker") as adapter:
            secret = self._started.call("login", self.url)
            row = next(iter(listing(adapter).values()))
            assert row.key == "session"
            assert secret not in row.namespace
            assert rows_of(adapter.lookup(["session"], row.namespace)) == [row]


@pytest.mark.parametrize("library", ["celery", "rq"])
def test_results_are_only_looked_at(redis_url: str, library: str) -> None:
    with running("redis_results_program") as program, application(redis_url) as client:
        ids = program.call(library, redis_url)
        client.set("other application", "value")
        names = sorted(client.keys())
        proposed = [(answer["format"], answer["certainty"]) for answer in recognise_url(Target(redis_url))]
        assert proposed[0][0] == "redis-" + library
        assert proposed[0][1] == "look"
        with attached(redis_url, f"redis-{library}") as adapter:
            rows = listing(adapter)
            assert set(ids) <= {row.key for row in rows.values()}
            assert "other application" not in rows
            assert all(adapter.read(name).pieces for name in rows)
            assert "are data" in adapter.capabilities.why_not(Ability.REMOVE)
            for refused in (
                lambda: adapter.remove([row.seen for row in rows.values()], None),
                lambda: adapter.set_expiry([row.seen for row in rows.values()], [math.inf] * len(rows)),
                lambda: adapter.restore([], MemoryKeep()),
            ):
                with pytest.raises(UnsupportedAction, match="are data"):
                    refused()
        assert sorted(client.keys()) == names


def test_values_of_others_are_told_apart(redis_url: str) -> None:
    """A library's format forced on what is not its own lists nothing."""
    with application(redis_url) as client:
        client.mset({"plain": "value", ":x:y": "value", "d41d8cd98f00b204e9800998ecf8427e": "no hash"})
        client.hset("hash", "field", "value")
        client.set("beaker", "x")
        for name in ("django", "langchain", "dogpile", "cachecontrol", "beaker", "fastapi-cache", "celery", "rq"):
            with attached(redis_url, f"redis-{name}") as adapter:
                assert listing(adapter) == {}, name


@pytest.mark.parametrize(("head", "name"), [(b"\x28\xb5\x2f\xfd", "zstd"), (b"\x04\x22\x4d\x18", "lz4")])
def test_packings_are_told_by_their_first_bytes(redis_url: str, head: bytes, name: str) -> None:
    with application(redis_url) as client, attached(redis_url, "redis-django") as adapter:
        client.set(":1:packed", head + b"rest")
        assert adapter.read(":1:packed").facts[-1].value == name


def test_a_few_pickles_among_others_are_no_djangos_for_sure(redis_url: str) -> None:
    with application(redis_url) as client:
        client.mset({f"user:{number}:profile": b"\x80\x05K\x01." for number in range(5)})
        client.mset({f"session:{number}": "text" for number in range(50)})
    found = recognise_url(Target(redis_url))
    assert {answer["certainty"] for answer in found} == {"look"}


def test_looking_for_libraries_counts_nothing(redis_url: str) -> None:
    with application(redis_url) as client, attached(redis_url) as adapter:
        client.mset({f"key:{number}": "value" for number in range(2_000)} | {":1:a": b"\x80\x05K\x01."})
        before = adapter.counters()
        recognise_url(Target(redis_url))
        assert adapter.counters() == before
