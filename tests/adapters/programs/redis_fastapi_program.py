"""fastapi-cache2 with functions of several namespaces."""

import asyncio

import redis.asyncio
from fastapi_cache import FastAPICache
from fastapi_cache.backends.redis import RedisBackend
from fastapi_cache.coder import JsonCoder
from fastapi_cache.decorator import cache
from redis_keys_of import client_of, expiry_of, others

PREFIX = "fastapi-cache:"
_open = {}


@cache(expire=3600, namespace="users")
async def user(number):
    return {"user": number, "name": "x" * number}


@cache(expire=600)
async def page(name):
    return "<html>" + name


def open(url):
    async def begin():
        _open["client"] = redis.asyncio.Redis.from_url(url)
        FastAPICache.init(RedisBackend(_open["client"]), prefix="fastapi-cache")

    if not _open:
        _open["loop"] = asyncio.new_event_loop()
        _run(begin())


def _run(call):
    return _open["loop"].run_until_complete(call)


def make(url):
    open(url)
    others(client_of(url))
    for number in range(8):
        _run(user(number))
    for name in ("a", "b"):
        _run(page(name))
    rewrite("custom", None)
    return {"location": url, "options": {"prefix": PREFIX}}


def truth(url):
    client = client_of(url)
    names = [name.decode() for name in client.scan_iter(PREFIX + "*")]
    return [{"key": name.rpartition(":")[2], "expires": expiry_of(client, name)} for name in names]


def _name(key):
    return f"{PREFIX}users:{key}"


def holds(key):
    return _run(FastAPICache.get_backend().get(_name(key))) is not None


def complaints():
    return []


def rewrite(key, expire=7200):
    value = JsonCoder.encode({"text": "another, longer value " * 30})
    _run(FastAPICache.get_backend().set(_name(key), value, expire))


def delete(key):
    _run(FastAPICache.get_backend().clear(key=_name(key)))
