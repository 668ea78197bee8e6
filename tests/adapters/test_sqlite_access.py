"""The runtime's door to a table of a SQLite database: its own table, foreign ones, and databases that refuse."""

import math
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from access_contract import AccessContract
from contract import listing

from cache_studio.adapters import sqlite_link, uses
from cache_studio.adapters.base import Certainty
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.adapters.sqlite_table.access import SQLiteTableAccess
from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target

FORMAT = get_format("sqlite-table")
NOW = 1_800_000_000.0


class TestSQLiteTableAccess(AccessContract):
    """What every key access promises."""

    format_name = "sqlite-table"
    location = "cache.db"
    keeps_accessed = keeps_hits = keeps_metadata = True


class TestMappedTable(AccessContract):
    """The same on a foreign table without namespaces, with texts and times in milliseconds."""

    format_name = "sqlite-table"
    location = "app.db"
    options = {
        "table": "http cache",
        "key": "url",
        "value": "body",
        "created": "stored",
        "expires": "until",
        "hits": "n",
        "unit": "milliseconds",
    }
    namespaces = ("",)
    keeps_tags = False
    keeps_hits = True

    def new_target(self, folder: Path) -> Target:
        """A database with the application's own table."""
        target = super().new_target(folder)
        Path(target.location).parent.mkdir()
        execute(
            Path(target.location),
            'CREATE TABLE "http cache" (id INTEGER PRIMARY KEY, url TEXT UNIQUE, body TEXT, stored INTEGER,'
            " until INTEGER, n INTEGER DEFAULT 0, etag TEXT DEFAULT 'x')",
        )
        return target


class TestTableWithoutAnIndex(TestMappedTable):
    """The same where nothing says that keys are unique."""

    options = {"table": "t", "key": "k", "value": "v", "created": "c", "expires": "e", "hits": "n"}

    def new_target(self, folder: Path) -> Target:
        """A bare table."""
        target = AccessContract.new_target(self, folder)
        Path(target.location).parent.mkdir()
        execute(Path(target.location), "CREATE TABLE t (k TEXT, v BLOB, c REAL, e REAL, n INTEGER)")
        return target


def execute(path: Path, sql: str) -> list[tuple[object, ...]]:
    """Run one statement as another program would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql).fetchall()


def open_access(path: Path, **options: str) -> SQLiteTableAccess:
    """The door to a database."""
    return SQLiteTableAccess.open(Target(str(path), "sqlite-table", options), read_options(FORMAT.options, options))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is made."""
    return tmp_path / "folder" / "cache.db"


@pytest.fixture
def access(path: Path) -> Iterator[SQLiteTableAccess]:
    """A new cache."""
    with closing(open_access(path)) as access:
        yield access


@pytest.mark.parametrize("expiries", [(None, None), (NOW + 60, None), (NOW + 60, NOW + 70)])
def test_the_studio_lists_it_without_options(
    path: Path, access: SQLiteTableAccess, expiries: tuple[float | None, ...]
) -> None:
    for number, expires in enumerate(expiries):
        access.put(f"k{number}", Held(b'{"x": 1}', NOW, expires, NOW + number, number, ("red", "blue")), "space")
    assert FORMAT.recognise(Sight(str(path))).certainty is Certainty.LOOK
    adapter = FORMAT.adapter_class().open(Target(str(path)), read_options(FORMAT.options, {}), writable=True)
    with closing(adapter):
        rows = {row.key: row for row in listing(adapter).values()}
        assert adapter.read(rows["k0"].id).pieces[0].data == b'{"x": 1}'
    for number, expires in enumerate(expiries):
        row = rows[f"k{number}"]
        assert (row.namespace, row.tags, row.size, row.hits) == ("space", ("blue", "red"), 8, number)
        assert (row.created, row.accessed, row.problem) == (NOW, NOW + number, "")
        assert row.expires == (math.inf if expires is None else expires)


def test_a_database_made_here_has_a_log_and_a_foreign_one_keeps_its_mode(tmp_path: Path, path: Path) -> None:
    with closing(open_access(path)):
        assert execute(path, "PRAGMA journal_mode") == [("wal",)]
    foreign = tmp_path / "foreign.db"
    execute(foreign, "CREATE TABLE other (x)")
    with closing(open_access(foreign)) as access:
        access.put("k", Held(b"1", NOW))
    assert execute(foreign, "PRAGMA journal_mode") == [("delete",)]
    assert execute(foreign, "SELECT count(*) FROM other") == [(0,)]


