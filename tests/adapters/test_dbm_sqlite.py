"""dbm.sqlite3 and shelve beside the standard library, or its statements where this Python is older than 3.13."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from applications import running
from contract import listing
from keeping import MemoryKeep
from library_contract import LibraryContract

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.errors import WrongFormat
from cache_studio.model.seeing import Fate
from cache_studio.model.targets import Target


class TestDbmSqlite(LibraryContract):
    format_name = "dbm-sqlite"
    program = "dbm_sqlite_program"
    versions = "Python 3.13"
    ordinary = (
        "https://example.org/a?b=1&c=2",
        "<b>bold</b>\nключ 🔑",
        "with\x00NUL",
        "'; DROP TABLE Dict; --",
        "one",
        "",
        "7",
        "big",
    )

    def stored(self, target: Target) -> Mapping[str, object]:
        with closing(sqlite3.connect(target.location)) as database:
            return {str(row[0]): row for row in database.execute("SELECT rowid, key, value FROM Dict")}

    # What is this format's own.

    def test_it_is_written_by_the_standard_library_where_that_can(self) -> None:
        with running(self.program) as application:
            assert application.call("is_real") == (sys.version_info >= (3, 13))

    def test_an_entry_shows_what_is_stored_and_no_more(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, "big")
        assert (row.type, row.created, row.accessed, row.expires, row.hits, row.tags) == ("pickle", *[None] * 5)
        assert len(adapter.read(row.id).pieces[0].data) == row.size
        assert "shelve" in get_format(self.format_name).recognise(Sight(target.location)).note

    def test_a_dbm_of_bytes(self, tmp_path: Path) -> None:
        place = str(tmp_path / "plain")
        with running(self.program) as application:
            application.call("make_plain", place)
        found = get_format(self.format_name).recognise(Sight(place))
        assert (found.certainty, found.note) == (Certainty.SURE, "dbm.sqlite3.")
        with self.opened(Target(place, self.format_name)) as adapter:
            rows = {row.key: row for row in listing(adapter).values()}
            assert set(rows) == {"\udcff\x00key", "text"}
            assert adapter.lookup(["\udcff\x00key"]).ids == [rows["\udcff\x00key"].id]
            assert adapter.read(rows["text"].id).pieces[0].data == b"no pickle"
            assert adapter.remove([rows["text"].seen], MemoryKeep())[0].fate is Fate.REMOVED

    def test_another_database_is_none(self, tmp_path: Path) -> None:
        place = tmp_path / "other"
        with closing(sqlite3.connect(place)) as database, database:
            database.execute("CREATE TABLE Dict (key TEXT PRIMARY KEY, value BLOB)")
        assert get_format(self.format_name).recognise(Sight(str(place))).certainty is Certainty.NO
        with pytest.raises(WrongFormat), self.opened(Target(str(place), self.format_name)):
            pass
