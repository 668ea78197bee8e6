"""requests-cache's files, with the library beside it."""

import math
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from applications import running
from contract import file_manifest, listing
from keeping import MemoryKeep
from library_contract import LibraryContract

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import CacheUnavailable, WrongFormat
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target

PAGES = [f"GET https://example.test/page/{number}" for number in range(3)]
LONG = "GET https://example.test/long.png"
REDIRECTED = "GET https://example.test/old"
DATABASES = {"redirects.sqlite": ("redirects",), "lru.db": ("lru", "lru_size")}


def change(target: Target, name: str, statement: str) -> None:
    """Change a database of the folder beside the studio."""
    with closing(sqlite3.connect(Path(target.location) / name)) as database:
        database.execute(statement)
        database.commit()


class TestRequestsCacheFiles(LibraryContract):
    """Files with an LRU index."""

    format_name = "requests-cache-files"
    program = "requests_cache_files_program"
    versions = "requests-cache 1.3.3"
    ordinary = [*PAGES, "POST https://example.test/form", LONG, REDIRECTED]
    stale = ["GET https://example.test/stale/1", "GET https://example.test/stale/2"]
    forever = ["GET https://example.test/forever/1", "GET https://example.test/forever/2"]
    broken = ["00c0ffee00c0ffee"]

    def stored(self, target: Target) -> Mapping[str, object]:
        folder = Path(target.location)
        found = {name: what for name, what in file_manifest(folder).items() if name not in DATABASES}
        for name, tables in DATABASES.items():
            with closing(sqlite3.connect(folder / name)) as database:
                rows = {table: sorted(database.execute(f"SELECT rowid, * FROM {table}")) for table in tables}
                found |= {f"{name} {table}": (listed,) for table, listed in rows.items()}
        return found

    def test_everything_is_listed_at_once(self, target: Target, adapter: Adapter) -> None:
        rows = {row.key: row for row in listing(adapter).values()}
        index = self.opened_by_library(target).call("index")
        assert adapter.capabilities.can(Ability.ACCESS_TIMES)
        for row in rows.values():
            assert row.accessed == pytest.approx(index[str(row.id).removesuffix(".json")] / 1e9, abs=1e-5)
        assert {row.type for row in rows.values()} == {"application/json", "image/png", ""}
        assert rows[LONG].size > 200_000
        assert rows[PAGES[0]].created is not None

    def test_a_redirect_and_its_index_go_and_return_with_the_file(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        redirects, index = application.call("redirects"), application.call("index")
        keep = MemoryKeep()
        row = self.row(adapter, REDIRECTED)
        adapter.remove([row.seen], keep)
        assert application.call("redirects") == {}
        assert set(index) - set(application.call("index")) == {str(row.id).removesuffix(".json")}
        assert not application.call("contains", REDIRECTED)
        assert application.call("complaints") == []
        assert [answer.fate for answer in adapter.restore(keep.taken, keep)] == [Return.RESTORED]
        assert (application.call("redirects"), application.call("index")) == (redirects, index)
        assert application.call("complaints") == []

    def test_what_the_library_left_behind_is_compacted_away(self, target: Target, adapter: Adapter) -> None:
        os.unlink(Path(target.location) / str(self.row(adapter, PAGES[0]).id))
        change(target, "redirects.sqlite", "INSERT INTO redirects (key, value) VALUES ('ab', '../outside')")
        application = self.opened_by_library(target)
        assert len(application.call("complaints")) == 3
        found = {part.what: part.count for part in adapter.compact()}
        assert found == {"dangling redirects": 1, "rows of the LRU index without a file": 1}
        assert application.call("complaints") == []
        assert adapter.compactable() == []

    def test_pickled_files_are_told_as_well(self, target: Target, tmp_path: Path) -> None:
        with running(self.program) as application:
            place = application.call("make_pickled", str(tmp_path))
            truth = {entry["key"]: entry["expires"] for entry in application.call("truth", place)}
        with self.opened(Target(place, self.format_name)) as adapter:
            rows = {row.key: row.expires for row in listing(adapter).values()}
            assert adapter.read(self.row(adapter, LONG).id).pieces[0].hint == "pickle"
        assert rows == pytest.approx({key: math.inf if moment is None else moment for key, moment in truth.items()})

    def test_without_an_index_nothing_is_said_of_use(self, target: Target) -> None:
        (Path(target.location) / "lru.db").unlink()
        with self.opened(target) as adapter:
            assert not adapter.capabilities.can(Ability.ACCESS_TIMES)
            row = self.row(adapter, REDIRECTED)
            assert row.accessed is None
            keep = MemoryKeep()
            assert [removal.fate for removal in adapter.remove([row.seen], keep)] == [Fate.REMOVED]
            assert [answer.fate for answer in adapter.restore(keep.taken, keep)] == [Return.RESTORED]
        assert not (Path(target.location) / "lru.db").exists()

    def test_a_database_that_is_a_link_is_left_alone(self, target: Target, tmp_path: Path) -> None:
        index, outside = Path(target.location) / "lru.db", tmp_path / "outside.db"
        index.rename(outside)
        index.symlink_to(outside)
        before = outside.read_bytes()
        with self.opened(target) as adapter:
            assert [r.fate for r in adapter.remove([self.row(adapter, PAGES[0]).seen], None)] == [Fate.REMOVED]
        assert outside.read_bytes() == before

    @pytest.mark.usefixtures("brief_waits")
    def test_a_locked_database_keeps_everything(self, target: Target, adapter: Adapter) -> None:
        seen = self.row(adapter, REDIRECTED).seen
        with closing(sqlite3.connect(Path(target.location) / "redirects.sqlite")) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(CacheUnavailable, match="busy"):
                adapter.remove([seen], None)
            other.execute("ROLLBACK")
        assert self.row(adapter, REDIRECTED).seen == seen

    def test_the_hash_finds_it_too(self, adapter: Adapter) -> None:
        row = self.row(adapter, PAGES[0])
        assert adapter.lookup([str(row.id).removesuffix(".json")]).keys == [PAGES[0]]

    def test_facts_tell_status_and_where_a_redirect_led(self, adapter: Adapter) -> None:
        facts = {fact.name: fact.value for fact in adapter.read(self.row(adapter, REDIRECTED).id).facts}
        assert facts["Status"] == "200 OK"
        assert facts["Redirected to"] == "https://example.test/new"

    def test_the_empty_cache_can_be_looked_at(self, target: Target) -> None:
        for path in Path(target.location).glob("*.json"):
            path.unlink()
        assert get_format(self.format_name).recognise(Sight(target.location)).certainty is Certainty.LOOK
        with self.opened(target) as adapter:
            assert listing(adapter) == {}

    def test_the_files_of_aiohttp_client_cache_are_not_taken_for_its_own(self, target: Target) -> None:
        for path in Path(target.location).glob("*.json"):
            path.unlink()
        (Path(target.location) / "responses").mkdir()
        assert get_format(self.format_name).recognise(Sight(target.location)).certainty is Certainty.NO

    def test_another_folder_is_refused_with_a_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "one.json").write_text("{}")
        with pytest.raises(WrongFormat, match=r"redirects\.sqlite"), self.opened(Target(str(tmp_path / "other"))):
            pass

    def test_a_file_that_holds_no_response_is_said_to_hold_none(self, target: Target, adapter: Adapter) -> None:
        (Path(target.location) / "0000000000000001.json").write_text('{"created_at": "2026-01-01T00:00:00+00:00"}')
        row = self.row(adapter, "0000000000000001")
        assert row.problem
        assert row.expires is None

    def test_other_formats_are_less_sure(self, target: Target) -> None:
        assert get_format("json-directory").recognise(Sight(target.location)).certainty is not Certainty.SURE
