"""aiocache in Redis with a namespace and JSON."""

import asyncio
from urllib.parse import urlsplit

from aiocache import Cache
from aiocache.serializers import JsonSerializer
from redis_keys_of import FOREVER, ORDINARY, VALUE, client_of, expiry_of, others

PREFIX = "main:"
_open = {}


def open(url):
    parts = urlsplit(url)

    async def begin():
        return Cache(
            Cache.REDIS, endpoint=parts.hostname, port=parts.port, namespace="main", serializer=JsonSerializer()
        )

    if not _open:
        _open["loop"] = asyncio.new_event_loop()
        _open["cache"] = _run(begin())


def _run(call):
    return _open["loop"].run_until_complete(call)


def make(url):
    open(url)
    others(client_of(url))
    for place, key in enumerate(ORDINARY):
        _run(_open["cache"].set(key, {**VALUE, "more": "x" * 50 * place}, ttl=3600 * (place + 1)))
    for key in FOREVER:
        _run(_open["cache"].set(key, "a text " * 20))
    return {"location": url, "options": {"prefix": PREFIX}}


def truth(url):
    client = client_of(url)
    names = [name.decode() for name in client.scan_iter(PREFIX + "*")]
    return [{"key": name.removeprefix(PREFIX), "expires": expiry_of(client, name)} for name in names]


def holds(key):
    return _run(_open["cache"].get(key)) is not None


def complaints():
    return []


def rewrite(key):
    _run(_open["cache"].set(key, "another, longer value " * 30, ttl=7200))


def delete(key):
    _run(_open["cache"].delete(key))
