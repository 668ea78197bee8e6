"""Beaker in Redis: two namespaces and a session."""

from beaker.cache import CacheManager
from beaker.session import Session
from redis_keys_of import FOREVER, VALUE, client_of, expiry_of, others

PREFIX = "beaker_cache:"
KEYS = ["user 1", "user 2", "user 3", "user 4", "<b>html</b>", "line\nbreak"]
_open = {}


def _cache(name, url, expire):
    return CacheManager().get_cache(name, type="ext:redis", url=url, expire=expire)


def open(url):
    _open["cache"] = _cache("users", url, 3600)


def _shown(key):
    return key.rpartition(":")[2]


def make(url):
    open(url)
    others(client_of(url))
    for place, key in enumerate(KEYS):
        _open["cache"].put(key, {**VALUE, "more": "x" * 50 * place})
    for key in FOREVER:
        _cache("pages", url, None).put(key, "a text " * 20)
    return {"location": url, "options": {"prefix": PREFIX}}


def login(url):
    """A session, whose id is a secret."""
    session = Session({}, type="ext:redis", url=url, timeout=600)
    session["user"] = 7
    session.save()
    return session.id


def truth(url):
    client = client_of(url)
    names = [name.decode() for name in client.scan_iter(PREFIX + "*")]
    return [{"key": _shown(name), "expires": expiry_of(client, name)} for name in names]


def holds(key):
    return key in _open["cache"]


def complaints():
    return []


def rewrite(key):
    _open["cache"].put(key, "another, longer value " * 30)


def delete(key):
    _open["cache"].remove_value(key)
