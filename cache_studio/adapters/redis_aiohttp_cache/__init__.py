"""aiohttp-client-cache in Redis: one hash holds all responses, each field is an entry; a second one the redirects."""

from cache_studio.adapters.redis_libraries import format_of

FORMAT = format_of(
    "redis-aiohttp-cache",
    "Redis: responses of aiohttp-client-cache",
    "aiohttp-cache",
    "cache_studio.adapters.redis_aiohttp_cache.adapter:RedisAiohttpCacheAdapter",
)
