"""Two tables that different libraries make alike, `responses` and `redirects` of a key and a value: a value decides."""

from collections.abc import Callable

from cache_studio.adapters.base import NOT_RECOGNISED, Certainty, Recognition
from cache_studio.adapters.sight import Sight

COLUMNS = frozenset(("key", "value"))
"""What both tables have."""
SAMPLES = 5
"""Values that are looked at."""


def recognise_values(sight: Sight, is_of_library: Callable[[object], bool], library: str) -> Recognition:
    """Sure where a value is one of the library; look where both tables are empty."""
    tables = sight.tables
    if not all(name in tables and set(tables[name].names) == COLUMNS for name in ("responses", "redirects")):
        return NOT_RECOGNISED
    from cache_studio.adapters.sqlite_open import read_rows

    values = [row["value"] for row in read_rows(sight.path, "responses", SAMPLES)]
    if not values:
        return Recognition(Certainty.LOOK, note=f"Two empty tables, as {library} and others make them.")
    if any(is_of_library(value) for value in values):
        return Recognition(Certainty.SURE, note=f"HTTP responses of {library}.")
    return NOT_RECOGNISED
