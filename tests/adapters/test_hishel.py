"""hishel 2."""

import math
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from contract import listing, rows_of
from keeping import MemoryKeep
from library_contract import LibraryContract

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.hishel.adapter import HishelAdapter
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import WrongFormat
from cache_studio.model.seeing import Fate, Renewed, Return
from cache_studio.model.targets import Target

LONG = "GET https://long.example/archive.bin"


def dumped(path: Path) -> dict[str, object]:
    """Both tables, whatever the pages look like."""
    with closing(sqlite3.connect(path)) as database:
        entries = database.execute("SELECT rowid, * FROM entries").fetchall()
        chunks = database.execute("SELECT entry_id, chunk_number, chunk_data FROM streams").fetchall()
    return {repr(row[:2]): row for row in [*entries, *chunks]}


class TestHishel(LibraryContract):
    format_name = "hishel"
    program = "hishel_program"
    versions = "hishel 2.0.0"
    ordinary = (
        "GET https://api.example.com/users/1",
        "GET https://api.example.com/search?q=a%20b&page=2",
        "GET https://h.example/<img src=x onerror=alert(1)>",
        "GET https://h.example/line\nbreak\u202e",
        "GET https://h.example/\U0001f98a",
        "GET https://h.example/nul\0byte",
    )
    stale = ("GET https://old.example/1", "GET https://old.example/2")
    forever = ("GET https://always.example/1", "GET https://always.example/2")

    def stored(self, target: Target) -> Mapping[str, object]:
        return dumped(Path(target.location))

    def test_the_body_is_read_across_its_chunks(self, adapter: Adapter) -> None:
        row = self.row(adapter, LONG)
        body = bytes(range(256)) * 1500
        for length in (3, 131_072, 131_073, 300_000, None):
            value, piece = adapter.read(row.id, length).pieces
            assert (piece.name, piece.data, piece.total) == ("body", body[:length], len(body))
            assert value.hint == "msgpack"
        assert row.size == len(body) + value.total
        facts = {fact.name: fact.value for fact in adapter.read(row.id).facts}
        assert (facts["URL"], facts["Method"], facts["Status"]) == (LONG[4:], "GET", "200")

    def test_chunks_go_and_come_with_their_row(self, target: Target, adapter: Adapter) -> None:
        before = dumped(Path(target.location))
        keep = MemoryKeep()
        adapter.remove([self.row(adapter, LONG).seen], keep)
        with closing(sqlite3.connect(target.location)) as database:
            orphans = "SELECT count(*) FROM streams WHERE entry_id NOT IN (SELECT id FROM entries)"
            assert database.execute(orphans).fetchone() == (0,)
        adapter.restore(keep.taken, keep)
        assert dumped(Path(target.location)) == before
        assert self.opened_by_library(target).call("serves_as", LONG) == [200, 384_000]

    def test_found_by_hash_and_by_what_is_hashed(self, target: Target, adapter: Adapter) -> None:
        facts = {fact.name: fact.value for fact in adapter.read(self.row(adapter, LONG).id).facts}
        for typed, key in (
            (facts["Cache key"], LONG),
            (LONG, LONG),
            ("GET https://rfc.example/page", "GET https://rfc.example/page"),
        ):
            assert [row.key for row in rows_of(adapter.lookup([typed]))] == [key]

    def test_what_is_being_written_is_not_stale_yet(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        key = "GET https://slow.example/"
        application.call("begin", key)
        row = self.row(adapter, key)
        assert (row.expires or 0) > time.time() + 60
        assert [fact.value for fact in adapter.read(row.id).facts if fact.name == "State"]
        keep = MemoryKeep(lambda: application.call("finish"))
        assert adapter.remove([row.seen], keep)[0].fate is Fate.CHANGED
        assert application.call("holds", key)

    def test_what_the_library_hides_is_stale(self, target: Target, adapter: Adapter) -> None:
        self.opened_by_library(target).call("hide", self.ordinary[0])
        row = self.row(adapter, self.ordinary[0])
        assert row.expires == 0
        assert isinstance(adapter, HishelAdapter)
        assert adapter.set_expiry([row.seen], [math.inf])[0].fate is Renewed.FAILED

    def test_variants_come_back_together(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        application.call("rewrite", self.ordinary[0])
        rows = [row for row in listing(adapter).values() if row.key == self.ordinary[0]]
        assert len(rows) == 2
        keep = MemoryKeep()
        adapter.remove([row.seen for row in rows], keep)
        assert {answer.fate for answer in adapter.restore(keep.taken, keep)} == {Return.RESTORED}

    def test_the_library_obeys_an_expiry_that_is_set(self, target: Target, adapter: Adapter) -> None:
        assert isinstance(adapter, HishelAdapter)
        application = self.opened_by_library(target)
        fresh, stale = self.row(adapter, self.ordinary[0]), self.row(adapter, self.stale[0])
        now = time.time()
        answers = adapter.set_expiry([fresh.seen, stale.seen], [now - 1, now + 500])
        assert [(answer.fate, answer.expires) for answer in answers] == [
            (Renewed.SET, now - 1),
            (Renewed.SET, now + 500),
        ]
        assert (application.call("holds", fresh.key), application.call("holds", stale.key)) == (False, True)
        assert [self.row(adapter, row.key).expires for row in (fresh, stale)] == [now - 1, now + 500]
        adapter.set_expiry([self.row(adapter, fresh.key).seen], [math.inf])
        assert self.row(adapter, fresh.key).expires == math.inf
        assert application.call("holds", fresh.key)

    def test_an_expiry_is_put_back_exactly(self, target: Target, adapter: Adapter) -> None:
        assert isinstance(adapter, HishelAdapter)
        before = dumped(Path(target.location))
        keys = (*self.ordinary, *self.stale, *self.forever)
        rows = [self.row(adapter, key) for key in keys]
        adapter.set_expiry([row.seen for row in rows], [time.time() + 9] * len(rows))
        assert dumped(Path(target.location)) != before
        again = [self.row(adapter, key).seen for key in keys]
        adapter.set_expiry(again, [row.expires or 0.0 for row in rows])
        assert dumped(Path(target.location)) == before

    def test_what_changed_meanwhile_keeps_its_expiry(self, target: Target, adapter: Adapter) -> None:
        assert isinstance(adapter, HishelAdapter)
        changed, gone = (self.row(adapter, key) for key in self.ordinary[:2])
        application = self.opened_by_library(target)
        application.call("rewrite", changed.key)
        application.call("delete", gone.key)
        answers = adapter.set_expiry([changed.seen, gone.seen], [math.inf] * 2)
        assert [answer.fate for answer in answers] == [Renewed.CHANGED, Renewed.GONE]

    def test_an_idle_limit_is_the_librarys_own(self, target: Target, adapter: Adapter) -> None:
        assert isinstance(adapter, HishelAdapter)
        key = "GET https://idle.example/"
        self.opened_by_library(target).call("idle", key)
        row = self.row(adapter, key)
        assert row.expires == pytest.approx(time.time() + 60, abs=30)
        answer = adapter.set_expiry([row.seen], [math.inf])[0]
        assert (answer.fate, bool(answer.reason)) == (Renewed.FAILED, True)

    def test_an_expiry_is_not_set_read_only(self, target: Target) -> None:
        with self.opened(target, writable=False) as adapter:
            assert not adapter.capabilities.can(Ability.SET_EXPIRY)
            assert adapter.capabilities.why_not(Ability.SET_EXPIRY) == "Attached read-only."

    def test_damaged_heads_and_missing_chunks_are_problems(self, target: Target) -> None:
        with closing(sqlite3.connect(target.location)) as database, database:
            database.execute("DELETE FROM streams WHERE chunk_number = 1")
            database.execute("UPDATE entries SET data = substr(data, 1, 20) WHERE expires_at IS NULL")
        with self.opened(target) as adapter:
            problems = {row.key: row.problem for row in listing(adapter).values() if row.problem}
            assert problems.pop(LONG) == "Of the 3 chunks of its body 1 are missing."
            assert len(problems) == 2
            assert "missing" in adapter.read(self.row(adapter, LONG).id).pieces[1].problem
            for row in listing(adapter).values():
                adapter.read(row.id)

    def test_hostile_heads_hold_nobody_up(self, target: Target) -> None:
        heads = [b"\x91" * 60_000, b"\xdf\xff\xff\xff\xff", b"\x82" * 70_000, b"\x81\xa7request\xc7\x04\x01abcd", b""]
        with closing(sqlite3.connect(target.location)) as database, database:
            ids = database.execute("SELECT id FROM entries").fetchall()
            for (entry_id,), head in zip(ids, heads, strict=False):
                database.execute("UPDATE entries SET data = ? WHERE id = ?", (head, entry_id))
        with self.opened(target) as adapter:
            rows = listing(adapter)
            assert {entry_id for entry_id, row in rows.items() if row.problem} == {one for (one,) in ids[: len(heads)]}
            for entry_id in rows:
                adapter.read(entry_id)

    def test_the_folder_that_the_library_makes_is_enough(self, target: Target) -> None:
        found = get_format("hishel").recognise(Sight(str(Path(target.location).parent)))
        assert (found.certainty, found.places) == (Certainty.SURE, (target.location,))
        assert get_format("sqlite-table").recognise(Sight(target.location)).certainty is not Certainty.SURE

    def test_another_database_is_refused(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "other.db")) as database, database:
            database.execute("CREATE TABLE entries (id, data)")
        with pytest.raises(WrongFormat, match="hishel 2"), self.opened(Target(str(tmp_path / "other.db"), "hishel")):
            pass
