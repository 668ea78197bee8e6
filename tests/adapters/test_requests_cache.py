"""requests-cache 1.x in SQLite, with the library beside it."""

import math
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from applications import running
from contract import listing, scan_all
from keeping import MemoryKeep
from library_contract import LibraryContract

from cache_studio.adapters.base import Adapter
from cache_studio.model.capabilities import Ability
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target

PAGES = [f"GET https://example.test/page/{number}" for number in range(3)]
LONG = "GET https://example.test/long.png"
REDIRECTED = "GET https://example.test/old"


def tables_of(path: Path) -> dict[str, object]:
    """All rows of both tables with their rowids."""
    with closing(sqlite3.connect(path)) as database:
        return {
            table: sorted(database.execute(f"SELECT rowid, * FROM {table}").fetchall())
            for table in ("responses", "redirects")
        }


def change(target: Target, *statements: str) -> None:
    """Change the database beside the studio."""
    with closing(sqlite3.connect(target.location)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


class ResponsesContract(LibraryContract):
    """What both generations of requests-cache have in common."""

    program = "requests_cache_program"
    ordinary = [*PAGES, "POST https://example.test/form", LONG, REDIRECTED]
    stale = ["GET https://example.test/stale/1", "GET https://example.test/stale/2"]
    forever = ["GET https://example.test/forever/1", "GET https://example.test/forever/2"]
    broken = ["00c0ffee00c0ffee"]

    def stored(self, target: Target) -> Mapping[str, object]:
        return tables_of(Path(target.location))

    def test_every_figure_is_there_at_once(self, adapter: Adapter) -> None:
        rows = {row.key: row for row in listing(adapter).values()}
        assert not any(batch.pending.any() for batch in scan_all(adapter)[0])
        assert {row.type for row in rows.values()} == {"application/json", "image/png", ""}
        assert rows[LONG].size > 200_000
        assert all(rows[key].created is not None for key in self.ordinary)

    def test_a_redirect_goes_and_returns_with_its_response(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        before = application.call("redirects")
        assert len(before) == 1
        keep = MemoryKeep()
        adapter.remove([self.row(adapter, REDIRECTED).seen], keep)
        assert application.call("redirects") == {}
        assert not application.call("contains", REDIRECTED)
        assert adapter.present(keep.taken) == [False]
        assert [answer.fate for answer in adapter.restore(keep.taken, keep)] == [Return.RESTORED]
        assert application.call("redirects") == before
        assert application.call("holds", REDIRECTED)
        assert adapter.present(keep.taken) == [True]

    def test_a_response_that_stays_keeps_its_redirect(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        seen = self.row(adapter, REDIRECTED).seen
        before = application.call("redirects")
        keep = MemoryKeep(lambda: application.call("rewrite", REDIRECTED))
        assert [removal.fate for removal in adapter.remove([seen], keep)] == [Fate.CHANGED]
        assert application.call("redirects") == before
        assert application.call("complaints") == []

    def test_redirects_without_a_response_are_compacted_away(self, target: Target, adapter: Adapter) -> None:
        change(target, "INSERT INTO redirects (key, value) VALUES ('0123456789abcdef', 'fedcba9876543210')")
        application = self.opened_by_library(target)
        assert application.call("complaints")
        assert ("dangling redirects", 1) in [(part.what, part.count) for part in adapter.compactable()]
        assert ("dangling redirects", 1) in [(part.what, part.count) for part in adapter.compact()]
        assert application.call("complaints") == []
        assert len(application.call("redirects")) == 1

    def test_free_pages_are_given_back(self, target: Target, adapter: Adapter) -> None:
        size = Path(target.location).stat().st_size
        adapter.remove([self.row(adapter, LONG).seen], None)
        free = {part.what: part.bytes for part in adapter.compactable()}["free pages"]
        assert free > 200_000
        adapter.compact()
        assert Path(target.location).stat().st_size <= size - free

    def test_the_hash_finds_it_too(self, adapter: Adapter) -> None:
        row = self.row(adapter, PAGES[0])
        assert adapter.lookup([str(row.id)]).keys == [PAGES[0]]
        assert sorted(adapter.lookup([str(row.id), PAGES[0], PAGES[1]]).keys) == PAGES[:2]

    def test_facts_tell_status_and_where_a_redirect_led(self, adapter: Adapter) -> None:
        facts = {fact.name: fact.value for fact in adapter.read(self.row(adapter, REDIRECTED).id).facts}
        assert facts["Status"] == "200 OK"
        assert facts["Redirected to"] == "https://example.test/new"
        assert facts["Cache key"] == self.row(adapter, REDIRECTED).id

    def test_the_studio_offers_no_expiry_that_the_library_would_not_obey(self, adapter: Adapter) -> None:
        assert not adapter.capabilities.can(Ability.SET_EXPIRY)

    def test_a_value_that_would_run_something_is_only_a_broken_one(self, target: Target, tmp_path: Path) -> None:
        mark = tmp_path / "EXECUTED"
        pickle = b"cposix\nsystem\n(S'touch %s'\ntR." % str(mark).encode()
        with closing(sqlite3.connect(target.location)) as database:
            database.execute(
                "INSERT INTO responses (key, value) VALUES ('bad0bad0bad0bad0', ?)", (b"\x80\x02" + pickle,)
            )
            database.commit()
        with self.opened(target) as adapter:
            row = self.row(adapter, "bad0bad0bad0bad0")
            adapter.read(row.id)
        assert row.problem
        assert not mark.exists()


class TestRequestsCache(ResponsesContract):
    """requests-cache 1.x."""

    format_name = "requests-cache"
    versions = "requests-cache 1.3.3"

    def test_the_library_does_not_obey_the_column(self, target: Target) -> None:
        change(target, "UPDATE responses SET expires = 1000")
        assert not self.opened_by_library(target).call("is_stale", PAGES[0])

    def test_json_text_is_told_as_well(self, target: Target, adapter: Adapter) -> None:
        text = (
            '{\n  "_content": "' + "QUJD" * 20_000 + '",\n  "created_at": "2026-01-01T00:00:00+00:00",\n'
            '  "expires": "2026-01-02T00:00:00.250000+00:00",\n  "headers": {\n    "Content-Type": "text/html"\n  },\n'
            '  "request": {\n    "method": "GET",\n    "url": "https://example.test/text"\n  },\n'
            '  "status_code": 200\n}'
        )
        with closing(sqlite3.connect(target.location)) as database:
            database.execute("INSERT INTO responses VALUES ('0000000000000001', ?, 1767312000)", (text,))
            database.commit()
        row = self.row(adapter, "GET https://example.test/text")
        assert row.expires == pytest.approx(1767312000.25)
        assert row.type == "text/html"

    @pytest.mark.parametrize("serializer", ["json", "orjson", "safe_pickle"])
    def test_other_serializers_of_the_library_are_told(self, tmp_path: Path, serializer: str) -> None:
        with running(self.program) as application:
            made = application.call("make_serialized", str(tmp_path), serializer)
        with self.opened(Target(made["location"], self.format_name)) as adapter:
            rows = {row.key: row.expires for row in listing(adapter).values()}
        truth = {entry["key"]: entry["expires"] for entry in made["truth"]}
        assert len(truth) == self.count - 1
        assert rows == pytest.approx({key: math.inf if at is None else at for key, at in truth.items()}, abs=0.001)

    def test_a_value_in_another_form_keeps_its_column(self, target: Target, adapter: Adapter) -> None:
        change(target, "INSERT INTO responses VALUES ('0000000000000002', 'url: https://x.test', 1767312000)")
        row = self.row(adapter, "0000000000000002")
        assert (row.expires, row.created, row.problem) == (1767312000, None, "")
        assert not np.isnan(row.expires)
