"""The suite of a format whose caches a real library writes: the contract of every adapter, and that the library agrees.

A subclass names a program, a module of `programs/` that imports the library. Its functions (JSON values only):

    make(folder) -> target            a dozen entries below the folder, all closed again: {"location": path relative to
                                      the folder, "options": {}}
    truth(location) -> [entry]        by the library itself, of every entry: {"key": as the studio shows it,
                                      "expires": epoch seconds, None for forever, or "unknown"}
    open(location)                    open the cache and keep it open; the functions below work on it
    holds(key) -> bool                whether the library would serve it
    complaints() -> [sentence]        what does not agree: its len() with its entries, volumes, count files, checks
    rewrite(key)                      store another, longer value under the key, whether or not it is there
    delete(key)                       remove it as an application does

"key" is always what the studio shows. A cache of a server gets a URL in place of a folder and of a location.
"""

from __future__ import annotations

import math
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from applications import Application, require_libraries, running
from contract import AdapterContract, listing, removes
from keeping import MemoryKeep
from patience import PATIENCE

from cache_studio.adapters.base import Adapter
from cache_studio.model.capabilities import Ability
from cache_studio.model.identity import EntryId
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio


class LibraryContract(AdapterContract):
    """What an adapter of a library's cache promises, with the library beside it."""

    program: ClassVar[str]
    """The module in `programs/`."""
    libraries: ClassVar[str] = "current"
    """The set of `.libraries/` that it imports."""
    versions: ClassVar[str]
    """What the README's table says was tested: "diskcache 5.6.3"."""
    exact: ClassVar[float] = 0.001
    """Seconds by which an expiry may differ from the library's."""

    @pytest.fixture(scope="class")
    @classmethod
    def written(cls, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
        """The cache as the library wrote it, once for all tests of the class, and where in the folder it lies."""
        folder = tmp_path_factory.mktemp("written")
        with running(cls.program, cls.libraries) as application:
            return folder, application.call("make", str(folder))

    @pytest.fixture(autouse=True)
    def _application(self, request: pytest.FixtureRequest) -> Iterator[None]:
        require_libraries(self.libraries)
        self._written: tuple[Path, dict[str, Any]] = request.getfixturevalue("written")
        self._running: Application | None = None
        yield
        if self._running is not None:
            self._running.kill()

    def make(self, tmp_path: Path) -> Target:
        written, found = self._written
        shutil.copytree(written, tmp_path / "application", symlinks=True)
        return Target(str(tmp_path / "application" / found["location"]), self.format_name, found.get("options", {}))

    def opened_by_library(self, target: Target) -> Application:
        """The program with this cache open; ended after the test."""
        if self._running is None:
            self._running = Application(self.program, self.libraries)
            self._running.call("open", target.location)
        return self._running

    def application_rewrites(self, target: Target, key: str) -> None:
        self.opened_by_library(target).call("rewrite", key)

    def application_deletes(self, target: Target, key: str) -> None:
        self.opened_by_library(target).call("delete", key)

    # With the library.

    def test_count_and_expiries_are_the_librarys(self, target: Target, adapter: Adapter) -> None:
        rows = {row.key: row for row in listing(adapter).values()}
        with running(self.program, self.libraries) as application:
            truth = {entry["key"]: entry["expires"] for entry in application.call("truth", target.location)}
        assert set(rows) == set(truth)
        now = time.time()
        for key, expires in truth.items():
            found = rows[key].expires
            if expires == "unknown":
                assert found is None, key
            else:
                wanted = math.inf if expires is None else expires
                assert found == pytest.approx(wanted, abs=self.exact), key
        stale = {key for key, expires in truth.items() if isinstance(expires, int | float) and expires <= now}
        assert {key for key, row in rows.items() if row.expires is not None and row.expires <= now} == stale

    @removes
    def test_the_library_agrees_after_a_removal_and_its_undo(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        before = {key: application.call("holds", key) for key in self.ordinary}
        assert all(before.values())
        gone = [*self.ordinary[:3], *self.stale[:1]]
        chosen = [self.row(adapter, key).seen for key in gone]
        keep = MemoryKeep()
        assert [removal.fate for removal in adapter.remove(chosen, keep)] == [Fate.REMOVED] * len(gone)
        assert [key for key in gone if application.call("holds", key)] == []
        assert all(application.call("holds", key) for key in self.ordinary[3:])
        assert application.call("complaints") == []
        if adapter.capabilities.can(Ability.UNDO):
            answers = adapter.restore(keep.taken, keep)
            assert {answer.fate for answer in answers} == {Return.RESTORED}
            assert all(application.call("holds", key) for key in self.ordinary)
            assert application.call("complaints") == []
        application.call("rewrite", self.ordinary[0])
        assert application.call("holds", self.ordinary[0])
        assert application.call("complaints") == []

    def test_the_library_agrees_after_compacting(self, target: Target, adapter: Adapter) -> None:
        if not adapter.capabilities.can(Ability.COMPACT):
            pytest.skip("nothing to compact in this format")
        application = self.opened_by_library(target)
        adapter.remove([self.row(adapter, key).seen for key in self.ordinary[:2]], None)
        adapter.compact()
        assert all(application.call("holds", key) for key in self.ordinary[2:])
        assert application.call("complaints") == []

    def test_what_the_application_does_is_seen(self, target: Target) -> None:
        moved = threading.Event()
        studio = Studio(follow=True, listener=lambda _attachment, _news: moved.set())
        try:
            attachment = studio.attach(replace(studio.place_of(target), writable=False))
            attachment.listed().result(PATIENCE)
            before = _stamps(attachment)
            self.application_rewrites(target, self.ordinary[0])
            end = time.monotonic() + PATIENCE
            while _stamps(attachment) == before and time.monotonic() < end:
                moved.wait(0.5)
                moved.clear()
            assert _stamps(attachment) != before
        finally:
            studio.close()


def _stamps(attachment: Attachment) -> Mapping[EntryId, bytes]:
    view = attachment.standing.view
    assert view is not None
    return {view.ids[row]: view.stamps[row].tobytes() for row in map(int, view.rows())}
