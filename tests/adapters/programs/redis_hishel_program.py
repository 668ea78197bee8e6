"""hishel 2 in Redis: responses stored through its RedisStorage, as its transports do it."""

import math
import time
from unittest.mock import patch

import hishel_program as shared
from hishel import RedisStorage
from hishel_program import FOREVER, HOUR, LONG, RFC, STALE, URLS, _entries, _store
from redis_keys_of import client_of, others

PREFIX = "hishel:"
_open = {}


def open(url):
    _open["client"] = client_of(url)
    # Entries without a TTL of their own are for ever.
    shared.storage = RedisStorage(_open["client"], default_ttl=None)


def make(url):
    open(url)
    others(_open["client"])
    with patch("hishel._core._storages._sync_redis.time", return_value=time.time() - 100):
        for address in STALE:
            _store("GET " + address, ttl=50)
    for address in URLS:
        _store("GET " + address, ttl=HOUR)
    for address in FOREVER:
        _store("GET " + address)
    _store("GET " + LONG, bytes(range(256)) * 1500, ttl=HOUR)
    _store("GET " + RFC, ttl=HOUR, prefix="RFC")
    return {"location": url, "options": {"prefix": PREFIX}}


def truth(url):
    open(url)
    found = []
    for address in [*URLS, *STALE, *FOREVER, LONG, RFC]:
        for prefix in ("", "RFC"):
            index = PREFIX + "idx:" + shared._cache_key("GET " + address, prefix)
            for _member, score in _open["client"].zrange(index, 0, -1, withscores=True):
                expires = None if math.isinf(score) else score
                served = bool(_entries("GET " + address))
                assert served == (expires is None or expires > time.time())
                found.append({"key": "GET " + address, "expires": expires})
    return found


def holds(key):
    return shared.holds(key)


def serves_as(key):
    return shared.serves_as(key)


def complaints():
    client = _open["client"]
    found = []
    for name in client.scan_iter(PREFIX + "idx:*"):
        for member in client.zrange(name, 0, -1):
            if not client.exists(PREFIX.encode() + b"entry:" + member):
                found.append(f"{name} names an entry that is gone")
    for kind in ("stream", "stream_done"):
        for name in client.scan_iter(f"{PREFIX}{kind}:*"):
            if not client.exists(name.replace(kind.encode() + b":", b"entry:")):
                found.append(f"{name} is left behind")
    return found


def rewrite(key):
    for entry in _entries(key):
        shared.storage.remove_entry(entry.id)
    _store(key, b"another body, longer than before" * 10, ttl=2 * HOUR)


def delete(key):
    for entry in _entries(key):
        shared.storage.remove_entry(entry.id)
        _open["client"].delete(*shared.storage._data_keys(entry.id))
        # what is left of it ends after three minutes; a test does not wait for that


def hide(key):
    """Remove it as the library does: hidden at once, its keys end later."""
    for entry in _entries(key):
        shared.storage.remove_entry(entry.id)
