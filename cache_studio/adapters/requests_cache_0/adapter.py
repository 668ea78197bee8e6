"""The studio's side of requests-cache 0.x in SQLite: the expiry lies in the value alone, in UTC without an offset."""

from cache_studio.adapters.response_tables import COLUMNS, SAMPLES
from cache_studio.adapters.responses_adapter import ResponsesAdapter
from cache_studio.adapters.stored_responses import is_of_aiohttp
from cache_studio.model.errors import WrongFormat


class RequestsCache0Adapter(ResponsesAdapter):
    """Method, URL and times of each response, told by the ends of its value."""

    columns = COLUMNS

    def _require_own_values(self) -> None:
        heads = self.database.rows(f"SELECT substr(value, 1, 1000) FROM responses LIMIT {SAMPLES}")
        if any(is_of_aiohttp(head) for (head,) in heads):
            raise WrongFormat("These are responses of aiohttp-client-cache.", "Attach it as aiohttp-client-cache.")
