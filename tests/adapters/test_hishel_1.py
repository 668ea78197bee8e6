"""hishel 1."""

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from contract import listing, rows_of
from keeping import MemoryKeep
from library_contract import LibraryContract

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.errors import WrongFormat
from cache_studio.model.seeing import Fate
from cache_studio.model.targets import Target

LONG = "GET https://long.example/archive.bin"


def dumped(path: Path) -> dict[str, object]:
    """Both tables, whatever the pages look like."""
    with closing(sqlite3.connect(path)) as database:
        entries = database.execute("SELECT rowid, * FROM entries").fetchall()
        chunks = database.execute("SELECT entry_id, chunk_number, chunk_data FROM streams").fetchall()
    return {repr(row[:2]): row for row in [*entries, *chunks]}


class TestHishel1(LibraryContract):
    format_name = "hishel-1"
    program = "hishel_1_program"
    libraries = "hishel-1"
    versions = "hishel 1.4.0"
    ordinary = (
        "GET https://api.example.com/users/1",
        "GET https://api.example.com/search?q=a%20b&page=2",
        "GET https://h.example/<img src=x onerror=alert(1)>",
        "GET https://h.example/line\nbreak\u202e",
        "GET https://h.example/\U0001f98a",
        "GET https://h.example/nul\0byte",
        "GET https://default.example/1",
    )
    stale = ("GET https://old.example/1", "GET https://old.example/2", "GET https://old.example/by-default")

    def stored(self, target: Target) -> Mapping[str, object]:
        return dumped(Path(target.location))

    def test_without_the_applications_ttl_only_own_ones_count(self, target: Target) -> None:
        with self.opened(replace(target, options={})) as adapter:
            assert self.row(adapter, "GET https://default.example/1").expires is None
            assert self.row(adapter, self.ordinary[0]).expires == pytest.approx(time.time() + 3600, abs=60)
        with self.opened(replace(target, options={"ttl": "none"})) as adapter:
            assert self.row(adapter, "GET https://default.example/1").expires == float("inf")

    def test_the_body_is_read_across_its_chunks(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, LONG)
        body = bytes(range(256)) * 1500
        for length in (3, 131_073, None):
            value, piece = adapter.read(row.id, length).pieces
            assert (piece.name, piece.data, piece.total) == ("body", body[:length], len(body))
        assert row.size == len(body) + value.total
        assert self.opened_by_library(target).call("body_length", LONG) == len(body)

    def test_chunks_go_with_their_row(self, target: Target, adapter: Adapter) -> None:
        adapter.remove([row.seen for row in listing(adapter).values()], None)
        assert dumped(Path(target.location)) == {}

    def test_found_by_hash(self, adapter: Adapter) -> None:
        facts = {fact.name: fact.value for fact in adapter.read(self.row(adapter, LONG).id).facts}
        assert [row.key for row in rows_of(adapter.lookup([facts["Cache key"]]))] == [LONG]

    def test_the_packed_mark_of_a_removal_counts_and_the_column_does_not(
        self, target: Target, adapter: Adapter
    ) -> None:
        self.opened_by_library(target).call("hide", self.ordinary[0])
        assert (self.row(adapter, self.ordinary[0]).expires or 0) <= time.time()
        with closing(sqlite3.connect(target.location)) as database, database:
            database.execute("UPDATE entries SET deleted_at = 1")
        assert self.opened_by_library(target).call("holds", self.ordinary[1])
        assert (self.row(adapter, self.ordinary[1]).expires or 0) > time.time()

    def test_a_ttl_that_begins_anew(self, target: Target, adapter: Adapter) -> None:
        before = self.row(adapter, self.ordinary[0])
        self.opened_by_library(target).call("renew", before.key)
        after = self.row(adapter, before.key)
        assert (after.expires or 0) > (before.expires or 0)
        assert after.stamp != before.stamp

    def test_what_is_being_written_stays_with_all_of_its_body(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        key = "GET https://slow.example/"
        application.call("begin", key)
        row = self.row(adapter, key)
        assert row.expires == pytest.approx(time.time() + 3600, abs=30)
        keep = MemoryKeep(lambda: application.call("finish"))
        assert adapter.remove([row.seen], keep)[0].fate is Fate.CHANGED
        assert application.call("body_length", key) == 200_001
        assert self.row(adapter, key).expires == pytest.approx(time.time() + 7200, abs=30)

    def test_the_generations_are_told_apart(self, target: Target) -> None:
        assert get_format("hishel").recognise(Sight(target.location)).certainty is Certainty.NO
        with pytest.raises(WrongFormat, match="hishel 2"), self.opened_as("hishel", target):
            pass

    def opened_as(self, name: str, target: Target) -> "closing[Adapter]":
        """The database, by force, as another format."""
        return closing(get_format(name).adapter_class().open(target, {}, writable=False))
