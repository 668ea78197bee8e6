"""diskcache.Cache beside the library itself."""

from __future__ import annotations

import math
import os
import pickle
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from applications import running
from contract import file_manifest, listing
from keeping import MemoryKeep
from library_contract import LibraryContract

from cache_studio.adapters.base import Adapter, Certainty, SetsExpiry
from cache_studio.adapters.diskcache import leftovers
from cache_studio.adapters.pickled_keys import pickle_text
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import CacheUnavailable, UnsupportedAction, WrongFormat
from cache_studio.model.seeing import Counters, Fate, Part, Renewed, Scope, Source
from cache_studio.model.targets import Target


def stored_in(folder: Path) -> Mapping[str, object]:
    """Value files, rows and counters of a cache."""
    found = {name: what for name, what in file_manifest(folder).items() if "cache.db" not in name}
    with closing(sqlite3.connect(folder / "cache.db")) as database:
        rows = {str(row[0]): row for row in database.execute("SELECT * FROM Cache")}
        counted = database.execute("SELECT key, value FROM Settings WHERE key IN ('count', 'size')").fetchall()
    return found | rows | dict(counted)


class TestDiskcache(LibraryContract):
    format_name = "diskcache"
    program = "diskcache_program"
    versions = "diskcache 5.6.3"
    ordinary = (
        "big text",
        "('demo.square', 7, None, 'side', 2)",
        "https://example.org/a?b=1&c=2",
        "big bytes",
        "<b>bold</b>\nключ 🔑",
        "7",
        "2.5",
        "\x00bytes",
    )
    stale = ("old", "negative")
    forever = ("for ever", "True")
    count = 13

    def stored(self, target: Target) -> Mapping[str, object]:
        return stored_in(Path(target.location))

    # What is this format's own.

    def test_the_folder_and_the_database_are_the_same_cache(self, target: Target, adapter: Adapter) -> None:
        place = os.path.join(target.location, "cache.db")
        assert get_format("diskcache").home(place) == target.location
        assert get_format("diskcache").recognise(Sight(place)).certainty is Certainty.SURE
        with self.opened(Target(place, "diskcache")) as other:
            assert listing(other) == listing(adapter)

    def test_an_entry_shows_what_the_index_says(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, "big text")
        assert (row.type, row.tags, row.hits, row.accessed) == ("text file", (), None, None)
        assert row.size == len(("väl " * 20_000).encode())
        assert row.created == pytest.approx(time.time(), abs=60)
        piece = adapter.read(row.id).pieces[0]
        assert (piece.data, piece.hint) == (("väl " * 20_000).encode(), "text")
        pickled = self.row(adapter, self.ordinary[1])
        assert (pickled.type, pickled.tags) == ("number", ("tag 2",))
        value, key = adapter.read(pickled.id).pieces
        assert (value.data, key.name, key.hint) == (b"49", "key", "pickle")
        assert adapter.read(self.row(adapter, "big pickle").id).pieces[0].hint == "pickle"

    def test_hits_and_misses_are_the_librarys(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        before = adapter.counters()
        application.call("get", self.ordinary[0])
        application.call("get", self.stale[0])
        after = adapter.counters()
        assert (before.source, before.scope) == (Source.RECORDED, Scope.CACHE)
        assert ((after.hits or 0) - (before.hits or 0), (after.misses or 0) - (before.misses or 0)) == (1, 1)
        assert adapter.capabilities.can(Ability.HIT_RATE)
        volume, limit, counted = application.call("volume")
        assert [after.hits, after.misses] == counted
        assert adapter.details()["volume"] == volume
        assert adapter.measure().capacity == limit == 2**28

    @pytest.mark.parametrize(
        ("settings", "counters"),
        [
            ({}, Counters()),
            ({"eviction_policy": "least-recently-used"}, Counters()),
            ({"eviction_policy": "least-frequently-used"}, Counters(2, None, Source.DERIVED, Scope.CACHE)),
        ],
    )
    def test_what_is_not_recorded_is_not_said(
        self, tmp_path: Path, settings: dict[str, object], counters: Counters
    ) -> None:
        place = str(tmp_path / "other")
        with running(self.program) as application:
            application.call("use", place, settings, ["key 1", "key 1", "key 9"])
        with self.opened(Target(place, "diskcache")) as adapter:
            row, unread = self.row(adapter, "key 1"), self.row(adapter, "key 2")
            assert adapter.counters() == counters
            policy = str(settings.get("eviction_policy", ""))
            assert (row.hits, unread.hits) == ((2, 0) if "frequently" in policy else (None, None))
            assert (
                (row.accessed is not None) == ("recently" in policy) == adapter.capabilities.can(Ability.ACCESS_TIMES)
            )
            assert not adapter.capabilities.can(Ability.HIT_RATE)

    def test_an_expiry_is_set_extended_and_put_back(self, target: Target, adapter: Adapter) -> None:
        assert isinstance(adapter, SetsExpiry)
        application = self.opened_by_library(target)
        rows = [self.row(adapter, key) for key in (self.ordinary[0], self.ordinary[1], self.stale[0])]
        soon, later = time.time() - 1, time.time() + 86_400
        answers = adapter.set_expiry([row.seen for row in rows], [soon, math.inf, later])
        assert [(answer.fate, answer.expires) for answer in answers] == [
            (Renewed.SET, soon),
            (Renewed.SET, math.inf),
            (Renewed.SET, later),
        ]
        now = [self.row(adapter, row.key) for row in rows]
        assert [row.expires for row in now] == [soon, math.inf, later]
        assert [application.call("get", row.key) for row in rows] == [False, True, True]
        adapter.set_expiry([row.seen for row in now], [row.expires or 0 for row in rows])
        assert [self.row(adapter, row.key).columns() for row in rows] == [row.columns() for row in rows]
        assert application.call("complaints") == []

    def test_an_expiry_of_what_changed_meanwhile_stays(self, target: Target, adapter: Adapter) -> None:
        assert isinstance(adapter, SetsExpiry)
        changed, gone = (self.row(adapter, key) for key in self.ordinary[:2])
        self.application_rewrites(target, changed.key)
        self.application_deletes(target, gone.key)
        newer = self.row(adapter, changed.key)
        answers = adapter.set_expiry([changed.seen, gone.seen], [math.inf, math.inf])
        assert [answer.fate for answer in answers] == [Renewed.CHANGED, Renewed.GONE]
        assert self.row(adapter, changed.key) == newer

    def test_removing_takes_the_value_file_and_its_folders(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, "big text")
        folders = [path for path in Path(target.location).rglob("*") if path.is_dir()]
        (removal,) = adapter.remove([row.seen], MemoryKeep())
        assert removal.freed == row.size
        left = [path for path in Path(target.location).rglob("*") if path.is_dir()]
        assert len(left) < len(folders)
        assert all(any(path.iterdir()) for path in left)

    def test_a_restored_file_does_not_stay_without_its_row(self, target: Target, adapter: Adapter) -> None:
        row, keep = self.row(adapter, "big text"), MemoryKeep()
        adapter.remove([row.seen], keep)
        self.application_rewrites(target, row.key)
        before = self.stored(target)
        adapter.restore(keep.taken, keep)
        assert self.stored(target) == before

    def test_a_missing_value_file_is_said(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, "big text")
        for path in Path(target.location).rglob("*.val"):
            path.unlink()
        broken = self.row(adapter, "big text")
        assert broken.problem == "Its value file is missing."
        assert broken.stamp != row.stamp
        assert adapter.read(broken.id).pieces[0].problem == broken.problem
        keep = MemoryKeep()
        assert adapter.remove([broken.seen], keep)[0].fate is Fate.REMOVED
        adapter.restore(keep.taken, keep)
        assert self.row(adapter, "big text").columns() == broken.columns()

    def test_a_file_outside_is_neither_read_nor_removed(self, tmp_path: Path, target: Target) -> None:
        folder, secret = Path(target.location), tmp_path / "secret"
        secret.write_bytes(b"mine")
        (folder / "outside").symlink_to(tmp_path)
        (folder / "link.val").symlink_to(secret)
        hostile = [
            "../../secret",
            str(secret),
            "outside/secret",
            "link.val",
            "..\\..\\secret",
            "cache.db",
            "a\0b",
            "",
            ".",
        ]
        with closing(sqlite3.connect(folder / "cache.db")) as database, database:
            for number, name in enumerate(hostile):
                database.execute(
                    "INSERT INTO Cache(key, raw, store_time, mode, filename) VALUES (?, 1, 1.0, 2, ?)",
                    (f"hostile {number}", name),
                )
        with self.opened(target) as adapter:
            rows = [self.row(adapter, f"hostile {number}") for number in range(len(hostile))]
            assert all(row.problem for row in rows)
            assert {piece.data for row in rows for piece in adapter.read(row.id).pieces} == {b""}
            removals = adapter.remove([row.seen for row in rows], MemoryKeep())
            assert {(removal.fate, removal.freed) for removal in removals} == {(Fate.REMOVED, 0)}
            assert len(listing(adapter)) == self.count
        assert secret.read_bytes() == b"mine"
        assert (folder / "link.val").is_symlink()

    def test_leftovers_are_found_and_compacted(
        self, target: Target, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(leftovers.Leftovers, "REFRESH", 0.0)
        places = (Path(target.location) / f"{number:02x}" for number in range(256))  # the library took random ones
        left, empty = [place for place in places if not place.exists()][:2]
        folder = left / "cd"
        folder.mkdir(parents=True)
        (folder / f"{'0' * 28}.val").write_bytes(b"x" * 100)
        (folder / "mine.txt").write_bytes(b"x")
        (empty / "01").mkdir(parents=True)
        assert adapter.compactable() == [Part("empty folders", 1, 0)]  # the file may get its row at any moment
        monkeypatch.setattr(leftovers, "GRACE", -10.0)
        parts = [Part("value files without an entry", 1, 100), Part("empty folders", 1, 0)]
        assert adapter.compactable() == parts
        assert adapter.compact() == parts
        assert adapter.compactable() == []
        assert [path.name for path in folder.iterdir()] == ["mine.txt"]
        assert not empty.exists()

    @pytest.mark.parametrize("kind", ["deque", "index"])
    def test_data_is_not_removed(self, tmp_path: Path, kind: str) -> None:
        place = str(tmp_path / "data")
        with running(self.program) as application:
            application.call("persistent", place, kind)
        assert get_format("diskcache").recognise(Sight(place)).certainty is Certainty.LOOK
        with self.opened(Target(place, "diskcache")) as adapter:
            seen = [row.seen for row in listing(adapter).values()]
            assert len(seen) == 3
            for ability in (Ability.REMOVE, Ability.UNDO, Ability.COMPACT, Ability.SET_EXPIRY):
                assert kind.title() in adapter.capabilities.why_not(ability)
            with pytest.raises(UnsupportedAction, match="not a cache"):
                adapter.remove(seen, MemoryKeep())
        with self.opened(Target(place, "diskcache", {"kind": "cache"})) as adapter:
            assert {removal.fate for removal in adapter.remove(seen, MemoryKeep())} == {Fate.REMOVED}

    def test_a_cache_that_never_evicts_but_expires_is_no_data(self, tmp_path: Path) -> None:
        place = str(tmp_path / "other")
        with running(self.program) as application:
            application.call("use", place, {"eviction_policy": "none"}, [])
        with closing(sqlite3.connect(tmp_path / "other" / "cache.db")) as database, database:
            database.execute("UPDATE Cache SET expire_time = 4e9 WHERE key = 'key 1'")
        with self.opened(Target(place, "diskcache")) as adapter:
            assert adapter.capabilities.can(Ability.REMOVE)
        with self.opened(Target(place, "diskcache", {"kind": "data"})) as adapter:
            assert not adapter.capabilities.can(Ability.REMOVE)

    def test_a_float_whose_rowid_was_given_away_comes_back(self, target: Target, adapter: Adapter) -> None:
        row, keep = self.row(adapter, "2.5"), MemoryKeep()
        adapter.remove([row.seen], keep)
        with closing(sqlite3.connect(Path(target.location) / "cache.db")) as database, database:
            number = [r[0] for r in database.execute("SELECT rowid FROM Cache WHERE key = 7")]
            database.execute("UPDATE Cache SET rowid = 7 WHERE rowid = ?", number)
        adapter.restore(keep.taken, keep)
        assert adapter.present(keep.taken) == [True]
        assert self.row(adapter, "2.5").columns() == row.columns()

    def test_a_trigger_that_removes_more_is_rolled_back(self, target: Target) -> None:
        with closing(sqlite3.connect(Path(target.location) / "cache.db")) as database, database:
            database.execute("CREATE TRIGGER more AFTER DELETE ON Cache BEGIN DELETE FROM Cache; END")
        before = self.stored(target)
        with self.opened(target) as adapter, pytest.raises(CacheUnavailable, match="trigger"):
            adapter.remove([self.row(adapter, self.ordinary[0]).seen], MemoryKeep())
        assert self.stored(target) == before

    @pytest.mark.usefixtures("brief_waits")
    def test_a_locked_database_is_said(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[0])
        with closing(sqlite3.connect(Path(target.location) / "cache.db")) as database:
            database.execute("BEGIN IMMEDIATE")
            with pytest.raises(CacheUnavailable, match="busy"):
                adapter.remove([row.seen], MemoryKeep())
        assert self.row(adapter, self.ordinary[0]) == row

    def test_another_database_is_not_taken_for_one(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "cache.db")) as database, database:
            database.execute("CREATE TABLE Cache (key, value)")
        assert get_format("diskcache").recognise(Sight(str(tmp_path))).certainty is Certainty.NO
        with pytest.raises(WrongFormat), self.opened(Target(str(tmp_path), "diskcache")):
            pass


class TestJSONDisk(LibraryContract):
    format_name = "diskcache"
    program = "diskcache_json_program"
    versions = "diskcache 5.6.3"
    ordinary = ("big text", '["demo.square", 7, null]', "https://example.org/a?b=1&c=2", '{"a": "ä"}', "7")
    stale = ("old",)
    forever = ("for ever",)
    count = 7

    def stored(self, target: Target) -> Mapping[str, object]:
        return stored_in(Path(target.location))

    def test_keys_and_values_are_unpacked(self, target: Target, adapter: Adapter) -> None:
        assert "JSONDisk" in get_format("diskcache").recognise(Sight(target.location)).note
        row = self.row(adapter, '["demo.square", 7, null]')
        assert row.type == "json"
        (piece,) = adapter.read(row.id).pieces
        assert (piece.data[:1], piece.hint) == (b"\x78", "zlib")


class Runs:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("executed",)


def test_a_hostile_key_is_shown_and_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pickle_text(pickle.dumps(Runs())) == ("posix.mkdir('executed')", "")
    assert pickle_text(b"\x80\x05broken")[1] == "Its key cannot be read."
    laughs: object = ["ha"]
    for _ in range(40):
        laughs = [laughs, laughs]
    assert len(pickle_text(pickle.dumps(laughs))[0]) < 10_000
    assert pickle_text(b"\x80\x05]" + b"]a" * 5_000 + b".")[1] in ("", "Its key cannot be read.")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "value",
    [("a", 1, None), (), ("a",), [1.5, b"x"], {"a": (1,)}, True, 10**30, frozenset(["a"]), {"b"}],
)
def test_a_pickled_key_reads_as_python_writes_it(value: object) -> None:
    text = repr(value) if not isinstance(value, frozenset) else "frozenset('a')"
    assert pickle_text(pickle.dumps(value)) == (text, "")
