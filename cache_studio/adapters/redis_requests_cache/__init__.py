"""requests-cache in Redis: a key for each response, and a hash of redirects beside them."""

from cache_studio.adapters import redis_specs as specs
from cache_studio.adapters.redis_libraries import format_of_library

FORMAT = format_of_library(
    specs.REQUESTS,
    "cache_studio.adapters.redis_requests_cache.adapter:RedisRequestsCacheAdapter",
)
