"""requests-cache, 1.x or 0.x by the set it runs with: responses made here, nothing fetched."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from requests_cache import CachedResponse
from requests_cache.backends.sqlite import SQLiteCache
from requests_cache.models import CachedRequest

NAIVE = version("requests-cache").startswith("0.")
"""Whether the library keeps times in UTC without an offset."""
PAGES = [f"GET https://example.test/page/{number}" for number in range(3)]
LONG = "GET https://example.test/long.png"
HOSTILE = "GET https://example.test/<b>&q='\u00fc\U0001f600\u202e"
POSTED = "POST https://example.test/form"
REDIRECTED = "GET https://example.test/old"
STALE = ["GET https://example.test/stale/1", "GET https://example.test/stale/2"]
FOREVER = ["GET https://example.test/forever/1", "GET https://example.test/forever/2"]
BROKEN = "00c0ffee00c0ffee"
_opened = []


def now() -> datetime:
    """As the library writes it."""
    moment = datetime.now(UTC)
    return moment.replace(tzinfo=None) if NAIVE else moment


def request(key: str) -> CachedRequest:
    """The request of "METHOD URL"."""
    method, _, url = key.partition(" ")
    return CachedRequest(
        method=method, url=url, headers={"User-Agent": "test"}, body=b"a=1" if method == "POST" else b""
    )


def response(key: str, lives: timedelta | None, content: bytes = b'{"a": 1}', kind: str = "application/json"):
    """A response that was stored an hour ago and lives so long from now."""
    asked = request(key)
    made = CachedResponse(
        content=content, status_code=200, reason="OK", url=asked.url, request=asked, encoding="utf-8",
        headers={"Content-Type": f"{kind}; charset=utf-8", "Server": "test"}, created_at=now() - timedelta(hours=1),
        expires=None if lives is None else now() + lives,
    )  # fmt: skip
    if NAIVE:
        made.raw.request_url = asked.url
    return made


def redirected(key: str, lives: timedelta | None):
    """A page that was reached by a redirect."""
    first = response(key, None, b"")
    first.status_code, first.reason = 302, "Found"
    first.headers["Location"] = "https://example.test/new"
    made = response("GET https://example.test/new", lives)
    made.history = [first]
    return made


def hash_of(cache, key: str) -> str:
    """The key that the library stores it under."""
    found = cache.create_key(request(key).copy() if NAIVE else request(key))
    return found if key != BROKEN else BROKEN


def put(cache, key: str, made) -> None:
    """Store it as a session does."""
    cache.save_response(made, hash_of(cache, key), made.expires)


def fill(cache) -> None:
    """A dozen responses, of which one comes by a redirect."""
    hours = timedelta(hours=5, microseconds=123_456)
    for key in [*PAGES, HOSTILE, POSTED]:
        put(cache, key, response(key, hours))
    put(cache, LONG, response(LONG, hours, bytes(range(256)) * 800, "image/png"))
    put(cache, REDIRECTED, redirected(REDIRECTED, hours))
    for key in STALE:
        put(cache, key, response(key, -timedelta(days=2)))
    for key in FOREVER:
        put(cache, key, response(key, None))


def shown(cached) -> str:
    """As the studio shows it."""
    asked = cached.history[0].request if cached.history else cached.request
    return f"{asked.method} {asked.url}"


def expiry(cached) -> float | None:
    """The library's own, as epoch seconds."""
    if cached.expires is None:
        return None
    return (cached.expires.replace(tzinfo=UTC) if NAIVE else cached.expires).timestamp()


def opened(location: str) -> SQLiteCache:
    """A cache that is there."""
    return SQLiteCache(location)


def make(folder: str) -> dict:
    """The cache and a broken row of it."""
    path = Path(folder) / "http_cache.sqlite"
    cache = SQLiteCache(str(path))
    fill(cache)
    cache.responses.close()
    cache.redirects.close()
    with closing(sqlite3.connect(path)) as database:
        value = database.execute("SELECT value FROM responses").fetchone()[0]
        database.execute("INSERT INTO responses (key, value) VALUES (?, ?)", (BROKEN, value[:200]))
        database.commit()
    return {"location": path.name, "options": {}}


def make_serialized(folder: str, serializer: str) -> dict:
    """The same responses in another form, told by the library (1.x)."""
    from requests_cache import init_serializer
    from requests_cache.serializers import safe_pickle_serializer

    path = Path(folder) / f"{serializer}.sqlite"
    signed = safe_pickle_serializer(secret_key="not a secret")
    form = signed if serializer == "safe_pickle" else init_serializer(serializer, False)
    cache = SQLiteCache(str(path), serializer=form)
    fill(cache)
    found = entries(cache)
    cache.responses.close()
    cache.redirects.close()
    return {"location": str(path), "truth": found}


def entries(cache) -> list:
    """Every entry by the library itself."""
    found = []
    for key in list(cache.responses):
        cached = cache.get_response(key)
        if cached is None:
            found.append({"key": key, "expires": "unknown" if NAIVE else None})
        else:
            found.append({"key": shown(cached), "expires": expiry(cached)})
    return found


def truth(location: str) -> list:
    """Key and expiry of every entry."""
    return entries(opened(location))


def open(location: str) -> None:
    """Open the cache and keep it open."""
    _opened[:] = [opened(location)]


def holds(key: str) -> bool:
    """Whether a session would get it from the cache."""
    cache = _opened[0]
    return cache.contains(hash_of(cache, key)) and cache.get_response(hash_of(cache, key)) is not None


def contains(key: str) -> bool:
    """What the library says without looking at the response."""
    return _opened[0].contains(hash_of(_opened[0], key))


def complaints() -> list:
    """Redirects that lead nowhere, and a length that is another one than that of its keys."""
    cache = _opened[0]
    keys = set(cache.responses)
    wrong = [f"{key} leads to {value}, which is gone" for key, value in cache.redirects.items() if value not in keys]
    return wrong + ([] if len(cache.responses) == len(keys) else ["its length is wrong"])


def rewrite(key: str) -> None:
    """A longer response under the same key."""
    made = response(key, timedelta(hours=7), b'{"a": "' + b"longer" * 50 + b'"}')
    put(_opened[0], key, made)


def delete(key: str) -> None:
    """As an application does."""
    cache = _opened[0]
    if NAIVE:
        cache.bulk_delete([hash_of(cache, key)])
    else:
        cache.delete(hash_of(cache, key))


def is_stale(key: str) -> bool:
    """Whether the library takes the stored response for stale."""
    return _opened[0].get_response(hash_of(_opened[0], key)).is_expired


def redirects() -> dict:
    """The table of redirects."""
    return dict(_opened[0].redirects.items())
