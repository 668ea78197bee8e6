"""aiohttp-client-cache: HTTP responses in SQLite."""

from cache_studio.adapters.base import CHANGES, NOT_RECOGNISED, SQLITE_MARKS, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight

COLUMNS = frozenset(("key", "value"))
"""What both tables have, those of requests-cache 0.x as well: a value decides."""
SAMPLES = 5
"""Values that are looked at."""


def recognise(sight: Sight) -> Recognition:
    """Sure by a value that names the library; look where both tables are empty."""
    tables = sight.tables
    if not all(name in tables and set(tables[name].names) == COLUMNS for name in ("responses", "redirects")):
        return NOT_RECOGNISED
    from cache_studio.adapters.sqlite_open import read_rows
    from cache_studio.adapters.stored_responses import is_of_aiohttp

    values = [row["value"] for row in read_rows(sight.path, "responses", SAMPLES)]
    if not values:
        return Recognition(Certainty.LOOK, note="Two empty tables, as aiohttp-client-cache and others make them.")
    if any(is_of_aiohttp(value) for value in values):
        return Recognition(Certainty.SURE, note="HTTP responses of aiohttp-client-cache.")
    return NOT_RECOGNISED


FORMAT = Format(
    name="aiohttp-client-cache",
    title="aiohttp-client-cache: HTTP responses in SQLite",
    options=(),
    recognise=recognise,
    marks=SQLITE_MARKS,
    adapter="cache_studio.adapters.aiohttp_client_cache.adapter:AiohttpClientCacheAdapter",
    abilities=CHANGES,
)
