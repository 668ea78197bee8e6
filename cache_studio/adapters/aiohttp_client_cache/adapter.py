"""The studio's side of aiohttp-client-cache in SQLite.

Method and URL stand at the head of a value and are listed at once. Times and type stand behind the body, and what is
there takes the reader ten times as long: they are pending until they are asked for. Where a redirect led to a response
its head tells the last URL; the one that was asked for stands behind the body, too, and is read for these few at once.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from cache_studio.adapters.response_tables import COLUMNS, SAMPLES
from cache_studio.adapters.responses_adapter import LISTED, ResponsesAdapter, stamp_of_row
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.adapters.sqlite_text import shown_key
from cache_studio.adapters.stored_responses import asked_first, is_of_requests
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.errors import WrongFormat
from cache_studio.model.identity import EntryId

PENDING = ("created", "expires", "type", "problem")
_REDIRECTED = "EXISTS (SELECT 1 FROM redirects AS d WHERE d.key = responses.key)"


class AiohttpClientCacheAdapter(ResponsesAdapter):
    """Method and URL of each response; its times when they are asked for."""

    columns = COLUMNS

    def _require_own_values(self) -> None:
        heads = self.database.rows(f"SELECT substr(value, 1, 1000) FROM responses LIMIT {SAMPLES}")
        if any(is_of_requests(head) for (head,) in heads):
            raise WrongFormat("These are responses of requests-cache.", "Attach it as requests-cache-0.")

    def _expressions(self) -> Sequence[str]:
        return (*LISTED, _REDIRECTED)

    def _batch(self, page: Page) -> Batch:
        return make_batch(
            self._ids(page),
            [self._title(row) for row in page],
            [stamp_of_row(row) for row in page],
            pending=PENDING,
            size=[float(int(row[2] or 0)) for row in page],
        )

    def fill(self, ids: Sequence[EntryId]) -> Batch:
        """Times, type and problem, told by the ends of each value."""
        page = [row for entry_id in ids for row in self._listed(*self.rows.place(entry_id))]
        return replace(super()._batch(page), keys=[self._title(row) for row in page])

    def _title(self, row: tuple[Cell, ...]) -> str:
        asked = self._told(row).title if row[5] else ""
        return asked or _head_title(cast(bytes, row[3] or b"")) or shown_key(row[1])


def _head_title(head: bytes) -> str:
    """Method and URL as the head of a value has them."""
    method, url = asked_first(head)
    return f"{method or 'GET'} {url}" if url else ""
