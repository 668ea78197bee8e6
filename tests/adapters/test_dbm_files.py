"""dbm.dumb and shelves, written by Python's own modules; this format is only looked at."""

import dbm.dumb
import shelve
from pathlib import Path

import pytest
from contract import AdapterContract, listing, scan_all

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.dbm_files import FORMAT
from cache_studio.adapters.dbm_files.dumb import read_index, write_index
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import WrongFormat
from cache_studio.model.targets import Target

KEYS = ["plain", "<b>bold</b>", "line\nbreak\r", "emoji 🦊", "nul\0", "quote'\"\\", *(f"user:{n}" for n in range(6))]


class TestDbm(AdapterContract):
    format_name = "dbm"
    removable = False
    ordinary = KEYS[:6]
    count = len(KEYS)

    def make(self, tmp_path: Path) -> Target:
        base = tmp_path / "application" / "shelf"
        base.parent.mkdir()
        with shelve.Shelf(dbm.dumb.open(str(base), "c")) as shelf:
            for key in [*KEYS, "gone"]:
                shelf[key] = {"key": key}
            del shelf["gone"]
        return Target(f"{base}.dir", "dbm")

    def application_rewrites(self, target: Target, key: str) -> None:
        with dbm.dumb.open(target.location.removesuffix(".dir"), "w") as found:
            found[key] = b"x" * 2000

    def application_deletes(self, target: Target, key: str) -> None:
        with dbm.dumb.open(target.location.removesuffix(".dir"), "w") as found:
            del found[key]

    def test_any_of_its_files_can_be_given(self, target: Target) -> None:
        base = target.location.removesuffix(".dir")
        assert FORMAT.recognise(Sight(base + ".dat")).certainty is Certainty.SURE
        for place in (base, base + ".dat"):
            with self.opened(Target(place, "dbm")) as adapter:
                assert len(listing(adapter)) == self.count

    def test_it_says_why_it_is_only_looked_at(self, target: Target, adapter: Adapter) -> None:
        assert "would return" in adapter.capabilities.why_not(Ability.REMOVE)
        base = target.location.removesuffix(".dir")
        with dbm.dumb.open(base, "w") as application:
            application["new"] = b"1"
            with dbm.dumb.open(base, "w") as other:
                del other["plain"]
        assert self.row(adapter, "plain")  # it is true

    def test_a_value_of_the_same_length_has_another_stamp(self, target: Target, adapter: Adapter) -> None:
        before = self.row(adapter, "plain")
        with dbm.dumb.open(target.location.removesuffix(".dir"), "w") as found:
            found["plain"] = found["plain"].replace(b"plain", b"niece")
        assert self.row(adapter, "plain").stamp != before.stamp

    def test_damage_is_said(self, target: Target, adapter: Adapter) -> None:
        index = Path(target.location)
        index.write_bytes(index.read_bytes() + b"'odd', (99999999, 5)\n__import__('os'), (0, 1)\n'\\N{no}', (0, 1)\n")
        batches, end = scan_all(adapter)
        assert not end.complete
        assert sum(map(len, batches)) == self.count + 1
        assert self.row(adapter, "odd").problem
        assert adapter.read(b"odd").pieces[0].problem

    def test_other_files_are_refused_with_a_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "x.dir").write_text("no index\n")
        (tmp_path / "x.dat").write_bytes(b"")
        assert FORMAT.recognise(Sight(str(tmp_path / "x.dir"))).certainty is Certainty.NO
        with pytest.raises(WrongFormat), self.opened(Target(str(tmp_path / "x.dir"), "dbm")):
            pass
        (tmp_path / "gnu").write_bytes(b"\xce\x9a\x57\x13" + bytes(60))
        with pytest.raises(WrongFormat, match=r"dbm\.gnu"), self.opened(Target(str(tmp_path / "gnu"), "dbm")):
            pass


def test_an_index_survives_being_written(tmp_path: Path) -> None:
    with dbm.dumb.open(str(tmp_path / "x"), "c") as found:
        for number in range(256):
            found[bytes([number, 39, 34, 92])] = bytes([number])
    content = (tmp_path / "x.dir").read_bytes()
    index = read_index(content)
    assert len(index.places) == 256
    assert not index.broken
    assert write_index(index.places) == content
