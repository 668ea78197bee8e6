"""Generated speech and images (systems.md, S4): copied to where they are wanted when they were made before.

from cache_studio.runtime.assets import AssetCache, image, speech

with AssetCache("./project", capacity=500) as assets:
    wanted = speech("Good morning!", "north", {"voice": "ada", "speed": 1.0})
    if assets.get(wanted, "morning.wav") is None:
        assets.put(wanted, make_speech(...))
"""

import os
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from cache_studio.adapters.asset_cache.prompts import Prompts
from cache_studio.adapters.key_access import KeyAccess
from cache_studio.adapters.registry import get_format
from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target, parse_target
from cache_studio.runtime.asset_index import IMAGE, SPEECH, Asset, AssetIndex, image, speech
from cache_studio.runtime.cache import Cache
from cache_studio.runtime.results import Freed, Warmed
from cache_studio.runtime.serializers import Raw
from cache_studio.runtime.statistics import Stats

__all__ = ["SECONDS_PER_MISS", "Asset", "AssetCache", "AssetStats", "Copied", "TypeStats", "image", "speech"]

SECONDS_PER_MISS: Mapping[str, float] = {SPEECH: 5.0, IMAGE: 8.0}
"""The types of assets, and what making one costs."""
SIMILARITY = 0.85
_FORMAT = "asset-cache"
_TEXT = "prompt_text"
"""The name in the metadata of a put that the layout keeps in a column of its own."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A hit: the new file, and whose it is. `similarity` is 1 for the same words, or the very same asset."""

    path: Path
    key: str
    similarity: float


@dataclass(frozen=True, slots=True)
class TypeStats:
    """The entries of one type. `uses` count each making, too; None where a table does not record them."""

    entries: int = 0
    size: int = 0
    """Bytes."""
    uses: int | None = 0
    mean_uses: float | None = None
    """Uses of an entry; None without entries."""
    hits: int = 0
    """Of this process since it opened the cache, as are misses."""
    misses: int = 0
    seconds_saved: float = 0.0
    """Hits x seconds per miss."""


@dataclass(frozen=True, slots=True)
class AssetStats:
    """What an asset cache can say of itself; all zero and None while it is switched off."""

    enabled: bool
    hits: int = 0
    """Of this process since it opened the cache, as are misses and similarity hits."""
    misses: int = 0
    similarity_hits: int = 0
    """Those among the hits that another prompt answered."""
    hit_rate: float | None = None
    """From 0 to 1; None without lookups."""
    entries: int = 0
    types: Mapping[str, TypeStats] = field(default_factory=dict)
    seconds_saved: float = 0.0
    cache: Stats | None = None
    """The same cache in the figures that every cache has."""


