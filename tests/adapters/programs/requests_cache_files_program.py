"""requests-cache's files with an LRU index: responses made here, nothing fetched."""

from pathlib import Path

import requests_cache_program as responses
from requests_cache.backends.filesystem import FileCache

PLENTY = 100_000_000
_opened = []


def opened(location: str) -> FileCache:
    """A cache that is there, with the serializer that wrote it."""
    pickled = any(Path(location).glob("*.pkl"))
    return FileCache(location, max_cache_bytes=PLENTY, **({"serializer": "pickle"} if pickled else {}))


def close(cache) -> None:
    """Let go of its databases."""
    for table in (cache.redirects, cache.responses.lru_index):
        table.close()


def make(folder: str) -> dict:
    """The cache and a broken file of it."""
    path = Path(folder) / "http_cache"
    cache = FileCache(str(path), max_cache_bytes=PLENTY)
    responses.fill(cache)
    broken = path / f"{responses.BROKEN}.json"
    broken.write_bytes(next(path.glob("*.json")).read_bytes()[:200])
    cache.responses.lru_index[responses.BROKEN] = 200
    close(cache)
    return {"location": path.name, "options": {}}


def make_pickled(folder: str) -> str:
    """The same responses as pickles."""
    path = Path(folder) / "pickled"
    cache = FileCache(str(path), serializer="pickle", max_cache_bytes=PLENTY)
    responses.fill(cache)
    close(cache)
    return str(path)


def truth(location: str) -> list:
    """Key and expiry of every entry."""
    cache = opened(location)
    return [
        entry | {"expires": "unknown"} if entry["key"] == responses.BROKEN else entry
        for entry in responses.entries(cache)
    ]


def open(location: str) -> None:
    """Open the cache and keep it open."""
    _opened[:] = [opened(location)]
    responses._opened[:] = _opened


def complaints() -> list:
    """Redirects that lead nowhere; a size or an index that is not that of the files."""
    cache = _opened[0]
    files = list(cache.paths())
    wrong = responses.complaints()
    if set(cache.responses.lru_index) != {path.stem for path in files}:
        wrong.append("its index has other keys than there are files")
    total = sum(path.stat().st_size for path in files)
    if cache.responses.size() != total:
        wrong.append(f"its size is {cache.responses.size()}, that of its files {total}")
    return wrong


def index() -> dict:
    """When each was used last, nanoseconds."""
    with _opened[0].responses.lru_index.connection() as connection:
        return dict(connection.execute("SELECT key, access_time FROM lru").fetchall())


holds = responses.holds
contains = responses.contains
rewrite = responses.rewrite
delete = responses.delete
redirects = responses.redirects
