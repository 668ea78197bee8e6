"""The dbm of dogpile.cache, with dogpile.cache beside it."""

import dbm.dumb
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from contract import listing
from keeping import MemoryKeep
from library_contract import LibraryContract

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.dbm_files import FORMAT as DBM
from cache_studio.adapters.discovery import walk
from cache_studio.adapters.dogpile_dbm import adapter as dogpile
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target


class TestDogpileDbm(LibraryContract):
    format_name = "dogpile-dbm"
    program = "dogpile_program"
    versions = "dogpile.cache 1.5.0"
    ordinary = ["plain", "<b>bold</b>", "line\nbreak", "emoji 🦊", "nul\0", "quote'\"\\"]
    stale = ["old 1", "old 2"]
    count = 12

    def stored(self, target: Target) -> Mapping[str, object]:
        """Keys and values: their order in the index is nobody's promise."""
        with dbm.dumb.open(target.location.removesuffix(".dir"), "r") as found:
            return {key.hex(): found[key] for key in sorted(found)}

    def test_it_goes_before_any_dbm(self, target: Target) -> None:
        assert DBM.recognise(Sight(target.location)).certainty is Certainty.LOOK

    def test_value_and_metadata_are_apart(self, adapter: Adapter) -> None:
        payload = adapter.read(self.row(adapter, "plain").id)
        assert [(piece.name, piece.hint) for piece in payload.pieces] == [("value", "pickle"), ("metadata", "json")]
        assert payload.pieces[0].data[:1] == b"\x80"

    def test_without_a_ttl_no_expiry_is_known(self, target: Target) -> None:
        with self.opened(Target(target.location, "dogpile-dbm")) as adapter:
            assert {row.expires for row in listing(adapter).values()} == {None}

    def test_without_the_lock_file_it_is_only_looked_at(self, target: Target) -> None:
        os.unlink(target.location.removesuffix(".dir") + ".rw.lock")
        with self.opened(target) as adapter:
            assert "lock file" in adapter.capabilities.why_not(Ability.REMOVE)
            assert len(listing(adapter)) == self.count

    def test_a_lock_that_is_held_keeps_us_out(
        self, target: Target, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(dogpile, "SECONDS", 0.05)
        row = self.row(adapter, "plain")
        before = self.stored(target)
        lock = os.open(target.location.removesuffix(".dir") + ".rw.lock", os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert row.id in listing(adapter)  # reading goes on without it
            with pytest.raises(CacheUnavailable):
                adapter.remove([row.seen], MemoryKeep())
        finally:
            os.close(lock)
        assert self.stored(target) == before

    def test_a_value_whose_blocks_were_taken_is_written_anew(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, "plain")
        before = self.stored(target)
        keep = MemoryKeep()
        assert adapter.remove([row.seen], keep)[0].fate is Fate.REMOVED
        data = Path(target.location.removesuffix(".dir") + ".dat")
        content = bytearray(data.read_bytes())
        content[row.stamp[0] : row.stamp[0] + 20] = b"z" * 20
        data.write_bytes(content)
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
        assert self.stored(target) == before
        assert self.opened_by_library(target).call("holds", "plain")

    def test_a_strange_value_is_a_row_with_a_problem(self, target: Target, adapter: Adapter) -> None:
        with dbm.dumb.open(target.location.removesuffix(".dir"), "w") as found:
            found["strange"] = b"\x80no entry"
        assert self.row(adapter, "strange").problem
        assert adapter.read(b"strange").pieces[0].data == b"\x80no entry"

    def test_discovery_proposes_it_and_no_plain_shelf(self, target: Target) -> None:
        folder = Path(target.location).parent
        with dbm.dumb.open(str(folder / "shelf"), "c") as shelf:
            shelf["key"] = b"somebody's data"
        assert [found["format"] for found in walk([str(folder)])] == ["dogpile-dbm"]
