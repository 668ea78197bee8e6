"""The caches an application runs, over the format modules of `adapters`.

from cache_studio.runtime import Cache

with Cache("json-file:./answers.json", ttl="7d", capacity=100) as cache:
    cache.put("greeting", {"text": "hello"})
    cache.get("greeting")

Every name is imported when it is first used: an application pays for what it takes.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cache_studio.runtime.aio import AsyncCache
    from cache_studio.runtime.assets import AssetCache
    from cache_studio.runtime.cache import Cache
    from cache_studio.runtime.decorator import cached
    from cache_studio.runtime.operations import OperationCache
    from cache_studio.runtime.responses import ResponseCache
    from cache_studio.runtime.serializers import AsIs, Json, Pickle, Raw, Serializer
    from cache_studio.runtime.strategies import CacheAside, ReadThrough, RefreshAhead, WriteBehind, WriteThrough

__all__ = [
    "AsIs",
    "AssetCache",
    "AsyncCache",
    "Cache",
    "CacheAside",
    "Json",
    "OperationCache",
    "Pickle",
    "Raw",
    "ReadThrough",
    "RefreshAhead",
    "ResponseCache",
    "Serializer",
    "WriteBehind",
    "WriteThrough",
    "cached",
]

_PLACES = {
    "AssetCache": "assets",
    "AsyncCache": "aio",
    "Cache": "cache",
    "OperationCache": "operations",
    "ResponseCache": "responses",
    "cached": "decorator",
    **dict.fromkeys(("AsIs", "Json", "Pickle", "Raw", "Serializer"), "serializers"),
    **dict.fromkeys(("CacheAside", "ReadThrough", "RefreshAhead", "WriteBehind", "WriteThrough"), "strategies"),
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
