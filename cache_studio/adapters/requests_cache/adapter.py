"""The studio's side of requests-cache 1.x in SQLite.

The library decides by the moment in the value, not by the column `expires`, which is the same one rounded to seconds:
that is why this format sets no expiry.
"""

import math
from collections.abc import Sequence

from cache_studio.adapters.requests_cache import COLUMNS
from cache_studio.adapters.responses_adapter import LISTED, ResponsesAdapter
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.adapters.stored_responses import Told


class RequestsCacheAdapter(ResponsesAdapter):
    """Method, URL and times of each response; the rounded expiry where the value does not tell."""

    columns = COLUMNS

    def _expressions(self) -> Sequence[str]:
        return (*LISTED, "expires")

    def _expiry(self, found: Told, row: tuple[Cell, ...]) -> float:
        if not math.isnan(found.expires):
            return found.expires
        cell = row[5]
        return math.inf if cell is None else float(cell) if isinstance(cell, int | float) else math.nan
