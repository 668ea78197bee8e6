"""diskcache.Cache with Disk, statistics on."""

import os

import diskcache

DISK = diskcache.Disk
HOURS = 6 * 3600
KEYS = {
    "big text": ("big text", "väl " * 20_000, HOURS),
    "https://example.org/a?b=1&c=2": ("https://example.org/a?b=1&c=2", {"status": 200}, HOURS),
    "('demo.square', 7, None, 'side', 2)": (("demo.square", 7, None, "side", 2), 49, HOURS),
    "big bytes": ("big bytes", os.urandom(50_000), HOURS),
    "<b>bold</b>\nключ 🔑": ("<b>bold</b>\nключ 🔑", "text", HOURS),
    "7": (7, b"bytes", HOURS),
    "2.5": (2.5, 3.25, HOURS),
    "\x00bytes": (b"\x00bytes", [1, 2, 3], HOURS),
    "big pickle": ("big pickle", list(range(30_000)), HOURS),
    "old": ("old", "x" * 40_000, -60),
    "negative": ("negative", "before 1970", -4e9),
    "for ever": ("for ever", {"a": 1}, None),
    "True": (True, True, None),
}
"""What the studio shows: the key, the value, the seconds to live."""
_cache = None


def _open(location):
    return diskcache.Cache(location, disk=DISK, timeout=5)


def make(folder):
    location = os.path.join(folder, "cache")
    with diskcache.Cache(location, disk=DISK, statistics=True, cull_limit=0, size_limit=2**28) as cache:
        for number, (key, value, seconds) in enumerate(KEYS.values()):
            cache.set(key, value, expire=seconds, tag=f"tag {number % 3}" if number else None)
    return {"location": "cache", "options": {}}


def _shown(key):
    return next(shown for shown, (real, *_rest) in KEYS.items() if real == key and type(real) is type(key))


def _expiry(cache, key):
    stored, raw = cache.disk.put(key)
    ((found,),) = cache._sql("SELECT expire_time FROM Cache WHERE key = ? AND raw = ?", (stored, raw)).fetchall()
    return found


def truth(location):
    with _open(location) as cache:
        return [{"key": _shown(key), "expires": _expiry(cache, key)} for key in cache]


def open(location):
    global _cache
    _cache = _open(location)


def holds(key):
    real = KEYS[key][0]
    return real in _cache and _cache.get(real, default="nothing") != "nothing"


def complaints():
    found = [str(warning.message) for warning in _cache.check()]
    if len(_cache) != sum(1 for _ in _cache):
        found.append(f"len() is {len(_cache)}")
    return found


def rewrite(key):
    _cache.set(KEYS[key][0], "longer " * 20_000, expire=HOURS)


def delete(key):
    del _cache[KEYS[key][0]]


def get(key):
    """Whether it is served: the statistics count it."""
    return _cache.get(KEYS[key][0], default="nothing") != "nothing"


def use(location, settings, reads):
    """Make another cache with these settings, and read some of its keys."""
    with diskcache.Cache(location, **settings) as cache:
        for number in range(5):
            cache.set(f"key {number}", number)
        for key in reads:
            cache.get(key)


def persistent(location, kind):
    """Make a Deque or an Index with three entries."""
    if kind == "deque":
        diskcache.Deque("abc", location)
    else:
        diskcache.Index(location, {"a": 1, "b": 2, "c": 3})


def volume():
    return [_cache.volume(), _cache.size_limit, list(_cache.stats())]
