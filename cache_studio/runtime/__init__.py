"""The caches an application runs, over the format modules of `adapters`.

from cache_studio.runtime import Cache

with Cache("json-file:./answers.json", ttl="7d", capacity=100) as cache:
    cache.put("greeting", {"text": "hello"})
    cache.get("greeting")
"""

from cache_studio.runtime.cache import Cache

__all__ = ["Cache"]
