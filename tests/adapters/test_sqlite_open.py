"""Foreign SQLite databases: opened without harm, read without a trace, changed in short transactions."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from contract import file_manifest

from cache_studio.adapters import sqlite_pages
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_open import Table, read_rows, read_schema
from cache_studio.adapters.sqlite_pages import Pages
from cache_studio.config import paths
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, Cancelled, WrongFormat

ROWS = 500


def make(path: Path, *, journal: str = "delete", rows: int = ROWS, page_size: int = 4096) -> Path:
    """A database with one table of numbered rows."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA page_size = {page_size}")
        database.execute(f"PRAGMA journal_mode = {journal}")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, key TEXT, value BLOB)")
        database.executemany(
            "INSERT INTO t VALUES (?, ?, ?)", ((n, f"key {n}", b"v" * 200) for n in range(1, rows + 1))
        )
        database.commit()
    return path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An open one."""
    with closing(Database(str(make(tmp_path / "a.db")))) as database:
        yield database


class TestSchema:
    def test_tables_keys_and_uniqueness_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with closing(sqlite3.connect(path)) as database:
            database.executescript(
                """CREATE TABLE plain (a TEXT UNIQUE, "b""c" BLOB, g AS (a || 'x'));
                CREATE TABLE pair (x TEXT, y INT, PRIMARY KEY (y, x)) WITHOUT ROWID;
                CREATE TABLE hiding (rowid TEXT, _rowid_ TEXT);
                CREATE TABLE counted (n INTEGER PRIMARY KEY, v);
                CREATE TRIGGER gone AFTER DELETE ON counted BEGIN DELETE FROM plain; END;
                CREATE VIEW seen AS SELECT * FROM plain;
                CREATE VIRTUAL TABLE words USING fts5(text);"""
            )
        tables = read_schema(str(path))
        assert set(tables) == {"plain", "pair", "hiding", "counted"}
        assert tables["plain"].names == ("a", 'b"c')
        assert tables["plain"].unique == (("a",),)
        assert [column.name for column in tables["pair"].primary_key] == ["y", "x"]
        assert [tables[name].rowid_name for name in ("plain", "pair", "hiding", "counted")] == ["rowid", "", "oid", "n"]
        assert tables["counted"].triggers == 1

    def test_sample_rows_are_bounded_and_cut(self, tmp_path: Path) -> None:
        path = make(tmp_path / "a.db")
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("INSERT INTO t VALUES (-1, ?, CAST(x'ff41' AS TEXT))", ("k" * 100_000,))
        rows = read_rows(str(path), "t", 3)
        assert [row["id"] for row in rows] == [-1, 1, 2]
        assert len(str(rows[0]["key"])) == 1000
        assert rows[0]["value"] == "\udcffA"
        assert read_rows(str(path), "no such table", 3) == []

    @pytest.mark.parametrize(
        "content", [b"", b"not a database at all, but long enough to look", b"SQLite format 3\x00"]
    )
    def test_what_is_no_database_has_no_tables(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "a.db"
        path.write_bytes(content)
        assert read_schema(str(path)) == {}
        assert read_schema(str(tmp_path / "absent.db")) == {}
        assert not (tmp_path / "absent.db").exists()

    @pytest.mark.parametrize("journal", ["delete", "wal"])
    def test_a_look_leaves_no_trace(self, tmp_path: Path, journal: str) -> None:
        path = make(tmp_path / "a.db", journal=journal)
        before = file_manifest(tmp_path)
        assert set(read_schema(str(path))) == {"t"}
        assert file_manifest(tmp_path) == before


class TestOpening:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "empty"),
            (b"\x8f" * 4096, "encrypted"),
            (b"SQLite format 3\x00" + b"\x01" * 3000, "not a SQLite"),
        ],
    )
    def test_what_is_no_database_is_said(self, tmp_path: Path, content: bytes, words: str) -> None:
        path = tmp_path / "a.db"
        path.write_bytes(content)
        with pytest.raises(WrongFormat, match=words):
            Database(str(path))

    def test_a_pipe_and_a_folder_are_refused_at_once(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        for path in (tmp_path / "pipe", tmp_path):
            with pytest.raises(WrongFormat, match="regular file"):
                Database(str(path))

    def test_a_visit_to_a_resting_wal_database_leaves_no_trace(self, tmp_path: Path) -> None:
        path = make(tmp_path / "a.db", journal="wal")
        before = file_manifest(tmp_path)
        with closing(Database(str(path))) as one, closing(Database(str(path))) as other:
            assert one.value("SELECT count(*) FROM t") == other.value("SELECT count(*) FROM t") == ROWS
        assert file_manifest(tmp_path) == before

    def test_rows_that_are_only_in_a_live_wal_are_seen_and_left_there(self, tmp_path: Path) -> None:
        path = make(tmp_path / "a.db", journal="wal")
        with closing(sqlite3.connect(path)) as application:
            application.execute("INSERT INTO t VALUES (9999, 'new', 'v')")
            application.commit()
            log = (tmp_path / "a.db-wal").read_bytes()
            with closing(Database(str(path))) as database:
                assert database.value("SELECT count(*) FROM t") == ROWS + 1
            assert (tmp_path / "a.db-wal").read_bytes() == log

    def test_a_hot_journal_is_refused_and_not_rolled_back(self, tmp_path: Path) -> None:
        path = make(tmp_path / "a.db")
        die = (
            "import os, sqlite3, sys\n"
            "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
            "database.execute('PRAGMA cache_size = 1')\n"
            "database.execute('BEGIN')\n"
            "database.execute('UPDATE t SET value = zeroblob(5000)')\n"
            "os._exit(9)\n"
        )
        subprocess.run([sys.executable, "-c", die, str(path)], check=False)
        assert (tmp_path / "a.db-journal").stat().st_size
        before = file_manifest(tmp_path)
        with pytest.raises(CacheUnavailable, match="died in the middle of a write"):
            Database(str(path))
        assert file_manifest(tmp_path) == before

    def test_a_hot_journal_that_we_left_is_rolled_back(self, tmp_path: Path) -> None:
        path = make(tmp_path / "a.db")
        die = (
            "import os, sys\n"
            "from cache_studio.adapters.sqlite_database import Database\n"
            "with Database(sys.argv[1]).writing() as database:\n"
            "    database.execute('PRAGMA cache_size = 1')\n"
            "    database.execute('UPDATE t SET value = zeroblob(5000)')\n"
            "    os._exit(9)\n"
        )
        root = str(Path(__file__).parents[2])
        subprocess.run([sys.executable, "-c", die, str(path)], check=False, env={**os.environ, "PYTHONPATH": root})
        assert (tmp_path / "a.db-journal").stat().st_size
        with closing(Database(str(path))) as database:
            assert database.value("SELECT count(*) FROM t WHERE length(value) = 5000") == 0
        assert not (tmp_path / "a.db-journal").exists()
        assert list((paths.data_folder() / "writing").iterdir()) == []

    def test_a_replaced_database_is_noticed(self, tmp_path: Path, database: Database) -> None:
        make(tmp_path / "b.db", rows=7)
        os.replace(tmp_path / "b.db", tmp_path / "a.db")
        with pytest.raises(CacheUnavailable, match="replaced"), database.writing():
            pytest.fail("the wrong file is being written")
        database.renew()
        assert database.value("SELECT count(*) FROM t") == 7

    def test_without_rights_it_is_said_which(self, tmp_path: Path) -> None:
        path = make(tmp_path / "a.db")
        with closing(Database(str(path))) as database:
            assert database.writable_reason() == ""
            path.chmod(0o400)
            if not os.access(path, os.W_OK):
                assert "a.db cannot be written" in database.writable_reason()


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """As a user who may read a folder but not write it."""
    folder.chmod(0o755)
    for above in (folder, *folder.parents[:3]):
        above.chmod(above.stat().st_mode | 0o055)
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class TestRights:
    def test_a_resting_database_in_a_folder_that_cannot_be_written(self, tmp_path: Path) -> None:
        path = make(tmp_path / "a.db", journal="wal")
        before = file_manifest(tmp_path)
        with without_rights(tmp_path), closing(Database(str(path))) as database:
            assert database.value("SELECT count(*) FROM t") == ROWS
            assert "cannot be" in database.writable_reason()
        assert file_manifest(tmp_path) == before

    def test_a_writer_that_comes_later_is_noticed(self, tmp_path: Path) -> None:
        path = make(tmp_path / "a.db", journal="wal")
        with without_rights(tmp_path):
            database = Database(str(path))
        with closing(database), closing(sqlite3.connect(path)) as application:
            application.execute("DELETE FROM t")
            application.commit()
            with pytest.raises(CacheUnavailable, match="writes to the database again"):
                database.value("SELECT count(*) FROM t")

    def test_a_log_that_cannot_be_read_is_said(self, tmp_path: Path) -> None:
        path = make(tmp_path / "live.db", journal="wal")
        (tmp_path / "left").mkdir()
        with closing(sqlite3.connect(path)) as application:
            application.execute("DELETE FROM t")
            application.commit()
            for name in ("live.db", "live.db-wal"):
                shutil.copy(tmp_path / name, tmp_path / "left" / name)
        with without_rights(tmp_path / "left"), pytest.raises(CacheUnavailable, match="-wal file that cannot be read"):
            Database(str(tmp_path / "left" / "live.db"))


class TestReading:
    def test_nothing_but_reading_is_allowed(self, database: Database) -> None:
        for statement in (
            "DELETE FROM t",
            "INSERT INTO t VALUES (0, 0, 0)",
            "CREATE TABLE other (a)",
            "ATTACH ':memory:' AS other",
            "PRAGMA journal_mode = wal",
            "PRAGMA user_version = 3",
            "SELECT load_extension('x')",
            "VACUUM",
        ):
            with pytest.raises(CacheStudioError):
                database.rows(statement)

    def test_an_endless_query_is_ended_by_time(self, database: Database) -> None:
        endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        with pytest.raises(CacheStudioError, match="did not answer"):
            database.rows(endless, seconds=0.05)
        assert database.value("SELECT 1") == 1

    def test_interrupt_ends_the_query_in_progress(self, database: Database) -> None:
        endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
        timer = threading.Timer(0.05, database.interrupt)
        timer.start()
        with pytest.raises(Cancelled):
            database.rows(endless, seconds=30)
        timer.join()
        assert database.value("SELECT 1") == 1

    def test_a_big_value_is_read_in_part(self, tmp_path: Path, database: Database) -> None:
        with closing(sqlite3.connect(tmp_path / "a.db")) as application, application:
            application.execute("INSERT INTO t VALUES (0, 'big', zeroblob(20000000))")
        assert database.head("t", "value", 0, 100) == (b"\x00" * 100, 20_000_000)

    def test_no_transaction_stays_open_between_pages(self, tmp_path: Path, database: Database) -> None:
        with closing(sqlite3.connect(tmp_path / "a.db", timeout=0)) as application:
            pages = iter(Pages(database, database.tables()["t"], ["key"]))
            next(pages)
            with application:
                application.execute("DELETE FROM t WHERE id = 500")


class TestPages:
    def table(self, database: Database) -> Table:
        """The only one."""
        return next(iter(database.tables().values()))

    def test_every_row_comes_once(self, tmp_path: Path) -> None:
        with closing(Database(str(make(tmp_path / "a.db", rows=3000)))) as database:
            found = [row[0] for page in Pages(database, self.table(database), ["key"]) for row in page]
            assert found == list(range(1, 3001))

    @pytest.mark.parametrize(("long", "later"), [(-1.0, 100), (600.0, 1500)])
    def test_pages_are_shorter_where_their_values_take_long(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: float, later: int
    ) -> None:
        monkeypatch.setattr(sqlite_pages, "LONG_SECONDS", long)
        monkeypatch.setattr(sqlite_pages, "SLOW_SECONDS", 600.0)
        with closing(Database(str(make(tmp_path / "a.db", rows=3000)))) as database:
            sizes = [len(page) for page in Pages(database, self.table(database), ["key"])]
        assert sum(sizes) == 3000
        assert later in sizes

    def test_what_is_readable_of_a_damaged_table_is_read(self, tmp_path: Path) -> None:
        path = make(tmp_path / "a.db", rows=4000)
        content = bytearray(path.read_bytes())
        for page in (60, 61, 150):
            content[page * 4096 : (page + 1) * 4096] = b"\xee" * 4096
        path.write_bytes(content)
        with closing(Database(str(path))) as database:
            pages = Pages(database, self.table(database), ["key", "length(value)"])
            found = [row[0] for page in pages for row in page]
            assert found == sorted(set(found))
            assert len(found) > 3900
            assert len(found) < 4000
            assert pages.lost

    def test_a_key_of_several_columns_is_paged(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "a.db")) as application, application:
            application.execute("CREATE TABLE t (a TEXT, b INT, v, PRIMARY KEY (a, b)) WITHOUT ROWID")
            application.executemany("INSERT INTO t VALUES (?, ?, 0)", ((str(n % 7), n) for n in range(2000)))
        with closing(Database(str(tmp_path / "a.db"))) as database:
            found = [row[:2] for page in Pages(database, self.table(database), ["v"]) for row in page]
            assert found == sorted((str(n % 7), n) for n in range(2000))


class TestWriting:
    def test_a_locked_database_is_said_after_two_seconds(self, tmp_path: Path, database: Database) -> None:
        with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as application:
            application.execute("BEGIN EXCLUSIVE")
            with pytest.raises(CacheUnavailable, match="busy: tried for 2 s"), database.writing():
                pytest.fail("it is locked")

    def test_an_error_rolls_back(self, database: Database) -> None:
        def half_a_change() -> None:
            with database.writing() as writer:
                writer.execute("DELETE FROM t")
                writer.execute("DELETE FROM another")

        with pytest.raises(CacheUnavailable, match="no such table"):
            half_a_change()
        assert database.value("SELECT count(*) FROM t") == ROWS

    @pytest.mark.parametrize("journal", ["delete", "wal"])
    @pytest.mark.parametrize("auto_vacuum", [0, 2])
    def test_vacuum_gives_free_pages_back(self, tmp_path: Path, journal: str, auto_vacuum: int) -> None:
        path = tmp_path / "a.db"
        with closing(sqlite3.connect(path)) as application:
            application.execute(f"PRAGMA auto_vacuum = {auto_vacuum}")
            application.execute("CREATE TABLE first (a)")
        make(path, journal=journal, rows=2000)
        with closing(Database(str(path))) as database:
            with database.writing() as writer:
                writer.execute("DELETE FROM t WHERE id > 10")
            before = path.stat().st_size
            assert database.space().free_pages > 50
            assert database.vacuum() > 0
            assert database.space().free_pages == 0
            assert database.value("SELECT count(*) FROM t") == 10
        assert path.stat().st_size < before
        assert sorted(os.listdir(tmp_path)) == ["a.db"]

    def test_vacuum_without_room_is_refused_before_it_begins(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda _path: _Usage())
        with pytest.raises(CacheUnavailable, match="free bytes"):
            database.vacuum()


class _Usage:
    """A full disk: the one part that cannot be made real here."""

    free = 0
