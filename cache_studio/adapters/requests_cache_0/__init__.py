"""requests-cache-0: HTTP responses in SQLite, as requests-cache 0.x writes them."""

from cache_studio.adapters.base import CHANGES, NOT_RECOGNISED, SQLITE_MARKS, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight

COLUMNS = frozenset(("key", "value"))
"""What both tables have, those of aiohttp-client-cache as well: a value decides."""
SAMPLES = 5
"""Values that are looked at."""


def recognise(sight: Sight) -> Recognition:
    """Sure by a value that is a response of this library; look where both tables are empty."""
    tables = sight.tables
    if not all(name in tables and set(tables[name].names) == COLUMNS for name in ("responses", "redirects")):
        return NOT_RECOGNISED
    from cache_studio.adapters.sqlite_open import read_rows
    from cache_studio.adapters.stored_responses import is_of_requests

    values = [row["value"] for row in read_rows(sight.path, "responses", SAMPLES)]
    if not values:
        return Recognition(Certainty.LOOK, note="Two empty tables, as requests-cache 0.x and others make them.")
    if any(is_of_requests(value) for value in values):
        return Recognition(Certainty.SURE, note="HTTP responses of requests-cache 0.x.")
    return NOT_RECOGNISED


FORMAT = Format(
    name="requests-cache-0",
    title="requests-cache 0.x: HTTP responses in SQLite",
    options=(),
    recognise=recognise,
    marks=SQLITE_MARKS,
    adapter="cache_studio.adapters.requests_cache_0.adapter:RequestsCache0Adapter",
    abilities=CHANGES,
)