def test_only_named_columns_of_a_foreign_table_are_touched(path: Path) -> None:
    path.parent.mkdir()
    execute(path, "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE, v TEXT, at TEXT, size INT, mine TEXT)")
    execute(path, "INSERT INTO t VALUES (7, 'a', 'old', '2024-01-01T00:00:00Z', 3, 'kept')")
    before = execute(path, "SELECT sql FROM sqlite_master")
    with closing(open_access(path, table="t", key="k", value="v", created="at", ttl="1h")) as access:
        found = access.get("a")
        assert found is not None
        assert found == Held(b"old", 1_704_067_200.0, 1_704_070_800.0)
        access.put("a", Held("neü".encode(), NOW))
        access.touch("a", "", NOW)
        access.flush()
    assert execute(path, "SELECT * FROM t") == [(7, "a", "neü", "2027-01-15T08:00:00Z", 3, "kept")]
    assert execute(path, "SELECT sql FROM sqlite_master") == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"table": "t"}, "not made by this runtime"),
        ({"table": "t", "key": "k"}, "not made by this runtime"),
        ({"table": "t", "key": "k", "value": "absent"}, "no column “absent”"),
        ({"table": "absent", "key": "k", "value": "v"}, "no table “absent”"),
        ({"table": "strict", "key": "k", "value": "v"}, "refuses this entry"),
        ({"table": "t", "key": "k", "value": "v", "created": "c"}, "no column for namespaces"),
    ],
)
def test_what_a_table_cannot_hold_is_said(path: Path, options: dict[str, str], said: str) -> None:
    path.parent.mkdir()
    execute(path, "CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB, c REAL)")
    execute(path, "CREATE TABLE strict (k TEXT PRIMARY KEY, v BLOB, must TEXT NOT NULL)")

    def use() -> None:
        with closing(open_access(path, **options)) as access:
            access.put("a", Held(b"1", NOW))
            access.put("a", Held(b"1", NOW), "space")

    with pytest.raises(BadRequest, match=said):
        use()


def test_a_cell_that_another_program_spoiled_is_no_crash(path: Path, access: SQLiteTableAccess) -> None:
    for key in ("null", "text", "time", "calm"):
        access.put(key, Held(b"1", NOW, NOW + 5, tags=("x",)))
    execute(path, "UPDATE cache SET value = NULL WHERE key = 'null'")
    execute(path, "UPDATE cache SET value = 'text', hits = 'many', tags = '{' WHERE key = 'text'")
    execute(path, "UPDATE cache SET created_at = 'soon', expires_at = x'00', metadata = 5 WHERE key = 'time'")
    assert access.get("null") is None
    assert access.get("text") == Held(b"text", NOW, NOW + 5, NOW)
    assert access.get("time") == Held(b"1", 0.0, None, NOW, tags=("x",))
    assert {known.key for known in access.known()} == {"null", "text", "time", "calm"}


def test_a_locked_database_is_unavailable_and_lookups_go_on(
    monkeypatch: pytest.MonkeyPatch, path: Path, access: SQLiteTableAccess
) -> None:
    access.close()
    monkeypatch.setattr(sqlite_link, "WAIT_SECONDS", 0.05)
    with closing(open_access(path)) as quick, closing(sqlite3.connect(path, isolation_level=None)) as other:
        quick.put("k", Held(b"1", NOW))
        quick.touch("k", "", NOW)
        other.execute("BEGIN EXCLUSIVE")
        for call in (lambda: quick.put("k", Held(b"2", NOW)), lambda: quick.delete("k"), quick.flush):
            with pytest.raises(CacheUnavailable, match="busy"):
                call()
        assert quick.get("k") == Held(b"1", NOW, None, NOW, 1)
        other.execute("ROLLBACK")
        quick.put("k", Held(b"2", NOW))
        assert quick.holds("k")


