"""requests-cache 0.x in SQLite, with the library beside it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from contract import listing
from test_requests_cache import PAGES, ResponsesContract

from cache_studio.adapters.base import Certainty
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.errors import WrongFormat
from cache_studio.model.targets import Target


class TestRequestsCache0(ResponsesContract):
    """requests-cache 0.9."""

    format_name = "requests-cache-0"
    libraries = "requests-cache-0"
    versions = "requests-cache 0.9.8"

    def test_the_other_generation_is_named(self, target: Target) -> None:
        with pytest.raises(WrongFormat, match="other columns"):
            get_format("requests-cache").adapter_class().open(target, {}, writable=False)
        assert get_format("requests-cache").recognise(Sight(target.location)).certainty is Certainty.NO

    def test_values_of_aiohttp_are_refused(self, target: Target) -> None:
        value = b"\x80\x04\x95\x00\x01\x00\x00\x00\x00\x00\x00\x8c\x1daiohttp_client_cache.response"
        with closing(sqlite3.connect(target.location)) as database:
            database.execute("UPDATE responses SET value = ?", (value,))
            database.commit()
        assert get_format("requests-cache-0").recognise(Sight(target.location)).certainty is Certainty.NO
        with pytest.raises(WrongFormat, match="aiohttp"), self.opened(target):
            pass

    def test_empty_tables_can_be_looked_at(self, target: Target, tmp_path: Path) -> None:
        with closing(sqlite3.connect(target.location)) as database:
            database.execute("DELETE FROM responses")
            database.commit()
        assert get_format("requests-cache-0").recognise(Sight(target.location)).certainty is Certainty.LOOK
        with self.opened(target) as adapter:
            assert listing(adapter) == {}
            assert adapter.lookup([PAGES[0]]).keys == []
