"""hishel 2 in Redis: three keys hold an entry, and a sorted set for each URL says which are served until when."""

from cache_studio.adapters import redis_specs as specs
from cache_studio.adapters.redis_libraries import format_of_library

FORMAT = format_of_library(
    specs.HISHEL,
    "cache_studio.adapters.redis_hishel.adapter:RedisHishelAdapter",
)
