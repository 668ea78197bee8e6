"""S: SQLite. What is not here is proven by the tests that the table in README.md names."""

from __future__ import annotations

import math
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

import psutil
import pytest
from loops import _applications as applications
from loops.races import Racing, _seen

from cache_studio.adapters import base
from cache_studio.adapters.base import Adapter
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sqlite_adapter import RowsAdapter
from cache_studio.adapters.sqlite_database import Database
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, WrongFormat
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate
from cache_studio.model.targets import Target

ADAPTERS = Path(base.__file__).parent
TABLE: Mapping[str, str] = {"table": "t", "key": "key", "value": "value"}


def make(path: Path, *statements: str, rows: int = 200, journal: str = "delete") -> Path:
    """A table of numbered rows."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"PRAGMA journal_mode = {journal}")
        database.execute("CREATE TABLE t (key TEXT PRIMARY KEY, value)")
        database.executemany("INSERT INTO t VALUES (?, ?)", ((f"k{number}", b"v" * 400) for number in range(rows)))
        for statement in statements:
            database.execute(statement)
    return path


def stored(path: Path) -> list[object]:
    """The keys, read without the studio."""
    with closing(sqlite3.connect(path)) as database:
        return [row[0] for row in database.execute("SELECT key FROM t ORDER BY rowid")]


def bytes_read() -> int:
    """What this process has read from files."""
    return psutil.Process().io_counters().read_chars


@contextmanager
def attached(path: Path, options: Mapping[str, str] = TABLE) -> Iterator[Adapter]:
    """The table, open for writing."""
    found = get_format("sqlite-table")
    target = Target(str(path), "sqlite-table", dict(options))
    with closing(found.adapter_class().open(target, read_options(found.options, options), writable=True)) as adapter:
        yield adapter


def test_s03_a_log_that_a_crash_left_is_seen_and_not_written_into_the_database(tmp_path: Path) -> None:
    live, left = make(tmp_path / "live.db", journal="wal"), tmp_path / "left"
    left.mkdir()
    with closing(sqlite3.connect(live)) as application:
        application.execute("INSERT INTO t VALUES ('in the log', 1)")
        application.commit()
        for ending in ("", "-wal"):
            shutil.copy(f"{live}{ending}", left / f"a.db{ending}")
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in left.iterdir()}
    with attached(left / "a.db") as adapter:
        assert adapter.lookup(["in the log"]).keys == ["in the log"]
    after = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in left.iterdir()}
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_s05_nothing_that_we_do_drops_our_own_locks(tmp_path: Path, journal: str) -> None:
    path = make(tmp_path / "a.db", journal=journal)
    ask = (
        "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute('BEGIN IMMEDIATE')"
    )
    with attached(path) as adapter, closing(Database(str(path))) as other, other.writing():
        seen = _seen(next(iter(adapter.scan())))
        adapter.read(seen[0].id)
        adapter.measure(), adapter.details(), adapter.compactable(), adapter.lookup(["k1"]), adapter.compact_note()
        with closing(Database(str(path))):
            refused = subprocess.run(
                [sys.executable, "-c", ask, str(path)], capture_output=True, text=True, check=False
            )
        assert "database is locked" in refused.stderr


def test_s05_no_module_opens_a_database_but_through_sqlite() -> None:
    log = "os.open(sidecars(path)[0]"  # locks are on the database and its -shm: closing the log drops none
    for path in ADAPTERS.glob("sqlite*.py"):
        source = path.read_text("utf-8").replace(log, "")
        assert not re.findall(r"(?<![\w.])open\(|os\.open\(|read_bytes\(", source), path.name


def test_s08_a_disk_that_fills_while_it_is_compacted_changes_nothing(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", "DELETE FROM t WHERE rowid % 2", rows=4000)
    before = stored(path)
    compact = (
        "import resource, sys\n"
        "from cache_studio.adapters.sqlite_database import Database\n"
        "from cache_studio.model.errors import CacheStudioError\n"
        "database = Database(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    database.vacuum()\n"
        "except CacheStudioError as error:\n"
        "    print(error.message)\n"
        "database.close()\n"
    )
    said = subprocess.run([sys.executable, "-c", compact, str(path)], capture_output=True, text=True, check=True)
    assert said.stdout.strip()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    assert stored(path) == before
    assert os.listdir(tmp_path) == ["a.db"]


def test_s10_compacting_never_puts_another_file_in_its_place(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", "DELETE FROM t WHERE rowid % 2", rows=4000)
    with closing(sqlite3.connect(path)) as application, attached(path) as adapter:
        inode = path.stat().st_ino
        assert application.execute("SELECT count(*) FROM t").fetchone() == (2000,)
        assert adapter.compact()[0].bytes > 0
        assert path.stat().st_ino == inode
        with application:
            application.execute("INSERT INTO t VALUES ('after', 1)")
    assert "after" in stored(path)
    assert not [path for path in ADAPTERS.rglob("*.py") if "VACUUM INTO" in path.read_text("utf-8")]


@pytest.mark.parametrize("call", ["load_extension('/tmp/x')", "fts3_tokenizer('x', x'00')", "no_such_function(1)"])
def test_s14_a_trigger_that_calls_what_it_may_not_calls_nothing(tmp_path: Path, call: str) -> None:
    path = make(tmp_path / "a.db", f"CREATE TRIGGER evil AFTER DELETE ON t BEGIN SELECT {call}; END", rows=5)
    with attached(path) as adapter:
        with pytest.raises(CacheStudioError):
            adapter.remove(_seen(adapter.lookup(["k1"])), Racing(None))
        assert sum(map(len, adapter.scan())) == 5


@pytest.mark.parametrize("count", [1999, 2000])
def test_s16_two_thousand_columns(tmp_path: Path, count: int) -> None:
    columns = ", ".join(f"c{number}" for number in range(count - 2))
    with closing(sqlite3.connect(tmp_path / "a.db")) as database, database:
        database.execute(f"CREATE TABLE t (key TEXT, value, {columns})")
        database.execute("INSERT INTO t (key, value, c1996) VALUES ('k', 'v', 7)")
    keep = Racing(None)
    with attached(tmp_path / "a.db") as adapter:
        seen = _seen(next(iter(adapter.scan())))
        assert adapter.read(seen[0].id).pieces
        if count == 2000:  # with its rowid it is more than SQLite ever answers: it is refused, and stays
            with pytest.raises(CacheUnavailable, match="too many columns"):
                adapter.remove(seen, keep)
        else:
            assert [removal.fate for removal in adapter.remove(seen, keep)] == [Fate.REMOVED]
            adapter.restore(keep.taken, keep)
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        assert database.execute("SELECT c0, c1996 FROM t").fetchall() == [(None, 7)]


def test_s17_large_values_are_listed_without_being_read(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", *["INSERT INTO t VALUES (hex(randomblob(8)), zeroblob(15000000))"] * 8, rows=0)
    with attached(path) as adapter:
        before = bytes_read()
        (batch,) = adapter.scan()
        assert len(batch) == 8
        assert min(batch.numbers["size"]) >= 15_000_000
        assert bytes_read() - before < 15_000_000  # of 120 MB


def test_s19_a_purge_gives_way_between_rows_and_answers_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RowsAdapter, "lock_seconds", 0.0)
    path = make(tmp_path / "a.db", rows=20)
    with attached(path) as adapter:
        seen = _seen(next(iter(adapter.scan())))
        with patch.object(Database, "writing", autospec=True, side_effect=Database.writing) as writing:
            assert [removal.fate for removal in adapter.remove(seen, Racing(None))] == [Fate.REMOVED] * 20
        assert writing.call_count == 20
    assert stored(path) == []


def test_s22_a_link_that_was_put_there_is_not_followed(tmp_path: Path) -> None:
    path, outside = make(tmp_path / "a.db"), make(tmp_path / "outside.db", "INSERT INTO t VALUES ('outside', 1)")
    with attached(path) as adapter:
        seen = _seen(adapter.lookup(["k1"]))
        path.rename(tmp_path / "aside.db")
        path.symlink_to(outside)
        for attempt in (lambda: list(adapter.scan()), lambda: adapter.remove(seen, Racing(None))):
            with pytest.raises(CacheUnavailable, match="replaced"):
                attempt()
    assert len(stored(outside)) == 201


def test_s23_a_database_attached_by_a_link_has_the_log_of_the_real_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    path = make(tmp_path / "real" / "a.db", journal="wal")
    (tmp_path / "link.db").symlink_to(path)
    with closing(sqlite3.connect(path)) as application:
        application.execute("INSERT INTO t VALUES ('in the log', 1)")
        application.commit()
        with attached(tmp_path / "link.db") as adapter:
            assert adapter.lookup(["in the log"]).keys == ["in the log"]
    assert sorted(os.listdir(tmp_path)) == ["link.db", "real"]


def test_s24_a_schema_of_a_newer_sqlite_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db")
    content = bytearray(path.read_bytes())
    content[47] = 9  # the schema format
    path.write_bytes(content)
    with pytest.raises((WrongFormat, CacheUnavailable)) as raised, attached(path):
        pytest.fail("it was opened")
    assert raised.value.message
    assert path.read_bytes() == bytes(content)


@pytest.mark.parametrize(("auto_vacuum", "words"), [(0, "for about 1 s"), (2, "between two steps")])
def test_compacting_says_before_how_long_it_holds(tmp_path: Path, auto_vacuum: int, words: str) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute(f"PRAGMA auto_vacuum = {auto_vacuum}")
        database.execute("CREATE TABLE first (x)")
    with attached(make(tmp_path / "a.db")) as adapter:
        assert words in adapter.compact_note()


def test_expiries_out_of_all_bounds_are_never_stale(tmp_path: Path) -> None:
    """S18: a negative one is a moment; infinite, huge and unreadable ones are none."""
    cache = applications.Table(tmp_path)
    with closing(sqlite3.connect(cache.file)) as database, database:
        database.execute("ALTER TABLE http_cache ADD COLUMN until")
        odd = ["soon", float("inf"), 1e300, b"\x00", "", "nan"]
        database.executemany(
            "INSERT INTO http_cache VALUES (?, 'x', 1.0, ?)", ((f"odd {n}", value) for n, value in enumerate(odd))
        )
    with attached(cache.file, {"table": "http_cache", "key": "k", "value": "v", "expires": "until"}) as adapter:
        for batch in adapter.scan():
            stale = [key for key, end in zip(batch.keys, batch.numbers["expires"], strict=True) if end <= time.time()]
            assert stale == []
            assert all(math.isnan(end) or end == math.inf for end in batch.numbers["expires"])
