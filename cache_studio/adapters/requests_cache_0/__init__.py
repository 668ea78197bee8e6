"""requests-cache-0: HTTP responses in SQLite, as requests-cache 0.x writes them."""

from cache_studio.adapters.base import CHANGES, SQLITE_MARKS, Format, Recognition
from cache_studio.adapters.sight import Sight


def recognise(sight: Sight) -> Recognition:
    """What `response_tables.recognise_values` says of values of this library; imported when it is needed."""
    from cache_studio.adapters.response_tables import recognise_values
    from cache_studio.adapters.stored_responses import is_of_requests

    return recognise_values(sight, is_of_requests, "requests-cache 0.x")


FORMAT = Format(
    name="requests-cache-0",
    title="requests-cache 0.x: HTTP responses in SQLite",
    options=(),
    recognise=recognise,
    marks=SQLITE_MARKS,
    adapter="cache_studio.adapters.requests_cache_0.adapter:RequestsCache0Adapter",
    abilities=CHANGES,
)
