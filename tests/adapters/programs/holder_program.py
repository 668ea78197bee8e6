"""An application that holds entries of a cache in memory, and says what it would serve."""

import access_writer_program  # noqa: F401 - it imports the formats, once for all that are forked

from cache_studio.runtime import Cache

_cache = None


def open(target):
    """Open it, with levels in memory."""
    global _cache
    _cache = Cache(target, ttl=600, memory=10, compressed=10, recorder=False)


def put(key, value):
    """Store it, in memory as well."""
    _cache.put(key, value)


def keep(key, value):
    """Hold it in memory alone."""
    _cache.put(key, value, persist=False)


def get(key):
    """What the cache serves, None for a miss."""
    return _cache.get(key)


def close():
    """End its threads."""
    _cache.close()
