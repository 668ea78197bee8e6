"""sqlitedict beside the library itself."""

from __future__ import annotations

import json
import sqlite3
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
from cache_studio.model.errors import CacheUnavailable, WrongFormat
from cache_studio.model.seeing import Fate
from cache_studio.model.targets import Target


class TestSqlitedict(LibraryContract):
    format_name = "sqlitedict"
    program = "sqlitedict_program"
    versions = "sqlitedict 2.1.0"
    ordinary = (
        "https://example.org/a?b=1&c=2",
        "<b>bold</b>\nключ 🔑",
        "with\x00NUL",
        "'; DROP TABLE unnamed; --",
        "one",
        "",
        "7",
        "big",
    )

    def stored(self, target: Target) -> Mapping[str, object]:
        with closing(sqlite3.connect(target.location)) as database:
            return {str(row[0]): row for row in database.execute("SELECT rowid, key, value FROM unnamed")}

    # What is this format's own.

    def test_an_entry_shows_what_is_stored_and_no_more(self, adapter: Adapter) -> None:
        row = self.row(adapter, "big")
        assert (row.type, row.created, row.accessed, row.expires, row.hits, row.tags) == ("pickle", *[None] * 5)
        payload = adapter.read(row.id)
        assert (len(payload.pieces[0].data), payload.facts[0].value) == (row.size, "unnamed")

    def test_a_value_of_the_same_length_is_another_one(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, "set")
        with closing(sqlite3.connect(target.location)) as database, database:
            database.execute("UPDATE unnamed SET value = zeroblob(length(value)) WHERE key = 'set'")
        assert adapter.remove([row.seen], MemoryKeep())[0].fate is Fate.CHANGED

    @pytest.mark.usefixtures("brief_waits")
    def test_an_application_that_did_not_commit_is_waited_for_and_then_said(
        self, target: Target, adapter: Adapter
    ) -> None:
        assert self.opened_by_library(target).call("write_uncommitted", "one")
        row = self.row(adapter, "two")
        with pytest.raises(CacheUnavailable, match="busy"):
            adapter.remove([row.seen], MemoryKeep())
        assert any("committed" in warning for warning in adapter.warnings)

    def test_pickled_keys_and_several_tables(self, tmp_path: Path) -> None:
        place = str(tmp_path / "several.sqlite")
        with running(self.program) as application:
            application.call("make_with_pickled_keys", place, ["first", 'sec"ond'])
        found = get_format(self.format_name).recognise(Sight(place))
        assert (found.certainty, found.options) == (Certainty.SURE, {"table": "first"})
        with self.opened(Target(place, self.format_name, {"table": 'sec"ond'})) as adapter:
            (row,) = listing(adapter).values()
            assert row.key == "('sec\"ond', 1)"
            assert adapter.lookup([row.key]).ids == [row.id]
            assert adapter.remove([row.seen], MemoryKeep())[0].fate is Fate.REMOVED
        with self.opened(Target(place, self.format_name)) as adapter:
            assert [row.key for row in listing(adapter).values()] == ["('first', 1)"]
        with pytest.raises(WrongFormat), self.opened(Target(place, self.format_name, {"table": "third"})):
            pass

    @pytest.mark.parametrize(
        ("schema", "value", "certainty"),
        [
            ("key TEXT PRIMARY KEY, value BLOB", json.dumps({"a": 1}), Certainty.LOOK),
            ("key TEXT PRIMARY KEY, value TEXT", b"\x80\x05N.", Certainty.NO),
            ("key PRIMARY KEY, value", b"\x80\x05N.", Certainty.NO),
            ("key TEXT PRIMARY KEY, value BLOB, expires REAL", b"\x80\x05N.", Certainty.NO),
        ],
    )
    def test_a_table_of_somebody_else(self, tmp_path: Path, schema: str, value: object, certainty: Certainty) -> None:
        place = tmp_path / "other.db"
        with closing(sqlite3.connect(place)) as database, database:
            database.execute(f"CREATE TABLE other ({schema})")
            database.execute("INSERT INTO other(key, value) VALUES ('a', ?)", (value,))
        assert get_format(self.format_name).recognise(Sight(str(place))).certainty is certainty
        if certainty is Certainty.NO:
            with pytest.raises(WrongFormat), self.opened(Target(str(place), self.format_name)):
                pass

    def test_a_table_beside_others_is_named_first(self, target: Target) -> None:
        with closing(sqlite3.connect(target.location)) as database, database:
            database.execute("CREATE TABLE people (name TEXT)")
        assert get_format(self.format_name).recognise(Sight(target.location)).certainty is Certainty.NO
        with pytest.raises(WrongFormat), self.opened(target):
            pass
        with self.opened(Target(target.location, self.format_name, {"table": "unnamed"})) as adapter:
            assert len(listing(adapter)) == self.count
