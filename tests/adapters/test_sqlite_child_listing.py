"""A table of so many rows that a child lists it: the same entries as without one, the same faults told."""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from contract import Row, rows_of, scan_all

from cache_studio.adapters import child_listing, sqlite_listing
from cache_studio.adapters.base import Adapter
from cache_studio.adapters.batch_frames import batch_from
from cache_studio.adapters.child_listing import ChildListing
from cache_studio.adapters.registry import get_format
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target

COUNT = 1_600
SMALL = "CREATE TABLE t (key TEXT PRIMARY KEY, value, created REAL, expires REAL, ns TEXT, tags TEXT)"
PAIRED = "CREATE TABLE t (ns TEXT, key BLOB, value, created, expires, tags, PRIMARY KEY (ns, key)) WITHOUT ROWID"
LOOSE = "CREATE TABLE t (key, value, created, expires, ns, tags)"
OPTIONS = {
    "table": "t",
    "key": "key",
    "value": "value",
    "created": "created",
    "expires": "expires",
    "namespace": "ns",
    "tags": "tags",
}


@pytest.fixture
def by_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first page on the child alone is waited for."""
    monkeypatch.setattr(sqlite_listing, "LISTED_HERE", 1)
    monkeypatch.setattr(ChildListing, "is_there", True)


@contextmanager
def attached(path: Path) -> Iterator[Adapter]:
    known = get_format("sqlite-table")
    target = Target(str(path), "sqlite-table", OPTIONS)
    with closing(known.adapter_class().open(target, read_options(known.options, OPTIONS), writable=True)) as adapter:
        yield adapter


def filled(path: Path, schema: str, key_of=str) -> Path:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(schema)
        database.executemany(
            "INSERT INTO t(key, value, created, expires, ns, tags) VALUES (?, ?, ?, ?, ?, ?)",
            (
                (key_of(n), "v" * (n % 7), 1_790_000_000 + n, n % 3 and 1_790_000_100.5 + n, f"n{n % 300}", "a,b")
                for n in range(COUNT)
            ),
        )
    return path


def listed(adapter: Adapter) -> list[Row]:
    batches, end = scan_all(adapter)
    assert end.complete, end.reason
    return [row for batch in batches for row in rows_of(batch)]


@pytest.mark.parametrize(
    ("schema", "key_of"),
    [
        (SMALL, "key \ud83d {}".encode("utf-16", "surrogatepass").decode("utf-16", "replace").format),
        (PAIRED, lambda n: b"\xff\0" + str(n).encode()),
        (LOOSE, lambda n: None if n == COUNT - 1 else n),
        (LOOSE, lambda n: n / 4),
    ],
    ids=["text", "pairs of text and bytes", "numbers and nothing", "fractions"],
)
def test_a_child_lists_what_is_listed_without_one(tmp_path, schema, key_of, request) -> None:
    path = filled(tmp_path / "a.db", schema, key_of)
    with attached(path) as adapter:
        here = listed(adapter)
        request.getfixturevalue("by_child")
        assert len(here) == COUNT
        assert listed(adapter) == here


def test_a_child_goes_on_where_the_listing_has_come_to(
    tmp_path: Path, by_child: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[int] = []

    def noted(frame: Mapping[str, Any]) -> Batch:
        frames.append(len(frame["ids"]))
        return batch_from(frame)

    monkeypatch.setattr(child_listing, "batch_from", noted)
    with attached(filled(tmp_path / "a.db", SMALL)) as adapter:
        batches, _ = scan_all(adapter)
    assert sum(frames) == COUNT - len(batches[0])


def test_what_a_child_listed_is_looked_inside_and_removed(tmp_path: Path, by_child: None) -> None:
    path = filled(tmp_path / "a.db", PAIRED, lambda n: str(n).encode())
    with attached(path) as adapter:
        last = listed(adapter)[-1]
        assert adapter.read(last.id).pieces
        assert adapter.remove([last.seen], None)[0].fate.value == "removed"
        assert last.id not in {row.id for row in listed(adapter)}


@pytest.mark.parametrize(("listed_here", "where"), [(1, 0.75), (COUNT // 2, 0.25)], ids=["by a child", "before it"])
def test_rows_that_could_not_be_read_are_told_once(
    tmp_path: Path, by_child: None, monkeypatch: pytest.MonkeyPatch, listed_here: int, where: float
) -> None:
    monkeypatch.setattr(sqlite_listing, "LISTED_HERE", listed_here)
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(SMALL)
        database.executemany("INSERT INTO t(key, value) VALUES (?, ?)", ((f"k{n}", "v" * 500) for n in range(COUNT)))
    content = bytearray(path.read_bytes())
    page = int(len(content) // 4096 * where)
    content[page * 4096 : (page + 1) * 4096] = b"\xee" * 4096
    path.write_bytes(content)
    with attached(path) as adapter:
        batches, end = scan_all(adapter)
        assert COUNT - 100 < sum(len(batch) for batch in batches) < COUNT
        assert "damaged" in end.reason
        assert end.reason.count("rows ") == 1
        assert not adapter.capabilities.can(Ability.REMOVE)


def test_a_child_lists_no_other_file_that_was_put_there_meanwhile(tmp_path: Path, by_child: None) -> None:
    path = filled(tmp_path / "a.db", SMALL)
    other = filled(tmp_path / "b.db", SMALL, lambda n: f"other {n}")
    with attached(path) as adapter:
        scan = adapter.scan()
        first = next(scan)
        os.replace(other, path)
        rest, reason = [], ""
        try:
            while True:
                rest.append(next(scan))
        except StopIteration as stop:
            reason = stop.value.reason
        assert not rest
        assert "replaced" in reason
        assert not any(key.startswith("other") for key in first.keys)


def test_a_child_leaves_no_trace_beside_a_database_with_a_log(tmp_path: Path, by_child: None) -> None:
    path = filled(tmp_path / "a.db", SMALL)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
    with attached(path) as adapter:
        assert len(listed(adapter)) == COUNT
    assert os.listdir(tmp_path) == ["a.db"]


def test_an_interrupted_listing_ends_its_child_and_is_partial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path / "a.db", SMALL)
    with attached(path) as adapter:

        def interrupted(child: ChildListing) -> bool:  # asked while the child is only starting
            adapter.interrupt()
            return True

        monkeypatch.setattr(sqlite_listing, "LISTED_HERE", 1)
        monkeypatch.setattr(ChildListing, "is_there", property(interrupted))
        batches, end = scan_all(adapter)
        assert 0 < sum(map(len, batches)) < COUNT
        assert not end.complete


def test_a_listing_that_is_left_ends_its_child(tmp_path: Path, by_child: None) -> None:
    path = filled(tmp_path / "a.db", SMALL)
    with attached(path) as adapter:
        scan = adapter.scan()
        seen = len(next(scan)) + len(next(scan))
        scan.close()  # the guard of every test fails this one when a child or a thread stays
        assert seen <= COUNT
