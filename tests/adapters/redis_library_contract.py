"""`LibraryContract` for caches in Redis: a database of its own for each test, filled by the library."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from applications import Application, running
from contract import listing
from keeping import MemoryKeep
from library_contract import LibraryContract
from redis_caches import application, dumps

from cache_studio.adapters.base import Adapter, SetsExpiry
from cache_studio.adapters.redis_opening import recognise_url
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import UnsupportedAction
from cache_studio.model.seeing import Fate, Renewed, Return
from cache_studio.model.targets import Target
from cache_studio.recording.counts import Tally, to_fields
from cache_studio.recording.places import redis_recorder_prefix


class RedisLibraryContract(LibraryContract):
    """The program's functions get the URL of the server in place of a folder and of a location."""

    pytestmark = pytest.mark.redis
    without_scripts: ClassVar[bool] = True
    """Whether a user who may run no scripts can attach it."""
    certainty: ClassVar[str] = "sure"
    """How sure it is of what the program writes; "" where nothing tells it from plain keys."""

    @pytest.fixture(scope="class")
    @classmethod
    def program_running(cls, redis_server: object) -> Iterator[Application]:
        """One process for all tests of the class: importing a library takes longer than most of them."""
        with running(cls.program, cls.libraries) as started:
            yield started

    @pytest.fixture(autouse=True)
    def _application(self, program_running: Application, redis_url: str) -> None:
        self.url = redis_url
        self._started = program_running

    def make(self, tmp_path: Path) -> Target:
        found = self._started.call("make", self.url)
        # Reading changes times of last use on servers before 7.2, so the contract looks without them.
        options = {**found.get("options", {}), "accessed": "off"}
        return Target(self.url, self.format_name, options)

    def opened_by_library(self, target: Target) -> Application:
        self._started.call("open", target.location)
        return self._started

    def missing(self, tmp_path: Path) -> Target:
        return Target("redis://127.0.0.1:1/0", self.format_name)

    def manifest(self, target: Target) -> Mapping[str, object]:
        return dumps(target)

    def stored(self, target: Target) -> Mapping[str, object]:
        return dumps(target)

    def recorder_beside(self, target: Target) -> None:
        prefix = target.options.get("prefix", "")
        recorded = to_fields(Tally(), 1_700_000_000.0)
        with application(target.location) as client:
            client.hset(redis_recorder_prefix(prefix) + "1234", mapping=recorded)
            client.hset(prefix + "recorder:1234", mapping=recorded)

    def test_our_own_reads_and_removals_are_not_counted(self, target: Target, adapter: Adapter) -> None:
        before = adapter.counters()
        rows, keep = listing(adapter), MemoryKeep()
        for entry_id in rows:
            adapter.read(entry_id)
        adapter.lookup(self.ordinary[:2])
        adapter.remove([row.seen for row in rows.values()], keep)
        adapter.present(keep.taken)
        adapter.restore(keep.taken, keep)
        with application(target.location) as client:
            client.get("no such key")
        after = adapter.counters()
        assert (after.hits, after.misses, after.epoch) == (before.hits, (before.misses or 0) + 1, before.epoch)

    @pytest.fixture
    def plain_user(self) -> Iterator[str]:
        """The URL for a user who may run no scripts."""
        with application(self.url) as client:
            client.acl_setuser("plain", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-eval", "-evalsha"])
            yield self.url.replace("//", "//plain@")
            client.acl_deluser("plain")

    def test_a_user_without_scripts_looks_and_removes(self, target: Target, plain_user: str) -> None:
        place = Target(plain_user, self.format_name, target.options, "any")
        if not self.without_scripts:
            with pytest.raises(UnsupportedAction, match="Scripts"), self.opened(place):
                pass
            return
        with self.opened(place) as adapter:
            row, keep = self.row(adapter, self.ordinary[0]), MemoryKeep()
            assert len(listing(adapter)) == self.count
            assert adapter.remove([row.seen], keep)[0].fate is Fate.REMOVED
            assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
            assert self.row(adapter, row.key).columns() == row.columns()

    def test_an_expiry_is_set_where_the_library_obeys_it(self, target: Target, adapter: Adapter) -> None:
        rows = [self.row(adapter, key) for key in self.ordinary[:2]]
        if not adapter.capabilities.can(Ability.SET_EXPIRY):
            assert adapter.capabilities.why_not(Ability.SET_EXPIRY).endswith(".")
            if isinstance(adapter, SetsExpiry):
                with pytest.raises(UnsupportedAction):
                    adapter.set_expiry([row.seen for row in rows], [math.inf] * 2)
            return
        assert isinstance(adapter, SetsExpiry)
        library, before = self.opened_by_library(target), self.stored(target)
        wanted = [math.inf, (rows[1].expires or 0) + 1000]
        assert {one.fate for one in adapter.set_expiry([row.seen for row in rows], wanted)} == {Renewed.SET}
        truth = {entry["key"]: entry["expires"] for entry in library.call("truth", target.location)}
        assert [truth[row.key] for row in rows] == [None, pytest.approx(wanted[1], abs=self.exact)]
        assert all(library.call("holds", row.key) for row in rows)
        changed = [self.row(adapter, row.key).seen for row in rows]
        adapter.set_expiry(changed, [row.expires or 0 for row in rows])
        assert self.stored(target) == before

    def test_it_is_proposed_for_the_database(self, target: Target) -> None:
        found = recognise_url(Target(self.url))
        sure = [answer["format"] for answer in found if answer["certainty"] == "sure"]
        own = [answer for answer in found if answer["format"] == self.format_name]
        assert set(sure) == ({self.format_name} if self.certainty == "sure" else set())
        assert {answer["certainty"] for answer in own} == ({self.certainty} if self.certainty else set())
        if own:
            options = own[0]["options"]
            assert isinstance(options, dict)
            with self.opened(Target(self.url, self.format_name, options)) as adapter:
                assert len(listing(adapter)) == self.count
