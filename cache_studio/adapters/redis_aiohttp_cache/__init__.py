"""aiohttp-client-cache in Redis: one hash holds all responses, each field is an entry; a second one the redirects."""

from cache_studio.adapters.redis_libraries import format_of
from cache_studio.model.capabilities import Ability

FORMAT = format_of(
    "redis-aiohttp-cache",
    "Redis: responses of aiohttp-client-cache",
    "aiohttp-cache",
    "cache_studio.adapters.redis_aiohttp_cache.adapter:RedisAiohttpCacheAdapter",
    frozenset(Ability) - {Ability.ACCESS_TIMES, Ability.SET_EXPIRY},
)
