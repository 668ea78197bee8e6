"""requests-cache in Redis: responses made here, nothing fetched."""

from redis_keys_of import client_of, others
from requests_cache.backends.redis import RedisCache
from requests_cache_program import PAGES, expiry, fill, hash_of, put, response, shown, timedelta

PREFIX = "http_cache:"
_open = {}


def open(url):
    _open["cache"] = RedisCache("http_cache", connection=client_of(url))


def make(url):
    open(url)
    client = client_of(url)
    others(client)
    fill(_open["cache"])
    value = client.get(PREFIX + hash_of(_open["cache"], PAGES[0]))
    client.set(PREFIX + "00c0ffee00c0ffee", value[:200])
    return {"location": url, "options": {"prefix": PREFIX}}


def truth(url):
    cache = RedisCache("http_cache", connection=client_of(url))
    found = []
    for key in list(cache.responses):
        try:
            made = cache.responses[key]
        except Exception:
            made = None
        if made is None:
            found.append({"key": key, "expires": "unknown"})
        else:
            found.append({"key": shown(made), "expires": expiry(made)})
    return found


def holds(key):
    cache = _open["cache"]
    found = cache.get_response(hash_of(cache, key))
    return found is not None and not found.is_expired


def redirects():
    """The hash of redirects."""
    return dict(_open["cache"].redirects.items())


def complaints():
    cache = _open["cache"]
    held = set(cache.responses.keys())
    return [f"{field} leads to nothing" for field, key in cache.redirects.items() if key not in held]


def rewrite(key):
    put(_open["cache"], key, response(key, timedelta(hours=9), b"another, longer value " * 30))


def delete(key):
    _open["cache"].delete(hash_of(_open["cache"], key))
