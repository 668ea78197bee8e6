"""diskcache.FanoutCache beside the library itself."""

from __future__ import annotations

import math
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from contract import listing, scan_all
from keeping import FullKeep, MemoryKeep
from library_contract import LibraryContract
from test_diskcache import stored_in

from cache_studio.adapters.base import Adapter, Certainty, SetsExpiry
from cache_studio.adapters.discovery import walk
from cache_studio.adapters.diskcache.adapter import DiskcacheAdapter
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.adapters.sqlite_database import Database
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, WrongFormat
from cache_studio.model.seeing import Fate, Renewed, Source
from cache_studio.model.targets import Target


def changes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each transaction from now on changes."""
    changed: list[int] = []
    writing = Database.writing

    @contextmanager
    def counted(self: Database) -> Iterator[sqlite3.Connection]:
        with writing(self) as connection:
            before = connection.total_changes
            yield connection
            changed.append(connection.total_changes - before)

    monkeypatch.setattr(Database, "writing", counted)
    return changed


class TestFanout(LibraryContract):
    format_name = "diskcache-fanout"
    program = "diskcache_fanout_program"
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
        shards = sorted(Path(target.location).glob("0*"))
        return {f"{shard.name}/{name}": what for shard in shards for name, what in stored_in(shard).items()}

    # What is this format's own.

    def test_entries_come_from_every_shard(self, target: Target, adapter: Adapter) -> None:
        assert len({entry_id[0] for entry_id in listing(adapter) if isinstance(entry_id, tuple)}) > 1
        details = adapter.details()
        assert details["shards"] == 4
        assert details["count"] == self.count
        assert details["caches_beside"] == ["cache/beside", "index/data"]
        assert "4 shards" in get_format(self.format_name).recognise(Sight(target.location)).note
        assert len(adapter.watched()) == 4

    def test_a_shard_alone_and_a_cache_beside_are_caches_too(self, target: Target) -> None:
        found = get_format("diskcache")
        for name in ("000", "cache/beside"):
            assert found.recognise(Sight(os.path.join(target.location, name))).certainty is Certainty.SURE
        assert found.recognise(Sight(target.location)).certainty is Certainty.NO
        assert found.recognise(Sight(os.path.join(target.location, "index/data"))).certainty is Certainty.LOOK

    def test_it_is_discovered_as_one_cache(self, target: Target) -> None:
        found = list(walk([os.path.dirname(target.location)]))
        assert [(one["target"], one["format"]) for one in found] == [(target.location, self.format_name)]

    def test_figures_are_the_librarys(self, target: Target, adapter: Adapter) -> None:
        assert adapter.measure().capacity == 2**28  # until the library opens it: it shares out its own default again
        application = self.opened_by_library(target)
        application.call("get", self.ordinary[0])
        application.call("get", self.stale[0])
        volume, counted = application.call("figures")
        counters = adapter.counters()
        assert [counters.hits, counters.misses, counters.source] == [*counted, Source.RECORDED]
        assert adapter.details()["volume"] == volume

    def test_an_expiry_is_set_and_put_back(self, target: Target, adapter: Adapter) -> None:
        assert isinstance(adapter, SetsExpiry)
        application = self.opened_by_library(target)
        rows = [self.row(adapter, key) for key in (*self.ordinary[:4], self.stale[0])]
        later = time.time() + 86_400
        moments = [time.time() - 1, math.inf, later, later, later]
        changed = rows[3]
        self.application_rewrites(target, changed.key)
        answers = adapter.set_expiry([row.seen for row in rows], moments)
        assert [answer.id for answer in answers] == [row.id for row in rows]
        assert [answer.fate for answer in answers] == [*[Renewed.SET] * 3, Renewed.CHANGED, Renewed.SET]
        del rows[3], moments[3]
        assert [self.row(adapter, row.key).expires for row in rows] == moments
        assert [application.call("get", row.key) for row in rows] == [False, True, True, True]
        now = [self.row(adapter, row.key).seen for row in rows]
        adapter.set_expiry(now, [row.expires or 0 for row in rows])
        assert [self.row(adapter, row.key).columns() for row in rows] == [row.columns() for row in rows]

    def test_nothing_is_removed_anywhere_before_all_is_copied(self, target: Target, adapter: Adapter) -> None:
        class Filling(FullKeep):
            """Full with the second shard."""

            def copies(self, copies: Any) -> None:
                if self.taken:
                    super().copies(copies)
                self.taken.extend(copies)

            def file(self, descriptor: int, length: int) -> str:
                return MemoryKeep.file(self, descriptor, length)

        before, keep = self.stored(target), Filling()
        with pytest.raises(CacheStudioError, match="full"):
            adapter.remove([row.seen for row in listing(adapter).values()], keep)
        assert keep.taken
        assert self.stored(target) == before

    def test_a_shard_that_is_gone_hides_no_other(self, target: Target) -> None:
        place = Path(target.location) / "001"
        with closing(sqlite3.connect(place / "cache.db")) as database:
            left = self.count - database.execute("SELECT count(*) FROM Cache").fetchone()[0]
        shutil.rmtree(place)
        with self.opened(target) as adapter:
            assert len(listing(adapter)) == left
        place.mkdir()
        with closing(sqlite3.connect(place / "cache.db")) as database, database:
            database.execute("CREATE TABLE another (key)")
        with pytest.raises(WrongFormat), self.opened(target):
            pass

    @pytest.mark.usefixtures("brief_waits")
    def test_a_locked_shard_is_said(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, self.ordinary[0])
        assert isinstance(row.id, tuple)
        place = Path(target.location) / f"{row.id[0]:03}" / "cache.db"
        with closing(sqlite3.connect(place)) as database:
            database.execute("BEGIN IMMEDIATE")
            with pytest.raises(CacheUnavailable, match="busy"):
                adapter.remove([row.seen], MemoryKeep())

    @pytest.mark.usefixtures("brief_waits")
    def test_a_shard_that_is_locked_later_stops_no_other(
        self, target: Target, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(DiskcacheAdapter, "lock_seconds", 0.0)
        self.opened_by_library(target).call("fill", 60)
        seen = [row.seen for row in listing(adapter).values() if row.key.startswith("small")]
        shards = [entry.id[0] for entry in seen if isinstance(entry.id, tuple)]
        locked = max(set(shards) - {shards[0]}, key=shards.count)  # not the one whose turn is first
        place = Path(target.location) / f"{locked:03}" / "cache.db"
        with closing(sqlite3.connect(place)) as database:
            database.execute("BEGIN IMMEDIATE")
            answers = adapter.remove(seen, MemoryKeep())
        wanted = [Fate.FAILED if shard == locked else Fate.REMOVED for shard in shards]
        assert [answer.fate for answer in answers] == wanted
        assert [answer.id for answer in answers] == [entry.id for entry in seen]

    def test_an_application_has_its_turn_as_soon_as_the_time_for_a_lock_is_up(
        self, tmp_path: Path, target: Target, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(DiskcacheAdapter, "lock_seconds", 0.0)
        changed = changes(monkeypatch)
        application = self.opened_by_library(target)
        application.call("fill", 150)
        seen = [row.seen for row in listing(adapter).values() if row.key.startswith("small")]
        answers: list[list[int]] = []
        using = threading.Thread(target=lambda: answers.append(application.call("use_until", str(tmp_path / "end"))))
        using.start()
        try:
            keep = MemoryKeep()
            assert {removal.fate for removal in adapter.remove(seen, keep)} == {Fate.REMOVED}
            adapter.restore(keep.taken, keep)
        finally:
            (tmp_path / "end").touch()
            using.join(30)
        assert len(changed) >= 2 * len(seen)
        assert max(changed) < 10  # a row and what triggers count, never a second row
        ((stored, _dropped),) = answers  # how many it drops, the benchmark of removals says
        assert stored

    def test_a_folder_without_shards_is_none(self, tmp_path: Path) -> None:
        (tmp_path / "000").mkdir()
        assert get_format(self.format_name).recognise(Sight(str(tmp_path))).certainty is Certainty.NO
        with pytest.raises(WrongFormat), self.opened(Target(str(tmp_path), self.format_name)):
            pass

    def test_a_scan_that_is_left_releases_its_shard(self, adapter: Adapter) -> None:
        walk = adapter.scan()
        next(walk)
        walk.close()
        assert scan_all(adapter)[1].complete
        assert adapter.capabilities.can(Ability.REMOVE)
