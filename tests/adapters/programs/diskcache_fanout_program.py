"""diskcache.FanoutCache of four shards, statistics on."""

import os
import time

import diskcache
from diskcache_program import HOURS, KEYS, _expiry, _shown

_cache = None


def make(folder):
    location = os.path.join(folder, "cache")
    settings = {"statistics": True, "cull_limit": 0, "size_limit": 2**28}
    with diskcache.FanoutCache(location, shards=4, timeout=5, **settings) as cache:
        for number, (key, value, seconds) in enumerate(KEYS.values()):
            cache.set(key, value, expire=seconds, tag=f"tag {number % 3}" if number else None)
        cache.cache("beside").set("another", 1)
        cache.index("data")["a"] = 1
    return {"location": "cache", "options": {}}


def truth(location):
    with diskcache.FanoutCache(location, shards=4) as cache:
        return [{"key": _shown(key), "expires": _expiry(shard, key)} for shard in cache._shards for key in shard]


def open(location):
    global _cache
    _cache = diskcache.FanoutCache(location, shards=4)


def holds(key):
    real = KEYS[key][0]
    return real in _cache and _cache.get(real, default="nothing", retry=True) != "nothing"


def complaints():
    found = [str(warning.message) for warning in _cache.check(retry=True)]
    if len(_cache) != sum(1 for _ in _cache):
        found.append(f"len() is {len(_cache)}")
    return found


def rewrite(key):
    assert _cache.set(KEYS[key][0], "longer " * 20_000, expire=HOURS, retry=True)


def delete(key):
    assert _cache.delete(KEYS[key][0], retry=True)


def get(key):
    return _cache.get(KEYS[key][0], default="nothing", retry=True) != "nothing"


def figures():
    return [_cache.volume(), list(_cache.stats())]


def fill(count):
    """Store so many small entries."""
    for number in range(count):
        assert _cache.set(f"small {number}", "x" * 200, retry=True)


def use_until(path):
    """Store as an application does, without trying again, until there is this file; stored and dropped."""
    stored = dropped = 0
    end = time.monotonic() + 20
    while not os.path.exists(path) and time.monotonic() < end:
        if _cache.set(f"mine {stored % 50}", stored):
            stored += 1
        else:
            dropped += 1
        time.sleep(0.001)
    return [stored, dropped]