class AssetCache:
    """Assets by what they were made of: the very same first, else the most similar of the same configuration.

    Entries are immutable: what is stored stays, whatever is put under its key later, until it is stale, evicted or
    removed. Two processes that put one key in the same moment both store it, and the last one's stays. Safe for
    many threads and processes. Switched off it makes and opens nothing, and every lookup misses.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        enabled: bool = True,
        similarity: float | None = SIMILARITY,
        ttl: float | str | None = None,
        capacity: int | None = None,
        max_bytes: int | None = None,
        policy: str = "lru",
        seconds_per_miss: Mapping[str, float] = SECONDS_PER_MISS,
        clock: Callable[[], float] = time.time,
        **options: Any,
    ) -> None:
        """Open or create `<root>/cache`. `similarity` above 0, at most 1; None: the very same asset only.

        `ttl`, the limits and the other options are those of `Cache`; with a level of `memory`, uses that it answers
        do not raise the use count of the layout. BadRequest for what makes no sense, CacheUnavailable.
        """
        if similarity is not None and not 0 < similarity <= 1:
            raise BadRequest("A similarity threshold lies above 0 and at most at 1.", "None switches similarity off.")
        self._seconds_per_miss = {**SECONDS_PER_MISS, **seconds_per_miss}
        self._threshold = similarity
        self._clock = clock
        self._similarity_hits = 0
        self._cache: Cache | None = None
        if not enabled:
            return
        limits: dict[str, Any] = {"capacity": capacity, "max_bytes": max_bytes, "policy": policy}
        name = str(root) if str(root).startswith(f"{_FORMAT}:") else f"{_FORMAT}:{root}"
        self._target: Target = parse_target(name, (_FORMAT,))
        self._cache = Cache(name, serializer=Raw(), ttl=ttl, clock=clock, **limits, **options)
        try:
            self._access = self._door()
            self.begin_in_child()
        except BaseException:
            self._cache.close()
            raise
        _open.add(self)

    def _door(self) -> KeyAccess:
        """A second door, to look whether something is stored without counting a use."""
        known = get_format(_FORMAT)
        options = read_options(known.options, self._target.options)
        if self.cache.ttl is not None and "ttl" not in self._target.options:
            options["ttl"] = self.cache.ttl
        return known.access_class().open(self._target, options)

    def begin_in_child(self) -> None:
        """In a forked child: locks may be held by threads that are not there."""
        self._lock = threading.Lock()
        self._putting = threading.Lock()
        options = read_options(get_format(_FORMAT).options, self._target.options)
        prompts = Prompts(self._target, options)
        self._index = None if self._threshold is None else AssetIndex(prompts, self._threshold)

    @property
    def cache(self) -> Cache:
        """The cache below, for `evict`, `compact`, `cleanup_expired` and the rest; BadRequest when switched off."""
        if self._cache is None:
            raise BadRequest("The asset cache is switched off.", "Open it with enabled=True.")
        return self._cache

    @property
    def enabled(self) -> bool:
        """Whether it was switched on."""
        return self._cache is not None

    def get(self, asset: Asset, copy_to: str | Path) -> Copied | None:
        """Copy the stored file to a new name, in one step; None on a miss. A file of that name is replaced.

        The folder is made where it is missing. A hit raises the entry's use count and its time of last use.
        CacheUnavailable when the copy cannot be written.
        """
        if self._cache is None:
            return None
        tried: dict[str, float] = {}
        found = self._cache.get_first(asset.key, lambda: self._others(asset, tried), namespace=asset.type)
        if found is None:
            return None
        key, value = found
        if key != asset.key:
            with self._lock:
                self._similarity_hits += 1
        _write(Path(copy_to), value)
        return Copied(Path(copy_to), key, tried.get(key, 1.0))

    def _others(self, asset: Asset, tried: dict[str, float]) -> Iterator[str]:
        if self._index is None:
            return
        for key, similarity in self._index.similar(asset):
            tried[key] = similarity
            yield key

    def put(self, asset: Asset, made: bytes | str | Path, *, ttl: float | str | None = None) -> str | None:
        """Store an asset, given as its bytes or as the path of its file; its key, or None when switched off.

        What is stored under the key already stays as it is. CacheUnavailable when a file cannot be read or written.
        """
        if self._cache is None:
            return None
        data = made if isinstance(made, bytes) else _read(Path(made))
        key = asset.key
        with self._putting:
            if not self._is_held(asset):
                metadata = {**asset.metadata, _TEXT: asset.text}
                self._cache.put(key, data, ttl=ttl, namespace=asset.type, metadata=metadata)
        return key

    def _is_held(self, asset: Asset) -> bool:
        held = self._access.get(asset.key, asset.type)
        return held is not None and (held.expires is None or held.expires > self._clock())

    def invalidate(self, asset: Asset) -> bool:
        """Remove this very asset; whether it was there."""
        return self._cache is not None and self._cache.invalidate(asset.key, namespace=asset.type)

    def clear(self, type: str | None = None) -> Freed:
        """Remove rows and files, of a type or of all: counts and bytes freed."""
        if type is not None and type not in SECONDS_PER_MISS:
            raise BadRequest(f"There is no type “{type}”.", "Types: " + ", ".join(SECONDS_PER_MISS) + ".")
        return Freed(0) if self._cache is None else self._cache.clear(type)

    def warm(
        self,
        assets: Iterable[Asset],
        make: Callable[[Asset], bytes | str | Path],
        *,
        progress: Callable[[int, int], object] | None = None,
    ) -> Warmed:
        """Make and store the assets that are not there; `progress` is called with how many are done, and of how many.

        A maker that raises leaves out its asset. Nothing of this counts as a lookup or a use.
        """
        wanted = list(assets) if self._cache is not None else []
        made, failed = 0, {}
        for done, asset in enumerate(wanted, 1):
            if not self._is_held(asset):
                try:
                    self.put(asset, make(asset))
                    made += 1
                except Exception as error:  # the maker is the application's: whatever it raises concerns one asset
                    failed[asset.key] = str(error) or type(error).__name__
            if progress is not None:
                progress(done, len(wanted))
        return Warmed(made, len(wanted) - made - len(failed), failed)

    def stats(self) -> AssetStats:
        """The figures of this process and of what is stored; writes uses that wait, and lists the cache."""
        if self._cache is None:
            return AssetStats(enabled=False)
        self._cache.flush()
        whole = self._cache.stats()
        types = self._types(whole)
        return AssetStats(
            enabled=True,
            hits=whole.counted.hits,
            misses=whole.counted.misses,
            similarity_hits=self._similarity_hits,
            hit_rate=whole.counted.hit_rate,
            entries=sum(one.entries for one in types.values()),
            types=types,
            seconds_saved=sum(one.seconds_saved for one in types.values()),
            cache=whole,
        )

    def _types(self, whole: Stats) -> dict[str, TypeStats]:
        uses: dict[str, list[int | None]] = {}
        sizes: dict[str, int] = {}
        for entry in self._access.known():
            uses.setdefault(entry.namespace, []).append(None if entry.hits is None else entry.hits + 1)
            sizes[entry.namespace] = sizes.get(entry.namespace, 0) + entry.size
        found = {}
        for type in sorted({*SECONDS_PER_MISS, *uses, *whole.namespaces}):
            known = [count for count in uses.get(type, ()) if count is not None]
            entries = len(uses.get(type, ()))
            total = sum(known) if len(known) == entries else None
            mean = total / entries if entries and total is not None else None
            counted = whole.namespaces[type].counted if type in whole.namespaces else None
            hits, misses = (counted.hits, counted.misses) if counted else (0, 0)
            saved = hits * self._seconds_per_miss.get(type, 0.0)
            found[type] = TypeStats(entries, sizes.get(type, 0), total, mean, hits, misses, saved)
        return found

    def close(self) -> None:
        """Write uses and counts, and let go of the cache. Safe to call twice."""
        if self._cache is not None:
            _open.discard(self)
            self._access.close()
            self._cache.close()

    def __enter__(self) -> "AssetCache":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CacheUnavailable(f"“{path}” cannot be read: {error.strerror}.", "Check the path.") from error


def _write(path: Path, data: bytes) -> None:
    """Give a file its name when it is whole. Not synced: what a power failure takes is made again."""
    draft = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(draft, "xb") as file:
                file.write(data)
            os.replace(draft, path)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
    except OSError as error:
        raise CacheUnavailable(f"“{path}” cannot be written: {error.strerror}.", "Check path and space.") from error


_open: "weakref.WeakSet[AssetCache]" = weakref.WeakSet()


def _begin_again() -> None:
    for assets in list(_open):
        assets.begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
