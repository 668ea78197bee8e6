"""dogpile.cache in Redis: bare keys in a database that others use, too."""

from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE
from redis_keys_of import FOREVER, ORDINARY, VALUE, client_of, expiry_of, others

_open = {}


def _region(url, **arguments):
    return make_region().configure("dogpile.cache.redis", arguments={"url": url, **arguments})


def open(url):
    _open["url"] = url
    _open["region"] = _region(url, redis_expiration_time=3600, distributed_lock=True)


def make(url):
    open(url)
    others(client_of(url))
    for place, key in enumerate(ORDINARY):
        _open["region"].set(key, {**VALUE, "more": "x" * 50 * place})
    for key in FOREVER:
        _region(url).set(key, "a text " * 20)
    client_of(url).set("_lockuser:1", b"token", px=60_000)
    return {"location": url, "options": {}}


def truth(url):
    client = client_of(url)
    return [{"key": key, "expires": expiry_of(client, key)} for key in ORDINARY + FOREVER if client.exists(key)]


def created(key):
    """The time that the region itself judges by."""
    return _open["region"].get_value_metadata(key).cached_time


def holds(key):
    return _open["region"].get(key) is not NO_VALUE


def complaints():
    return []


def rewrite(key):
    _open["region"].set(key, "another, longer value " * 30)


def delete(key):
    _open["region"].delete(key)
