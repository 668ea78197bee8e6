"""The studio's side of requests-cache 1.x in SQLite.

The library decides by the moment in the value, not by the column `expires`, which is the same one rounded to seconds:
that is why this format sets no expiry.
"""

from collections.abc import Sequence

from cache_studio.adapters.requests_cache import COLUMNS
from cache_studio.adapters.responses_adapter import LISTED, ResponsesAdapter, column_expiry, shown_title, stamp_of_row
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.model.columns import Batch, make_batch


class RequestsCacheAdapter(ResponsesAdapter):
    """Method, URL and times of each response, told by the ends of its value."""

    columns = COLUMNS

    def _expressions(self) -> Sequence[str]:
        return (*LISTED, "expires")

    def _batch(self, page: Page) -> Batch:
        found = [self._told(row) for row in page]
        return make_batch(
            self._ids(page),
            [shown_title(one, row[1]) for one, row in zip(found, page, strict=True)],
            [stamp_of_row(row) for row in page],
            types=[one.media_type for one in found],
            problems={at: one.problem for at, one in enumerate(found) if one.problem},
            size=[float(int(row[2] or 0)) for row in page],
            created=[one.created for one in found],
            expires=[column_expiry(one, row[5]) for one, row in zip(found, page, strict=True)],
        )