def test_a_full_database_is_unavailable_and_keeps_what_it_has(path: Path, access: SQLiteTableAccess) -> None:
    access.put("k", Held(b"1" * 1000, NOW))
    with access._link.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    access._link._writer.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    with pytest.raises(CacheUnavailable, match="full"):
        access.put("k", Held(b"2" * 100_000, NOW))
    assert access.get("k") == Held(b"1" * 1000, NOW, None, NOW)
    assert access.delete("k")


def test_a_database_that_cannot_be_written_still_answers(
    access: SQLiteTableAccess, expect_log: Callable[[str], None]
) -> None:
    expect_log("The last uses of")
    access.put("k", Held(b"1", NOW))
    access.touch("k", "", NOW + 1)
    access._link._writer.execute("PRAGMA query_only = 1")  # root may write everywhere
    for call in (lambda: access.put("k", Held(b"2", NOW)), lambda: access.delete("k"), access.flush):
        with pytest.raises(CacheUnavailable, match="written"):
            call()
    assert access.get("k") == Held(b"1", NOW, None, NOW + 1, 1)


@pytest.mark.parametrize("content", [b"no database at all " * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_broken_database_is_unavailable_and_untouched(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(CacheUnavailable):
        open_access(path)
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_a_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for odd in (tmp_path / "file" / "cache.db", tmp_path):
        with pytest.raises(CacheUnavailable):
            open_access(odd)


def test_uses_are_written_by_the_next_call_after_a_while(
    monkeypatch: pytest.MonkeyPatch, path: Path, access: SQLiteTableAccess
) -> None:
    access.put("k", Held(b"1", NOW))
    access.touch("k", "", NOW + 1)
    assert execute(path, "SELECT hits FROM cache") == [(0,)]
    monkeypatch.setattr(uses.time, "monotonic", lambda real=uses.time.monotonic: real() + uses.WRITE_SECONDS)
    access.get("absent")
    assert execute(path, "SELECT hits, last_accessed FROM cache") == [(1, NOW + 1)]


def test_an_earlier_access_does_not_go_over_a_later_one(path: Path, access: SQLiteTableAccess) -> None:
    access.put("k", Held(b"1", NOW))
    access.touch("k", "", NOW + 1)
    execute(path, f"UPDATE cache SET last_accessed = {NOW + 9}, hits = 4")
    access.flush()
    assert execute(path, "SELECT hits, last_accessed FROM cache") == [(5, NOW + 9)]


def test_a_replaced_entry_starts_without_uses(path: Path, access: SQLiteTableAccess) -> None:
    access.put("k", Held(b"1", NOW))
    access.touch("k", "", NOW + 1)
    access.put("k", Held(b"2", NOW))
    access.flush()
    assert execute(path, "SELECT hits FROM cache") == [(0,)]


def test_the_stale_are_removed_at_once(access: SQLiteTableAccess) -> None:
    for number in range(6):
        access.put(f"k{number}", Held(b"1", NOW, None if number == 5 else NOW + number))
    assert {known.key for known in access.discard_stale(NOW + 2)} == {"k0", "k1", "k2"}
    assert {known.key for known in access.known()} == {"k3", "k4", "k5"}


def test_compacting_makes_the_file_smaller(path: Path, access: SQLiteTableAccess) -> None:
    for number in range(200):
        access.put(f"k{number}", Held(b"x" * 5000, NOW))
    access.delete_like("k?*")
    before = sum(file.stat().st_size for file in path.parent.iterdir())
    assert access.compact() > 500_000
    assert sum(file.stat().st_size for file in path.parent.iterdir()) < before / 5
    access.put("k", Held(b"1", NOW))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # that this process has threads
def test_a_forked_child_has_connections_of_its_own(path: Path, access: SQLiteTableAccess) -> None:
    access.put("k", Held(b"1", NOW))
    access.touch("k", "", NOW + 1)
    child = os.fork()
    if not child:
        done = 1
        try:
            access.put("child", Held(b"2", NOW))
            access.touch("k", "", NOW + 2)
            access.close()
            done = 0
        finally:
            os._exit(done)
    assert os.waitpid(child, 0)[1] == 0
    access.flush()
    found = access.get("k")
    assert found is not None
    assert (found.hits, found.accessed) == (2, NOW + 2)
    assert access.get("child") is not None


def test_its_import_is_light() -> None:
    code = "import cache_studio.adapters.sqlite_table.access, sys; assert not {'numpy', 'redis'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
