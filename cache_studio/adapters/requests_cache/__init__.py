"""requests-cache: HTTP responses in SQLite, as requests-cache 1.x writes them."""

from cache_studio.adapters.base import CHANGES, NOT_RECOGNISED, SQLITE_MARKS, Certainty, Format, Recognition
from cache_studio.adapters.sight import Sight

COLUMNS = frozenset(("key", "value", "expires"))
"""What both tables have."""


def recognise(sight: Sight) -> Recognition:
    """Sure by the two tables and their columns."""
    tables = sight.tables
    fitting = all(name in tables and set(tables[name].names) == COLUMNS for name in ("responses", "redirects"))
    return Recognition(Certainty.SURE, note="HTTP responses of requests-cache 1.x.") if fitting else NOT_RECOGNISED


FORMAT = Format(
    name="requests-cache",
    title="requests-cache 1.x: HTTP responses in SQLite",
    options=(),
    recognise=recognise,
    marks=SQLITE_MARKS,
    adapter="cache_studio.adapters.requests_cache.adapter:RequestsCacheAdapter",
    abilities=CHANGES,
)
