"""CacheControl's files, and pip's."""

import math
import time
from hashlib import sha224
from pathlib import Path

import pytest
from applications import running
from contract import listing, rows_of, scan_all
from keeping import MemoryKeep
from library_contract import LibraryContract

from cache_studio.adapters import file_listing
from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.seeing import Fate
from cache_studio.model.targets import Target


def name_of(url: str) -> str:
    """What the library calls the entry of a URL."""
    return sha224(url.encode()).hexdigest()


def file_of(target: Target, url: str) -> Path:
    """Where it lies."""
    name = name_of(url)
    return Path(target.location, *name[:5], name)


API = "https://api.example.com/users/1"
LONG = "https://long.example/archive.bin"
PACKAGE = "https://files.example/packages/numpy-2.1.0-cp311.whl"


class CacheControlContract(LibraryContract):
    """What both kinds promise."""

    format_name = "cachecontrol"
    versions = "CacheControl 0.14.4"
    exact = 1.5
    ordinary = tuple(
        map(
            name_of,
            (
                API,
                "https://api.example.com/search?q=a%20b&page=2",
                "https://h.example/%3Cimg%20src=x%20onerror=alert(1)%3E",
                "https://h.example/%F0%9F%A6%8A",
                "https://h.example/by-expires",
                LONG,
            ),
        )
    )
    stale = tuple(map(name_of, ("https://old.example/1", "https://old.example/2")))
    forever = (name_of("https://moved.example/"),)

    def test_found_by_url_as_it_is_typed(self, adapter: Adapter) -> None:
        for typed in (API, f"GET {API}", "HTTPS://API.example.com/users/1#part", name_of(API)):
            assert [row.key for row in rows_of(adapter.lookup([typed]))] == [name_of(API)]
        (package,) = rows_of(adapter.lookup([PACKAGE]))
        assert package.key == f"numpy 2.1.0 bdist_wheel cp311 {name_of(PACKAGE)}"
        assert [row.id for row in rows_of(adapter.lookup([package.key]))] == [package.id]
        assert rows_of(adapter.lookup(["https://api.example.com/users/2", "//", "http://", "\udcff://\udcff/"])) == []

    def test_headers_alone_tell_what_is_fresh(self, target: Target, adapter: Adapter) -> None:
        assert self.row(adapter, name_of("https://confirmed.example/")).expires is None
        assert self.row(adapter, name_of("https://odd.example/")).expires == pytest.approx(time.time() + 7200, abs=60)

    def test_damaged_files_are_problems(self, target: Target) -> None:
        paths = [file_of(target, url) for url in (API, LONG, PACKAGE)]
        for path, content in zip(
            paths,
            (b"", paths[1].read_bytes()[:60], b"cc=4,\x81\xa8response\x86\xa4body\xc6\xff\xff\xff\xff"),
            strict=True,
        ):
            path.write_bytes(content)
        link = file_of(target, "https://moved.example/")
        link.unlink()
        link.symlink_to("/etc/hostname")
        with self.opened(target) as adapter:
            rows = {row.id: row for row in listing(adapter).values()}
            assert sum(bool(row.problem) for row in rows.values()) == 4
            for entry_id in rows:
                adapter.read(entry_id)

    def test_old_generations_are_said(self, target: Target) -> None:
        file_of(target, API).write_bytes(b"cc=2,old")
        with self.opened(target) as adapter:
            assert "older" in self.row(adapter, name_of(API)).problem

    def test_a_child_lists_the_same(self, adapter: Adapter) -> None:
        before, full = listing(adapter), (file_listing.FIRST_BATCH, file_listing.LISTED_HERE)
        try:
            file_listing.FIRST_BATCH = file_listing.LISTED_HERE = 1
            batches, end = scan_all(adapter)
        finally:
            file_listing.FIRST_BATCH, file_listing.LISTED_HERE = full
        assert end.complete
        found = sorted(row.columns() for batch in batches for row in rows_of(batch))
        assert found == sorted(row.columns() for row in before.values())


class TestCacheControl(CacheControlContract):
    program = "cachecontrol_program"

    def test_locks_stay(self, target: Target, adapter: Adapter) -> None:
        lock = file_of(target, API).with_name(name_of(API) + ".lock")
        lock.touch()
        adapter.remove([row.seen for row in listing(adapter).values()], None)
        assert lock.exists()
        assert listing(adapter) == {}

    def test_pips_cache_is_one(self, tmp_path: Path) -> None:
        with running(self.program) as application:
            if not application.call("pip", str(tmp_path / "pip")):
                pytest.skip("no pip in this environment")
        found = get_format("cachecontrol").recognise(Sight(str(tmp_path / "pip")))
        assert (found.certainty, found.places) == (Certainty.SURE, (str(tmp_path / "pip" / "http"),))
        with self.opened(Target(found.places[0], "cachecontrol")) as adapter:
            (row,) = listing(adapter).values()
            assert row.key.startswith("numpy 2.1.0 bdist_wheel cp311 ")
            assert row.expires == pytest.approx(time.time() + 600, abs=60)
            assert adapter.remove([row.seen], MemoryKeep())[0].fate is Fate.REMOVED


class TestCacheControlBodies(CacheControlContract):
    program = "cachecontrol_bodies_program"

    def test_bodies_are_pieces_of_their_own(self, adapter: Adapter) -> None:
        body = bytes(range(256)) * 1500
        row = self.row(adapter, name_of(LONG))
        for length in (3, 1000, None):
            value, piece = adapter.read(row.id, length).pieces
            assert (piece.name, piece.data, piece.total) == ("body", body[:length], len(body))
        assert row.size == value.total + len(body)

    def test_both_files_go_and_come(self, target: Target, adapter: Adapter) -> None:
        head = file_of(target, API)
        body = head.with_name(head.name + ".body")
        before = head.read_bytes(), body.read_bytes(), head.stat().st_mtime_ns, body.stat().st_mtime_ns
        keep = MemoryKeep()
        removal = adapter.remove([self.row(adapter, name_of(API)).seen], keep)[0]
        assert (removal.fate, removal.freed) == (Fate.REMOVED, len(before[0]) + len(before[1]))
        assert not head.exists()
        assert not body.exists()
        adapter.restore(keep.taken, keep)
        assert (head.read_bytes(), body.read_bytes(), head.stat().st_mtime_ns, body.stat().st_mtime_ns) == before

    def test_a_body_that_changed_keeps_the_entry(self, target: Target, adapter: Adapter) -> None:
        row = self.row(adapter, name_of(API))
        self.opened_by_library(target).call("rewrite_body", row.key)
        assert adapter.remove([row.seen], MemoryKeep())[0].fate is Fate.CHANGED

    def test_a_missing_or_odd_body_is_a_problem(self, target: Target) -> None:
        for url in (API, LONG):
            body = file_of(target, url).with_name(name_of(url) + ".body")
            body.unlink()
            if url == LONG:
                body.symlink_to("/etc/hostname")
        with self.opened(target) as adapter:
            missing, odd = (self.row(adapter, name_of(url)) for url in (API, LONG))
            assert missing.problem
            assert odd.problem
            assert adapter.read(odd.id).pieces[1].data == b""
            assert not math.isnan(missing.size or math.nan)
            assert adapter.remove([odd.seen], MemoryKeep())[0].fate is Fate.FAILED
