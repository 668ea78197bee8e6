"""cachelib's file cache, written by cachelib."""

import os
import struct
from collections.abc import Mapping
from hashlib import md5, sha256
from pathlib import Path

import pytest
from applications import Application, running
from contract import Adapter, file_manifest, listing, rows_of
from expiry_checks import ExpiryChecks
from keeping import MemoryKeep

from cache_studio.adapters.base import Certainty
from cache_studio.adapters.cachelib_files import COUNT_FILES
from cache_studio.adapters.cachelib_files.layout import counted, head_for
from cache_studio.adapters.registry import get_format, recognise
from cache_studio.adapters.sight import Sight
from cache_studio.model.errors import WrongFormat
from cache_studio.model.seeing import Fate
from cache_studio.model.targets import Target


def named(key: str) -> str:
    """The name of the entry, as cachelib makes it today."""
    return sha256(key.encode()).hexdigest()


class TestCachelibFiles(ExpiryChecks):
    format_name = "cachelib-files"
    program = "cachelib_files_program"
    versions = "cachelib 0.17.0"
    ordinary = tuple(map(named, ("user:1", "user:2", "плитка", "emoji 🦊", "<b>html</b>", "line\nbreak", "with\0nul")))
    stale = tuple(map(named, ("old 1", "old 2")))
    forever = tuple(map(named, ("always", "always 2")))
    count = 12

    def stored(self, target: Target) -> Mapping[str, object]:
        """The file that counts is written anew: its time may be another."""
        found = file_manifest(Path(target.location).parent)
        return {name: (what[0], what[2]) if Path(name).name in COUNT_FILES else what for name, what in found.items()}

    def test_the_count_follows_a_removal_and_its_undo(self, target: Target, adapter: Adapter) -> None:
        application = self.opened_by_library(target)
        path = Path(target.location) / COUNT_FILES[0]
        before = path.read_bytes(), path.stat().st_mode
        keep = MemoryKeep()
        adapter.remove([row.seen for row in listing(adapter).values()], keep)
        assert path.read_bytes() != before[0]
        assert path.stat().st_mode == before[1]
        assert application.call("complaints") == []
        adapter.restore(keep.taken, keep)
        assert (path.read_bytes(), path.stat().st_mode) == before

    def test_a_key_is_found_as_the_application_writes_it(self, adapter: Adapter) -> None:
        for written in ("user:1", named("user:1")):
            assert [row.key for row in rows_of(adapter.lookup([written]))] == [named("user:1")]
        assert [row.key for row in rows_of(adapter.lookup(["/about"]))] == [named("view//about")]
        assert rows_of(adapter.lookup(["__wz_cache_count", COUNT_FILES[0], "../x"])) == []

    def test_files_of_others_and_half_written_ones_are_no_entries(self, target: Target, adapter: Adapter) -> None:
        for name in ("tmpabc123.__wz_cache", "README", "0" * 31):
            (Path(target.location) / name).write_bytes(b"x" * 20)
        assert len(listing(adapter)) == self.count
        assert adapter.details() == {"sha256_names": 12, "md5_names": 0, "count_files": 1}

    def test_broken_files_are_rows_with_a_problem(self, target: Target, adapter: Adapter) -> None:
        for key, content in {"empty": b"", "short": b"\0\0"}.items():
            (Path(target.location) / named(key)).write_bytes(content)
        os.symlink("/etc/hostname", Path(target.location) / named("link"))
        rows = {row.key: row for row in listing(adapter).values()}
        for key in ("empty", "short", "link"):
            assert rows[named(key)].problem
            assert adapter.read(rows[named(key)].id).pieces


@pytest.fixture
def unlimited(tmp_path: Path) -> Target:
    """A cache as older versions made it, and without a limit, so that nothing counts it."""
    with running("cachelib_files_program") as application:
        made = application.call("make", str(tmp_path), 0, "md5")
    return Target(str(tmp_path / made["location"]), "cachelib-files")


def test_a_cache_with_md5_and_without_a_limit_is_one_too(unlimited: Target) -> None:
    assert recognise(unlimited.location)[0]["format"] == "cachelib-files"
    assert get_format("cachelib-files").recognise(Sight(unlimited.location)).certainty is Certainty.SURE
    adapter = get_format("cachelib-files").adapter_class().open(unlimited, {}, writable=True)
    try:
        assert len(listing(adapter)) == 12
        row = rows_of(adapter.lookup(["user:1"]))[0]
        assert row.key == md5(b"user:1").hexdigest()
        assert adapter.details()["md5_names"] == 12
        assert adapter.remove([row.seen], MemoryKeep())[0].fate is Fate.REMOVED
        assert not {path.name for path in Path(unlimited.location).iterdir()} & set(COUNT_FILES)
    finally:
        adapter.close()
    application = Application("cachelib_files_program")
    try:
        application.call("open", unlimited.location, 0, "md5")
        assert not application.call("holds", row.key)
        assert application.call("holds", md5(b"user:2").hexdigest())
    finally:
        application.close()


def test_heads_of_files_decide_where_nothing_counts(tmp_path: Path) -> None:
    def certainty(*contents: bytes) -> Certainty:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for number, content in enumerate(contents):
            (folder / named(str(number))).write_bytes(content)
        return get_format("cachelib-files").recognise(Sight(str(folder))).certainty

    assert certainty(head_for(2e9)[0] + b'{"a": 1}') is Certainty.LOOK
    assert certainty(b'{"a": 1}', b"\0\0\0\0\x80\x05N.") is Certainty.NO
    assert certainty(b"\x05\0\0\0" + b"\x80\x05N.") is Certainty.NO
    assert certainty(b"\0\0\0") is Certainty.NO


def test_a_count_is_written_as_it_was() -> None:
    assert counted(b"\0\0\0\0\x80\x05K\x0c.", 300) == b"\0\0\0\0\x80\x05\x95\x04\0\0\0\0\0\0\0M,\x01."
    assert counted(b"\0\0\0\0" + b"12", 3) == b"\0\0\0\0" + b"3"
    assert counted(b"\0\0\0\0signed", 3) is None
    assert counted(b"\0\0\0\0\x80", 3) is None
    assert head_for(5e9) == (struct.pack("I", 0xFFFFFFFF), float(0xFFFFFFFF))


def test_another_folder_is_not_cachelibs(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    assert "cachelib-files" not in {found["format"] for found in recognise(str(tmp_path))}
    with pytest.raises(WrongFormat, match="cachelib"):
        get_format("cachelib-files").adapter_class().open(Target(str(tmp_path)), {}, writable=False)
