"""Django's FileBasedCache."""

from pathlib import Path

from django.conf import settings

ORDINARY = ["user:1", "user:2", "плитка", "emoji 🦊", "<b>html</b>", "line\nbreak", "with\0nul"]
STALE = ["old 1", "old 2"]
FOREVER = ["always", "always 2"]
SECOND = "second"
_cache = None


def open(location):
    global _cache
    if not settings.configured:
        settings.configure()
    from django.core.cache.backends.filebased import FileBasedCache

    _cache = FileBasedCache(str(location), {})


def _name(key, version=None):
    return Path(_cache._key_to_file(key, version)).stem


def _keys():
    found = {_name(key): (key, None) for key in [*ORDINARY, *STALE, *FOREVER]}
    return found | {_name(SECOND, 2): (SECOND, 2)}


def make(folder):
    open(Path(folder) / "django")
    for place, key in enumerate(ORDINARY):
        _cache.set(key, {"text": "value " * (place + 1), "n": place}, 3600 * (place + 1))
    for key in STALE:
        _cache.set(key, [1, 2, 3], -100)
    for key in FOREVER:
        _cache.set(key, "for ever " * 20, None)
    _cache.set(SECOND, "of version 2", 3600, version=2)
    # Written in place and shorter than before: bytes of the old stream stay behind it.
    _cache.set(FOREVER[0], "for ever " * 20, 3600)
    _cache.touch(FOREVER[0], None)
    return {"location": "django"}


def truth(location):
    import pickle

    open(location)
    found = []
    for path in Path(location).glob("*.djcache"):
        found.append({"key": path.stem, "expires": pickle.loads(path.read_bytes())})
    return found


def holds(key):
    if key not in _keys():
        return False
    bare, version = _keys()[key]
    return _cache.get(bare, None, version) is not None


def value(key):
    bare, version = _keys()[key]
    return _cache.get(bare, None, version)


def complaints():
    found = []
    for bare, version in _keys().values():
        try:
            _cache.get(bare, None, version)
        except Exception as error:
            found.append(f"{bare}: {error!r}")
    return found


def rewrite(key):
    bare, version = _keys()[key]
    _cache.set(bare, "another, longer value " * 50, 7200, version)


def delete(key):
    bare, version = _keys()[key]
    _cache.delete(bare, version)
