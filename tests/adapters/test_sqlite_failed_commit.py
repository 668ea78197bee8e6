"""A commit that failed must not come true later: the log still holds its pages."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cache_studio.adapters import sqlite_database
from cache_studio.adapters.sqlite_database import Database, covered
from cache_studio.model.errors import CacheUnavailable


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A database in WAL mode with two rows, open in its application."""
    found = tmp_path / "app.db"
    with closing(sqlite3.connect(found, isolation_level=None)) as application:
        application.execute("PRAGMA journal_mode=WAL")
        application.execute("CREATE TABLE t(key)")
        application.execute("INSERT INTO t VALUES ('one'), ('two')")
        yield found


def fail_to_commit(writer: sqlite3.Connection, path: Path) -> None:
    """Delete everything, and leave files and memory as a COMMIT does whose sync failed after its pages were written."""
    index = path.with_name("app.db-shm")
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM t")
    before = index.read_bytes()[:96]  # both copies of the header: where the log ends
    writer.execute("COMMIT")
    with index.open("r+b") as file:
        file.write(before)


def rows_after_a_crash(path: Path, tmp_path: Path) -> int:
    """What another process finds when this one and the application are gone."""
    aside = tmp_path / "after"
    aside.mkdir()
    for name in ("app.db", "app.db-wal"):
        shutil.copy(path.with_name(name), aside / name)
    with closing(sqlite3.connect(aside / "app.db")) as database:
        count: int = database.execute("SELECT count(*) FROM t").fetchone()[0]
    return count


@pytest.mark.parametrize("cover", [True, False])
def test_another_commit_takes_the_place_of_the_failed_one(path: Path, tmp_path: Path, cover: bool) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        fail_to_commit(writer, path)
        assert writer.execute("SELECT count(*) FROM t").fetchone() == (2,)  # so the studio would say: nothing is gone
        if cover:
            assert covered(writer)
        assert rows_after_a_crash(path, tmp_path) == (2 if cover else 0)


def test_where_that_fails_too_nothing_is_said_of_what_is_stored(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FailingToCommit(sqlite3.Connection):
        def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
            if sql == "COMMIT":
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *values)

    database = Database(str(path))
    try:
        with monkeypatch.context() as patch:
            patch.setattr(
                sqlite_database, "connect", lambda place, mode: sqlite3.connect(place, factory=FailingToCommit)
            )
            with pytest.raises(CacheUnavailable), database.writing() as writer:
                writer.execute("DELETE FROM t")
        with pytest.raises(CacheUnavailable, match="is not certain"):
            database.require_certain()
        with database.writing():
            pass
        database.require_certain()
    finally:
        database.close()
