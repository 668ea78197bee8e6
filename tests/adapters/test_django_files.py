"""Django's file-based cache, written by Django."""

import math
import os
import pickle
import struct
import zlib
from hashlib import md5
from pathlib import Path

import pytest
from contract import Adapter, listing, rows_of
from expiry_checks import ExpiryChecks

from cache_studio.adapters.base import Certainty
from cache_studio.adapters.django_files.layout import head_for, head_of
from cache_studio.adapters.registry import get_format, recognise
from cache_studio.adapters.sight import Sight
from cache_studio.decoding.decode import decode
from cache_studio.model.errors import WrongFormat
from cache_studio.model.targets import Target


def named(key: str, version: int = 1) -> str:
    """The name of the entry, as Django makes it."""
    return md5(f":{version}:{key}".encode()).hexdigest()


class TestDjangoFiles(ExpiryChecks):
    format_name = "django-files"
    program = "django_files_program"
    versions = "Django 5.2"
    whole_seconds = False
    ordinary = tuple(map(named, ("user:1", "user:2", "плитка", "emoji 🦊", "<b>html</b>", "line\nbreak", "with\0nul")))
    stale = tuple(map(named, ("old 1", "old 2")))
    forever = tuple(map(named, ("always", "always 2")))
    count = 12

    def test_a_key_is_found_as_the_code_of_the_site_writes_it(self, target: Target, adapter: Adapter) -> None:
        for written in ("user:1", ":1:user:1", named("user:1"), f"{named('user:1')}.djcache"):
            assert [row.key for row in rows_of(adapter.lookup([written]))] == [named("user:1")]
        assert rows_of(adapter.lookup(["second", "../user:1", "a\0b"])) == []
        with self.opened(Target(target.location, self.format_name, {"version": "2"})) as other:
            assert [row.key for row in rows_of(other.lookup(["second"]))] == [named("second", 2)]

    def test_bytes_that_a_touch_left_behind_are_no_harm(self, adapter: Adapter) -> None:
        row = self.row(adapter, named("always"))
        piece = adapter.read(row.id).pieces[0]
        assert (row.problem, piece.hint) == ("", "zlib")
        assert zlib.decompressobj().decompress(piece.data)
        assert decode(piece.data, piece.hint).trailing

    def test_files_of_others_and_half_written_ones_are_no_entries(self, target: Target, adapter: Adapter) -> None:
        folder = Path(target.location)
        for name in ("tmpabc123", "README", f"{named('x')}.djcache.bak", "short.djcache"):
            (folder / name).write_bytes(b"x")
        (folder / f"{named('folder')}.djcache").mkdir()
        assert len(listing(adapter)) == self.count

    def test_broken_and_hostile_files_are_rows_with_a_problem(self, target: Target, adapter: Adapter) -> None:
        proof = Path(target.location).parent / "executed"

        class Hostile:
            def __reduce__(self) -> tuple[object, ...]:
                return os.mkdir, (str(proof),)

        contents = {"empty": b"", "garbage": b"garbage", "cut": head_for(1e9)[:12], "hostile": pickle.dumps(Hostile())}
        contents |= {"not a number": b"\x80\x05G" + struct.pack(">d", math.nan) + b".x"}
        for key, content in contents.items():
            (Path(target.location) / f"{named(key)}.djcache").write_bytes(content)
        os.symlink("/etc/hostname", Path(target.location) / f"{named('link')}.djcache")
        rows = {row.key: row for row in listing(adapter).values()}
        for key in (*contents, "link"):
            row = rows[named(key)]
            assert row.problem, key
            assert row.expires is None
            assert adapter.read(row.id).pieces
        assert not proof.exists()


@pytest.mark.parametrize("moment", [0, 5, 300, 1_700_000_000, -1, 1_700_000_000.25, None])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_an_expiry_is_known_by_its_bytes(moment: float | None, protocol: int) -> None:
    head = pickle.dumps(moment, protocol)
    found = head_of(head + b"\x78\x9crest")
    assert found == (math.inf if moment is None else moment, len(head))


def test_what_is_written_is_what_django_writes() -> None:
    for moment in (None, 1_700_000_000.25):
        assert head_for(math.inf if moment is None else moment) == pickle.dumps(moment, 5)


def test_another_folder_is_no_django_cache(tmp_path: Path) -> None:
    (tmp_path / f"{named('x')}.djcache").write_bytes(b"{}")
    assert get_format("django-files").recognise(Sight(str(tmp_path))).certainty is Certainty.NO
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.json").write_text("{}")
    assert "django-files" not in {found["format"] for found in recognise(str(other))}
    with pytest.raises(WrongFormat, match="Django"):
        get_format("django-files").adapter_class().open(Target(str(other)), {}, writable=False)
