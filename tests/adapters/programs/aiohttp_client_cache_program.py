"""aiohttp-client-cache in SQLite: responses made here, nothing fetched."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp_client_cache import SQLiteBackend
from aiohttp_client_cache.response import CachedResponse
from yarl import URL

PAGES = [f"GET https://example.test/page/{number}?q=1" for number in range(3)]
LONG = "GET https://example.test/long.png"
HOSTILE = "GET https://example.test/%3Cb%3E%00/%C3%BC%F0%9F%98%80?q='"
OTHER = "HEAD https://example.test/form"
REDIRECTED = "GET https://example.test/old"
STALE = ["GET https://example.test/stale/1", "GET https://example.test/stale/2"]
FOREVER = ["GET https://example.test/forever/1", "GET https://example.test/forever/2"]
BROKEN = "00c0ffee" * 8
_loop = asyncio.new_event_loop()
_opened = []


def run(work):
    """Wait for a coroutine of the library."""
    return _loop.run_until_complete(asyncio.wait_for(work, 40))


def now() -> datetime:
    """UTC without an offset, as the library writes it."""
    return datetime.now(UTC).replace(tzinfo=None)


def response(key: str, lives: timedelta | None, body: bytes = b'{"a": 1}', kind: str = "application/json"):
    """A response that was stored an hour ago and lives so long from now."""
    method, _, url = key.partition(" ")
    return CachedResponse(
        method=method, reason="OK", status=200, url=URL(url), version=(1, 1), body=body,
        created_at=now() - timedelta(hours=1), expires=None if lives is None else now() + lives,
        raw_headers=((b"Content-Type", kind.encode() + b"; charset=utf-8"), (b"Server", b"test")), real_url=URL(url),
    )  # fmt: skip


async def keys_of(table) -> list:
    """All keys of one of the library's tables."""
    listed = table.keys()
    return [key async for key in listed]


def hash_of(cache, key: str) -> str:
    """The key that the library stores it under."""
    method, _, url = key.partition(" ")
    return cache.create_key(method, URL(url)) if url else key


async def put(cache, key: str, made) -> None:
    """Store it as `save_response` does with what was fetched."""
    await cache.responses.write(hash_of(cache, key), made)
    for first in made.history:
        await cache.redirects.write(cache.create_key(first.method, first.url), hash_of(cache, key))


async def fill(cache) -> None:
    """A dozen responses, of which one comes by a redirect."""
    hours = timedelta(hours=5, microseconds=123_456)
    for key in [*PAGES, HOSTILE, OTHER]:
        await put(cache, key, response(key, hours))
    await put(cache, LONG, response(LONG, hours, bytes(range(256)) * 800, "image/png"))
    made = response("GET https://example.test/new", hours)
    made.history = (response(REDIRECTED, None, b""),)
    await put(cache, REDIRECTED, made)
    for key in STALE:
        await put(cache, key, response(key, -timedelta(days=2)))
    for key in FOREVER:
        await put(cache, key, response(key, None))
    await cache.close()


def make(folder: str) -> dict:
    """The cache and a broken row of it."""
    path = Path(folder) / "aiohttp-cache.sqlite"
    run(fill(SQLiteBackend(str(path))))
    with closing(sqlite3.connect(path)) as database:
        value = database.execute("SELECT value FROM responses").fetchone()[0]
        database.execute("INSERT INTO responses (key, value) VALUES (?, ?)", (BROKEN, b"\x80\x04." + value[:40]))
        database.commit()
    return {"location": path.name, "options": {}}


async def entries(cache) -> list:
    """Every entry by the library itself."""
    found = []
    for key in await keys_of(cache.responses):
        try:
            cached = await cache.responses.read(key)
            asked = cached.history[0] if cached.history else cached
            moment = None if cached.expires is None else cached.expires.replace(tzinfo=UTC).timestamp()
            found.append({"key": f"{asked.method} {asked.url}", "expires": moment})
        except Exception:  # whatever a broken pickle makes pickle raise
            found.append({"key": key, "expires": "unknown"})
    await cache.close()
    return found


def truth(location: str) -> list:
    """Key and expiry of every entry."""
    return run(entries(SQLiteBackend(location)))


def open(location: str) -> None:
    """Open the cache and keep it open."""
    cache = SQLiteBackend(location)
    cache.responses._connection._thread.daemon = True  # the program ends although it is open
    _opened[:] = [cache]


def holds(key: str) -> bool:
    """Whether a session would get it from the cache."""
    cache = _opened[0]

    async def found() -> bool:
        if not await cache.responses.contains(hash_of(cache, key)):
            return False
        return await cache.get_response(hash_of(cache, key)) is not None

    return run(found())


def contains(key: str) -> bool:
    """What the library says without looking at the response."""
    method, _, url = key.partition(" ")
    return run(_opened[0].has_url(URL(url), method))


def redirects() -> dict:
    """The table of redirects."""
    cache = _opened[0]

    async def all_of() -> dict:
        return {key: await cache.redirects.read(key) for key in await keys_of(cache.redirects)}

    return run(all_of())


def complaints() -> list:
    """Redirects that lead nowhere, and a length that is another one than that of its keys."""
    cache = _opened[0]
    there = set(run(keys_of(cache.responses)))
    wrong = [f"{key} leads to {value}, which is gone" for key, value in redirects().items() if value not in there]
    return wrong + ([] if run(cache.responses.size()) == len(there) else ["its length is wrong"])


def rewrite(key: str) -> None:
    """A longer response under the same key."""
    run(put(_opened[0], key, response(key, timedelta(hours=7), b'{"a": "' + b"longer" * 50 + b'"}')))


def delete(key: str) -> None:
    """As an application does."""
    run(_opened[0].delete(hash_of(_opened[0], key)))
