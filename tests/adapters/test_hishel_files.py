"""hishel 0.1 in files."""

from dataclasses import replace
from pathlib import Path

from contract import listing, rows_of, scan_all
from library_contract import LibraryContract

from cache_studio.adapters import file_listing
from cache_studio.adapters.base import Adapter
from cache_studio.model.targets import Target

LONG = "GET https://long.example/archive.bin"


class TestHishelFiles(LibraryContract):
    format_name = "hishel-files"
    program = "hishel_files_program"
    libraries = "hishel-0"
    versions = "hishel 0.1.5"
    ordinary = (
        "GET https://api.example.com/users/1",
        "GET https://api.example.com/search?q=a%20b&page=2",
        "GET https://h.example/%3Cimg%20src=x%3E",
        "GET https://h.example/a~b!c",
        "GET https://used.example/three",
        LONG,
    )
    stale = ("GET https://old.example/1", "GET https://old.example/2")

    def test_the_ttl_is_the_applications(self, target: Target) -> None:
        for ttl, wanted in (({}, None), ({"ttl": "none"}, float("inf"))):
            with self.opened(replace(target, options=ttl)) as adapter:
                assert self.row(adapter, LONG).expires == wanted

    def test_uses_are_hits_and_change_the_stamp(self, target: Target, adapter: Adapter) -> None:
        assert self.row(adapter, "GET https://used.example/three").hits == 3
        before = self.row(adapter, self.ordinary[0])
        self.opened_by_library(target).call("use", before.key)
        after = self.row(adapter, before.key)
        assert (before.hits, after.hits) == (0, 1)
        assert after.expires == before.expires
        assert after.stamp != before.stamp

    def test_found_by_hash(self, adapter: Adapter) -> None:
        row = self.row(adapter, LONG)
        assert [found.key for found in rows_of(adapter.lookup([str(row.id)]))] == [LONG]
        assert {fact.value for fact in adapter.read(row.id).facts} == {LONG[4:], "GET", row.id}

    def test_damaged_files_are_problems(self, target: Target) -> None:
        paths = sorted(path for path in Path(target.location).iterdir() if path.name != ".gitignore")
        paths[0].write_bytes(paths[0].read_bytes()[:200])
        paths[1].write_bytes(b"")
        paths[2].unlink()
        paths[2].symlink_to("/etc/hostname")
        with self.opened(target) as adapter:
            rows = {row.id: row for row in listing(adapter).values()}
            assert {name for name, row in rows.items() if row.problem} == {path.name for path in paths[:3]}
            for name in rows:
                adapter.read(name)
            assert adapter.read(paths[2].name).pieces[0].data == b""

    def test_a_child_lists_the_same(self, target: Target, adapter: Adapter) -> None:
        before, full = listing(adapter), (file_listing.FIRST_BATCH, file_listing.LISTED_HERE)
        try:
            file_listing.FIRST_BATCH = file_listing.LISTED_HERE = 1
            batches, end = scan_all(adapter)
        finally:
            file_listing.FIRST_BATCH, file_listing.LISTED_HERE = full
        assert end.complete
        assert sorted(row.key for batch in batches for row in rows_of(batch)) == sorted(
            row.key for row in before.values()
        )
