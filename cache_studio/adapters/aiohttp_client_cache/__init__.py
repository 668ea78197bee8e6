"""aiohttp-client-cache: HTTP responses in SQLite."""

from cache_studio.adapters.base import CHANGES, SQLITE_MARKS, Format, Recognition
from cache_studio.adapters.sight import Sight


def recognise(sight: Sight) -> Recognition:
    """What `response_tables.recognise_values` says of values of this library; imported when it is needed."""
    from cache_studio.adapters.response_tables import recognise_values
    from cache_studio.adapters.stored_responses import is_of_aiohttp

    return recognise_values(sight, is_of_aiohttp, "aiohttp-client-cache")


FORMAT = Format(
    name="aiohttp-client-cache",
    title="aiohttp-client-cache: HTTP responses in SQLite",
    options=(),
    recognise=recognise,
    marks=SQLITE_MARKS,
    adapter="cache_studio.adapters.aiohttp_client_cache.adapter:AiohttpClientCacheAdapter",
    abilities=CHANGES,
)
