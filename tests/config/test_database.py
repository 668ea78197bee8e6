"""Our own databases: versions, threads, processes, damage."""

import multiprocessing
import threading
from pathlib import Path

import pytest

from cache_studio.config.database import Database, Schema, open_database
from cache_studio.model.errors import CacheStudioError

FIRST = "CREATE TABLE word(text TEXT); CREATE INDEX by_text ON word(text)"
ONE = Schema("The test database", (FIRST,))
TWO = Schema("The test database", (FIRST, "ALTER TABLE word ADD COLUMN count INTEGER DEFAULT 7"))
NOW = 1_790_000_000.0


def test_a_database_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "own" / "words.db"
    old = open_database(path, ONE, NOW)
    with old.transaction() as write:
        write.execute("INSERT INTO word VALUES('a')")
    old.close()
    new = open_database(path, TWO, NOW)
    assert new.read("SELECT text, count FROM word") == [("a", 7)]
    assert new.read("PRAGMA journal_mode") == [("wal",)]
    assert new.notice == ""
    assert path.stat().st_mode & 0o077 == 0
    new.close()
    with pytest.raises(CacheStudioError, match="newer Cache Studio"):
        open_database(path, ONE, NOW)


def _begin_and_fail(database: Database) -> None:
    with database.transaction() as write:
        write.execute("INSERT INTO word VALUES('a')")
        raise KeyError


def test_half_a_transaction_never_stays(tmp_path: Path) -> None:
    database = open_database(tmp_path / "words.db", ONE, NOW)
    with pytest.raises(KeyError):
        _begin_and_fail(database)
    assert database.read("SELECT * FROM word") == []
    with pytest.raises(CacheStudioError, match="The test database cannot be used"):
        database.read("SELECT * FROM nothing")
    database.close()
    database.close()


@pytest.mark.parametrize("damage", ["text", "header", "pages", "foreign"])
def test_a_broken_one_is_set_aside(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "words.db"
    database = open_database(path, ONE, NOW)
    with database.transaction() as write:
        write.executemany("INSERT INTO word VALUES(?)", [(str(number) * 50,) for number in range(2000)])
        if damage == "foreign":
            write.execute("PRAGMA user_version=0")
    database.close()
    whole = path.read_bytes()
    broken = {
        "text": b"this is no database, whatever its name says" * 40,
        "header": b"\0" * 200 + whole[200:],
        "pages": whole[:100] + b"\xff" * (len(whole) - 100),
        "foreign": whole,
    }[damage]
    path.write_bytes(broken)
    fresh = open_database(path, ONE, NOW)
    assert fresh.read("SELECT * FROM word") == []
    (aside,) = tmp_path.glob("words.db.broken-20260921T*")
    assert aside.read_bytes() == broken
    assert aside.name in fresh.notice
    fresh.close()


def test_damage_met_in_the_middle_is_found_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    database = open_database(path, ONE, NOW)
    with database.transaction() as write:
        write.executemany("INSERT INTO word VALUES(?)", [(str(number) * 50,) for number in range(2000)])
    database.close()
    whole = bytearray(path.read_bytes())
    whole[-8 * 4096 :] = b"\xff" * (8 * 4096)
    path.write_bytes(whole)
    damaged = open_database(path, ONE, NOW)
    with pytest.raises(CacheStudioError, match="is damaged"):
        damaged.read("SELECT max(substr(text, 2)), count(*) FROM word INDEXED BY by_text WHERE text > ''")
    damaged.close()
    fresh = open_database(path, ONE, NOW)
    assert "set aside" in fresh.notice
    fresh.close()


def test_many_threads_share_one(tmp_path: Path) -> None:
    database = open_database(tmp_path / "words.db", ONE, NOW)

    def write_some() -> None:
        for number in range(20):
            with database.transaction() as write:
                write.execute("INSERT INTO word VALUES(?)", (str(number),))

    threads = [threading.Thread(target=write_some) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read("SELECT count(*) FROM word") == [(100,)]
    database.close()


def _open_and_write(path: Path) -> None:
    database = open_database(path, ONE, NOW)
    for number in range(20):
        with database.transaction() as write:
            write.execute("INSERT INTO word VALUES(?)", (str(number),))
    database.close()


@pytest.mark.parametrize("begin", [b"", b"broken" * 1000])
def test_many_processes_open_and_repair_one(tmp_path: Path, begin: bytes) -> None:
    path = tmp_path / "words.db"
    path.write_bytes(begin)
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_open_and_write, args=(path,)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(20)
        assert child.exitcode == 0
    database = open_database(path, ONE, NOW)
    assert database.read("SELECT count(*) FROM word") == [(80,)]
    database.close()
    names = [path.name for path in tmp_path.glob("words.db.broken-*")]
    aside = [name for name in names if not name.endswith(("-wal", "-shm", "-journal"))]
    assert len(aside) == (1 if begin else 0)
