"""aiohttp-client-cache in Redis: responses made here, nothing fetched."""

import aiohttp_client_cache_program as shared
from aiohttp_client_cache import RedisBackend
from aiohttp_client_cache_program import BROKEN, PAGES, hash_of, put, response, run, timedelta
from redis_keys_of import client_of, others

NAME = "aiohttp-cache"
_opened = []


def open(url):
    _opened[:] = [RedisBackend(NAME, url)]
    shared._opened[:] = _opened


def make(url):
    open(url)
    client = client_of(url)
    others(client)
    run(shared.fill(_opened[0]))
    value = client.hget(NAME + ":responses", hash_of(_opened[0], PAGES[0]))
    client.hset(NAME + ":responses", BROKEN, value[:60])
    return {"location": url, "options": {"prefix": NAME}}


def truth(url):
    return run(shared.entries(RedisBackend(NAME, url)))


def holds(key):
    return shared.holds(key)


def redirects():
    client = _opened[0].redirects
    return run(_all(client))


async def _all(table):
    connection = await table.get_connection()
    found = await connection.hgetall(table.hash_key)
    return {field.decode(): table.deserialize(value) for field, value in found.items()}


def complaints():
    held = run(_all_keys())
    return [f"{field} leads to nothing" for field, key in redirects().items() if key not in held]


async def _all_keys():
    connection = await _opened[0].responses.get_connection()
    return {key.decode() for key in await connection.hkeys(_opened[0].responses.hash_key)}


def rewrite(key):
    run(put(_opened[0], key, response(key, timedelta(hours=9), b"another, longer value " * 30)))


def delete(key):
    run(_opened[0].responses.delete(hash_of(_opened[0], key)))
