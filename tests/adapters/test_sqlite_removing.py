"""Rows are removed a page at a time; each is compared, and found by its id alone."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from unittest.mock import patch

import pytest
from keeping import MemoryKeep

from cache_studio.adapters.copy_columns import CopyColumns
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_open import tables_of
from cache_studio.adapters.sqlite_rows import Rows, packed_rows, proofs_of, version_of
from cache_studio.adapters.sqlite_table.adapter import SQLiteTableAdapter
from cache_studio.model.seeing import Fate, Seen
from cache_studio.model.targets import Target

ROWS = 1_200
KEYS = {
    "rowid": "CREATE TABLE t (key TEXT, value, created REAL)",
    "unique": "CREATE TABLE t (key TEXT PRIMARY KEY, value, created REAL)",
    "without rowid": "CREATE TABLE t (key TEXT PRIMARY KEY, value, created REAL) WITHOUT ROWID",
    "pair": "CREATE TABLE t (n INT DEFAULT 1, key TEXT, value, created REAL, PRIMARY KEY (n, key)) WITHOUT ROWID",
}


def made(path: Path, schema: str, keys: list[str]) -> Path:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(schema)
        values = ((key.encode("utf-8", "surrogateescape"), number) for number, key in enumerate(keys))
        database.executemany("INSERT INTO t (key, value, created) VALUES (CAST(? AS TEXT), 'v', ?)", values)
    return path


def changed(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(sql)


def attached(path: Path) -> SQLiteTableAdapter:
    return SQLiteTableAdapter.open(Target(str(path), {}), {"table": "t", "key": "key"}, writable=True)


def seen_in(adapter: SQLiteTableAdapter) -> list[Seen]:
    return [
        Seen(entry_id, tuple(stamp))
        for batch in adapter.scan()
        for entry_id, stamp in zip(batch.ids, batch.stamps.tolist(), strict=True)
    ]


def removed(path: Path, before_taking: Callable[[], None], count: int = ROWS) -> tuple[list[Fate], MemoryKeep]:
    """What became of the first entries, and the copies of them."""
    with closing(attached(path)) as adapter:
        keep = MemoryKeep(before_taking)
        return [removal.fate for removal in adapter.remove(seen_in(adapter)[:count], keep)], keep


def keys_in(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [key for (key,) in database.execute("SELECT key FROM t ORDER BY key")]


@pytest.mark.parametrize("schema", KEYS.values(), ids=KEYS)
def test_what_changed_since_it_was_copied_stays(tmp_path: Path, schema: str) -> None:
    path = made(tmp_path / "a.db", schema, [f"k{number:04}" for number in range(ROWS)])
    edits = [
        "UPDATE t SET value = 'w' WHERE key = 'k0700'",
        "DELETE FROM t WHERE key = 'k0001'",
        "UPDATE t SET created = 5 WHERE key = 'k1199'",
    ]
    fates, keep = removed(path, lambda: [changed(path, sql) for sql in edits] and None)
    assert len(keep.taken) == ROWS
    assert {number: fate for number, fate in enumerate(fates) if fate is not Fate.REMOVED} == {
        1: Fate.GONE,
        700: Fate.CHANGED,
        1199: Fate.CHANGED,
    }
    assert keys_in(path) == ["k0700", "k1199"]


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("schema", KEYS.values(), ids=KEYS)
def test_what_changed_between_two_transactions_stays(
    tmp_path: Path, schema: str, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SQLiteTableAdapter, "lock_seconds", 0.0)  # a transaction for each row
    path = made(tmp_path / "a.db", schema, [f"k{number}" for number in range(8)])
    changed(path, f"PRAGMA journal_mode={journal}")
    edits = {3: "UPDATE t SET value = 'w' WHERE key = 'k5'", 5: "DELETE FROM t WHERE key = 'k7'"}
    begun = 0

    def writing(database: Database) -> AbstractContextManager[sqlite3.Connection]:
        nonlocal begun
        begun += 1
        if begun in edits:
            changed(path, edits[begun])
        return genuine(database)

    genuine = Database.writing
    monkeypatch.setattr(Database, "writing", writing)
    fates, keep = removed(path, lambda: None)
    assert len(keep.taken) == 8
    assert fates == [Fate.REMOVED] * 5 + [Fate.CHANGED, Fate.REMOVED, Fate.GONE]
    assert keys_in(path) == ["k5"]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_rows_are_read_again_only_where_somebody_else_wrote(tmp_path: Path, journal: str) -> None:
    path = made(tmp_path / "a.db", KEYS["rowid"], [f"k{number:04}" for number in range(ROWS)])
    changed(path, f"PRAGMA journal_mode={journal}")
    changed(path, "CREATE TABLE other (n)")
    writes: list[Callable[[], None]] = [lambda: None, lambda: changed(path, "INSERT INTO other VALUES (1)")]
    with patch.object(Rows, "fetch_all", autospec=True, side_effect=Rows.fetch_all) as fetched:
        for write in writes:
            before = fetched.call_count
            fates, keep = removed(path, write, count=ROWS // 2)
            assert fates == [Fate.REMOVED] * len(keep.taken) == [Fate.REMOVED] * (ROWS // 2)
            compared = fetched.call_count - before - 1  # the copies were read, too
            assert (compared > 0) == (write is writes[1])
    assert keys_in(path) == []


def test_what_a_trigger_changed_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SQLiteTableAdapter, "lock_seconds", 0.0)
    path = made(tmp_path / "a.db", KEYS["rowid"], ["a", "b", "c"])
    changed(path, "CREATE TRIGGER x AFTER DELETE ON t BEGIN UPDATE t SET value = 'w' WHERE key = 'c'; END")
    fates, _ = removed(path, lambda: None)
    assert fates == [Fate.REMOVED, Fate.REMOVED, Fate.CHANGED]
    assert keys_in(path) == ["c"]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_version_is_another_after_the_commit_of_anybody_else(tmp_path: Path, journal: str) -> None:
    path = made(tmp_path / "a.db", KEYS["rowid"], ["a", "b", "c"])
    changed(path, f"PRAGMA journal_mode={journal}")
    with closing(sqlite3.connect(path)) as own:
        version = version_of(own)
        with own:
            own.execute("DELETE FROM t WHERE key = 'a'")
        assert version_of(own) == version
        changed(path, "DELETE FROM t WHERE key = 'b'")
        assert version_of(own) != version


def test_an_entry_that_is_given_twice_is_removed_once(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", KEYS["unique"], ["a", "b", "c"])
    with closing(attached(path)) as adapter:
        first, second, _ = seen_in(adapter)
        keep = MemoryKeep()
        answers = adapter.remove([first, second, first], keep)
    assert [(answer.id, answer.fate) for answer in answers] == [(key, Fate.REMOVED) for key in "aba"]
    assert [copy.key for copy in keep.taken] == ["a", "b"]
    assert keys_in(path) == ["c"]


@pytest.mark.parametrize("schema", KEYS.values(), ids=KEYS)
def test_keys_that_are_no_utf8_are_found_among_others(tmp_path: Path, schema: str) -> None:
    path = made(tmp_path / "a.db", schema, ["a", "b\udcff", "c", "d\udcfe"])
    fates, keep = removed(path, lambda: None, count=3)
    assert fates == [Fate.REMOVED] * 3
    assert sorted(copy.key for copy in keep.taken) == ["a", "b\udcff", "c"]
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT CAST(key AS BLOB) FROM t").fetchall() == [(b"d\xfe",)]


def test_a_number_as_text_is_another_id(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (key PRIMARY KEY, value)")
        database.executemany("INSERT INTO t VALUES (?, 'v')", [(1,), ("1",), (1.5,), (b"1",), (2,), (None,), ("A",)])
        rows = Rows(tables_of(database)["t"], ("key",), "rowid")
    ids = [1, b"1", ((3,),), ((6,),), "a"]  # the third and the sixth row have no key that could be an id
    with closing(Database(str(path))) as opened:
        found = rows.fetch_all(opened.rows, ids)
    assert [found[entry_id][1] if entry_id in found else "gone" for entry_id in ids] == [1, b"1", 1.5, None, "gone"]


def test_an_index_finds_the_entries_of_a_page(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", KEYS["pair"], ["a"])
    with closing(sqlite3.connect(path)) as database:
        rows = Rows(tables_of(database)["t"], ("n", "key"))
        ((where, values),) = rows.places([(1, f"k{number}") for number in range(300)])
        plan = database.execute(f"EXPLAIN QUERY PLAN SELECT * FROM t WHERE {where}", values).fetchall()
    assert "SEARCH t USING PRIMARY KEY" in plan[0][3]


def test_a_proof_tells_types_apart_and_is_short() -> None:
    proofs = proofs_of(packed_rows([(1,), (1.0,), ("1",), (b"1",), (None,), ("x" * 5_000,), ("x" * 4_999 + "y",)]))
    assert len(set(proofs)) == len(proofs)
    assert max(map(len, proofs)) < 100


def test_columns_are_the_copies_they_were_made_of(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", KEYS["rowid"], ["a", "b", "c"])
    _, keep = removed(path, lambda: None)
    columns = CopyColumns.of(keep.taken)
    assert list(columns) == keep.taken
    assert list(columns[1:]) == keep.taken[1:]
    assert CopyColumns.of(columns) is columns
    assert [copy.id for copy in columns.with_ids([b"x", b"y", b"z"])] == [b"x", b"y", b"z"]
