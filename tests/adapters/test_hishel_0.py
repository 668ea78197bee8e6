"""hishel 0.1 in SQLite."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from applications import running
from contract import listing, rows_of
from library_contract import LibraryContract

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.errors import WrongFormat
from cache_studio.model.targets import Target

LONG = "GET https://long.example/archive.bin"


class TestHishel0(LibraryContract):
    format_name = "hishel-0"
    program = "hishel_0_program"
    libraries = "hishel-0"
    versions = "hishel 0.1.5"
    ordinary = (
        "GET https://api.example.com/users/1",
        "GET https://api.example.com/search?q=a%20b&page=2",
        "GET https://h.example/%3Cimg%20src=x%3E",
        "GET https://h.example/a~b!c",
        "GET https://used.example/three",
        LONG,
    )
    stale = ("GET https://old.example/1", "GET https://old.example/2")

    def stored(self, target: Target) -> Mapping[str, object]:
        with closing(sqlite3.connect(target.location)) as database:
            return {str(row[1]): row for row in database.execute("SELECT rowid, * FROM cache").fetchall()}

    def test_the_ttl_is_the_applications(self, target: Target) -> None:
        for ttl, wanted in (({}, None), ({"ttl": "none"}, float("inf"))):
            with self.opened(replace(target, options=ttl)) as adapter:
                assert self.row(adapter, LONG).expires == wanted

    def test_uses_are_hits_and_change_the_stamp(self, target: Target, adapter: Adapter) -> None:
        assert self.row(adapter, "GET https://used.example/three").hits == 3
        before = self.row(adapter, self.ordinary[0])
        self.opened_by_library(target).call("use", before.key)
        after = self.row(adapter, before.key)
        assert (before.hits, after.hits) == (0, 1)
        assert after.stamp != before.stamp

    def test_found_by_hash(self, adapter: Adapter) -> None:
        facts = {fact.name: fact.value for fact in adapter.read(self.row(adapter, LONG).id).facts}
        assert (facts["URL"], facts["Method"]) == (LONG[4:], "GET")
        assert [row.key for row in rows_of(adapter.lookup([facts["Cache key"]]))] == [LONG]

    def test_damaged_values_are_problems(self, target: Target) -> None:
        with closing(sqlite3.connect(target.location)) as database, database:
            database.execute("UPDATE cache SET data = substr(data, 1, 200) WHERE rowid = 1")
            database.execute("UPDATE cache SET data = NULL, date_created = 'x' WHERE rowid = 2")
        with self.opened(target) as adapter:
            rows = [row for row in listing(adapter).values() if row.problem]
            assert len(rows) == 2
            for row in rows:
                adapter.read(row.id)

    def test_a_pickle_is_shown_by_its_hash_and_not_run(self, tmp_path: Path) -> None:
        location = tmp_path / "pickled.db"
        with running(self.program, self.libraries) as application:
            application.call("pickled", str(location))
        assert get_format("hishel-0").recognise(Sight(str(location))).certainty is Certainty.SURE
        with self.opened(Target(str(location), "hishel-0")) as adapter:
            (row,) = listing(adapter).values()
            assert (len(row.key), row.problem) == (32, "")
            assert adapter.read(row.id).pieces[0].hint == "pickle"

    def test_a_table_that_only_looks_alike(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE cache (key TEXT, data BLOB, date_created REAL)")
            database.execute("INSERT INTO cache VALUES ('a', 'plain', 1)")
        assert get_format("hishel-0").recognise(Sight(str(path))).certainty is Certainty.LOOK
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DROP TABLE cache")
        with pytest.raises(WrongFormat, match="hishel 0"), self.opened(Target(str(path), "hishel-0")):
            pass
