"""Any SQLite table as a cache."""

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from contract import AdapterContract, Row, listing, scan_all
from keeping import MemoryKeep

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import BadRequest, CacheUnavailable, EntryNotFound, WrongFormat
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target

NOW = time.time()


def table_of(path: Path) -> dict[str, object]:
    """What the database holds, whatever its pages look like."""
    with closing(sqlite3.connect(path)) as database:
        return {
            f"{name} {row[0]!r}": row
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for row in database.execute(f'SELECT rowid, * FROM "{name}"').fetchall()
        }


class TestSQLiteTable(AdapterContract):
    format_name = "sqlite-table"
    ordinary = ("key-0", "key-1", "key-2", "key-3", "<img src=x>", "line\nbreak\u202e")
    stale = ("old-0", "old-1")
    forever = ("always",)
    broken = ("bad expiry",)
    count = 12

    def make(self, tmp_path: Path) -> Target:
        folder = tmp_path / "application"
        folder.mkdir()
        with closing(sqlite3.connect(folder / "app.db")) as database, database:
            database.execute("CREATE TABLE settings (name TEXT, setting TEXT)")
            database.execute(
                "CREATE TABLE http_cache (cache_key TEXT UNIQUE, value BLOB, created_at REAL, expires_at, hits INTEGER)"
            )
            for place, key in enumerate([*self.ordinary, "with\0nul", "plain"]):
                database.execute(
                    "INSERT INTO http_cache VALUES (?, ?, ?, ?, ?)",
                    (key, b"v" * (place * 100), NOW - 100, NOW + 3600, place),
                )
            for key in self.stale:
                database.execute("INSERT INTO http_cache VALUES (?, 'text', ?, ?, 0)", (key, NOW - 100, NOW - 50))
            database.execute("INSERT INTO http_cache VALUES ('always', x'00ff', ?, NULL, 3)", (NOW,))
            database.execute("INSERT INTO http_cache VALUES ('bad expiry', 'x', ?, 'soon', NULL)", (NOW,))
        return Target(str(folder / "app.db"), "sqlite-table", {"table": "http_cache"})

    def application_rewrites(self, target: Target, key: str) -> None:
        with closing(sqlite3.connect(target.location)) as database, database:
            database.execute(
                "INSERT OR REPLACE INTO http_cache VALUES (?, ?, ?, ?, 0)", (key, b"newer" * 500, NOW, NOW + 7200)
            )

    def application_deletes(self, target: Target, key: str) -> None:
        with closing(sqlite3.connect(target.location)) as database, database:
            database.execute("DELETE FROM http_cache WHERE cache_key = ?", (key,))

    def stored(self, target: Target) -> Mapping[str, object]:
        return table_of(Path(target.location))

    def test_its_own_tree_is_recognised(self, target: Target) -> None:
        found = get_format("sqlite-table").recognise(Sight(target.location))
        assert found.certainty is Certainty.LOOK
        assert found.options == {
            "table": "http_cache",
            "key": "cache_key",
            "value": "value",
            "created": "created_at",
            "expires": "expires_at",
            "hits": "hits",
        }


@contextmanager
def attached(path: Path, **options: str) -> Iterator[Adapter]:
    """The database, attached for writing."""
    found = get_format("sqlite-table")
    target = Target(str(path), "sqlite-table", options)
    with closing(found.adapter_class().open(target, read_options(found.options, options), writable=True)) as adapter:
        yield adapter


def made(path: Path, *statements: str | tuple[str, object]) -> Path:
    """A database made by these statements."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        for statement in statements:
            database.execute(*([statement] if isinstance(statement, str) else statement))
    return path


def by_key(adapter: Adapter) -> dict[str, Row]:
    """The entries by key."""
    return {row.key: row for row in listing(adapter).values()}


MOMENTS = {
    "seconds": NOW,
    "milliseconds": int(NOW * 1000),
    "naive": datetime.fromtimestamp(NOW).isoformat(" ", "milliseconds"),
    "offset": datetime.fromtimestamp(NOW, UTC).isoformat(),
}


@pytest.mark.parametrize("form", MOMENTS)
@pytest.mark.parametrize(
    "names", [("k", "v", "ts", "exp"), ("url", "body", "createdAt", "expiresAt"), ("hash", "payload", "time", "expiry")]
)
def test_layouts_that_differ_are_guessed(tmp_path: Path, names: tuple[str, ...], form: str) -> None:
    path = made(
        tmp_path / "a.db",
        "CREATE TABLE notes (a, b)",
        f"CREATE TABLE responses ({names[0]} TEXT PRIMARY KEY, {', '.join(names[1:])})",
        ("INSERT INTO responses VALUES ('one', 'value', ?, ?)", (MOMENTS[form], MOMENTS[form])),
    )
    guessed = get_format("sqlite-table").recognise(Sight(str(path))).options
    roles = zip(("key", "value", "created", "expires"), names, strict=True)
    assert guessed == {"table": "responses", **dict(roles)}
    for options in ({}, {"table": "responses"}, dict(guessed)):
        with attached(path, **options) as adapter:
            row = by_key(adapter)["one"]
            assert (row.id, row.size) == ("one", 5)
            assert (row.created, row.expires) == (pytest.approx(NOW, abs=0.01), pytest.approx(NOW, abs=0.01))


def test_a_time_without_an_offset_follows_the_zone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        texts = ["2026-03-29 01:59:59", "2026-03-29T03:00:00", "2026-07-01 12:00:00.250", "2026-12-31 23:59:59.000001"]
        path = made(tmp_path / "a.db", "CREATE TABLE cache (key TEXT PRIMARY KEY, created TEXT)")
        with closing(sqlite3.connect(path)) as database, database:
            database.executemany("INSERT INTO cache VALUES (?, ?)", ((text, text) for text in texts))
        for zone, read in (("local", lambda text: text), ("utc", lambda text: f"{text}+00:00")):
            with attached(path, table="cache", key="key", created="created", zone=zone) as adapter:
                for text, row in by_key(adapter).items():
                    assert row.created == pytest.approx(datetime.fromisoformat(read(text)).timestamp())
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("options", "expires"),
    [
        ({"ttl": "1h"}, NOW - 100 + 3600),
        ({"ttl": "none"}, float("inf")),
        ({}, None),
        ({"ttl_field": "seconds", "ttl": "1h"}, NOW - 100 + 7),
    ],
    ids=("the cache's", "endless", "none", "its own"),
)
def test_where_the_expiry_comes_from(tmp_path: Path, options: dict[str, str], expires: float | None) -> None:
    path = made(
        tmp_path / "a.db",
        "CREATE TABLE c (key TEXT, created REAL, seconds INT)",
        ("INSERT INTO c VALUES ('a', ?, 7)", (NOW - 100,)),
    )
    with attached(path, table="c", key="key", created="created", **options) as adapter:
        assert by_key(adapter)["a"].expires == pytest.approx(expires)


TABLES = {
    "two columns": "CREATE TABLE t (a TEXT, b INT, v, PRIMARY KEY (b, a))",
    "without rowid": "CREATE TABLE t (a TEXT, b INT, v, PRIMARY KEY (a, b)) WITHOUT ROWID",
    "no key": "CREATE TABLE t (a TEXT, b INT, v)",
    "a number": "CREATE TABLE t (a TEXT, b INTEGER PRIMARY KEY, v)",
    "hidden rowid": "CREATE TABLE t (a TEXT, b INT, v, rowid TEXT)",
    "no case": "CREATE TABLE t (a TEXT COLLATE NOCASE, b INT, v)",
    "generated": "CREATE TABLE t (a TEXT, b INT, v, g AS (a || b) STORED)",
    "strict": "CREATE TABLE t (a TEXT, b INT, v ANY) STRICT",
}


@pytest.mark.parametrize("schema", TABLES.values(), ids=TABLES)
def test_tables_of_every_kind_come_back_exactly(tmp_path: Path, schema: str) -> None:
    values = [
        b"\x00blob",
        "text \0 \u202e",
        7,
        1.5,
        None,
        "",
        -(1 << 63),
        "\ud83d\ude00".encode("utf-16", "surrogatepass"),
    ]
    path = made(tmp_path / "a.db", schema)
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "INSERT INTO t (a, b, v) VALUES (?, ?, ?)", ((f"key {n % 5}", n, value) for n, value in enumerate(values))
        )
        database.execute("INSERT INTO t (a, b, v) VALUES (CAST(x'ff61' AS TEXT), 99, CAST(x'fe' AS TEXT))")
    before = rows_exactly(path)
    with attached(path, table="t", key="a", value="v") as adapter:
        rows = listing(adapter)
        assert len(rows) == 9
        assert "\udcffa" in {row.key for row in rows.values()}
        for row in rows.values():
            assert len(adapter.read(row.id).pieces[0].data) == row.size
        keep = MemoryKeep()
        removals = adapter.remove([row.seen for row in rows.values()], keep)
        assert {removal.fate for removal in removals} == {Fate.REMOVED}
        assert rows_exactly(path) == []
        assert {one.fate for one in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
        assert rows_exactly(path) == before
        assert listing(adapter) == rows


def rows_exactly(path: Path) -> list[tuple[object, ...]]:
    """Every cell with its type, text as bytes."""
    with closing(sqlite3.connect(path)) as database:
        database.text_factory = bytes
        columns = "a, typeof(a), b, typeof(b), v, typeof(v)"
        return sorted(database.execute(f"SELECT {columns} FROM t").fetchall(), key=repr)


@pytest.mark.parametrize("name", ['quo"te', "select", "{brace}", "with space", "ünï", "semi;colon--"])
def test_hostile_names_are_only_names(tmp_path: Path, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    path = made(
        tmp_path / "a.db",
        f"CREATE TABLE {quoted} ({quoted} TEXT PRIMARY KEY, value)",
        f"INSERT INTO {quoted} VALUES ('k', 'v')",
    )
    with attached(path, table=name, key=name, value="value") as adapter:
        row = by_key(adapter)["k"]
        assert adapter.read(row.id).pieces[0].data == b"v"
        assert adapter.remove([row.seen], None)[0].fate is Fate.REMOVED


def test_expiries_that_cannot_be_read_are_no_expiries(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", "CREATE TABLE t (key TEXT PRIMARY KEY, expires)")
    odd = ["soon", b"\x00", 1e300, float("inf"), -float("inf"), "9999999999999999", "2026-13-45"]
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany("INSERT INTO t VALUES (?, ?)", ((str(n), value) for n, value in enumerate(odd)))
    with attached(path, table="t", key="key", expires="expires") as adapter:
        rows = by_key(adapter)
        assert all(row.expires is None and row.problem for row in rows.values())


def test_views_and_missing_tables_and_columns_are_said(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", "CREATE TABLE t (key TEXT, value)", "CREATE VIEW seen AS SELECT * FROM t")
    for options, error in (
        ({"table": "seen", "key": "key"}, WrongFormat),
        ({"table": "absent"}, WrongFormat),
        ({"table": "t", "key": "absent"}, BadRequest),
    ):
        with pytest.raises(error), attached(path, **options):
            pytest.fail("it was opened")
    with (
        pytest.raises(WrongFormat, match="looks like a cache"),
        attached(made(tmp_path / "b.db", "CREATE TABLE x (y)")),
    ):
        pytest.fail("it was opened")


def test_a_trigger_that_removes_more_is_rolled_back_and_an_honest_one_runs(tmp_path: Path) -> None:
    path = made(
        tmp_path / "a.db",
        "CREATE TABLE t (key TEXT PRIMARY KEY, value)",
        "CREATE TABLE count (n)",
        "INSERT INTO count VALUES (2)",
        "INSERT INTO t VALUES ('a', 1), ('b', 2)",
        "CREATE TRIGGER counting AFTER DELETE ON t BEGIN UPDATE count SET n = n - 1; END",
    )
    with attached(path, table="t", key="key") as adapter:
        assert adapter.remove([by_key(adapter)["a"].seen], None)[0].fate is Fate.REMOVED
    made(path, "CREATE TRIGGER greedy AFTER DELETE ON t BEGIN DELETE FROM t; END", "INSERT INTO t VALUES ('a', 1)")
    with attached(path, table="t", key="key") as adapter:
        with pytest.raises(CacheUnavailable, match="trigger"):
            adapter.remove([by_key(adapter)["a"].seen], None)
        assert set(by_key(adapter)) == {"a", "b"}
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT n FROM count").fetchall() == [(1,)]


def test_a_damaged_table_is_listed_as_far_as_it_can_be_read_and_not_changed(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", "CREATE TABLE t (id INTEGER PRIMARY KEY, key TEXT, value)")
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", ((n, f"k{n}", "v" * 500) for n in range(2000)))
    content = bytearray(path.read_bytes())
    content[100 * 4096 : 101 * 4096] = b"\xee" * 4096
    path.write_bytes(content)
    with attached(path, table="t", key="key", value="value") as adapter:
        batches, end = scan_all(adapter)
        assert 1900 < sum(len(batch) for batch in batches) < 2000
        assert not end.complete
        assert "damaged" in end.reason
        assert not adapter.capabilities.can(Ability.REMOVE)
        assert "damaged" in adapter.capabilities.why_not(Ability.COMPACT)


def test_a_database_that_is_replaced_is_listed_anew(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", "CREATE TABLE t (key TEXT PRIMARY KEY, value)", "INSERT INTO t VALUES ('old', 1)")
    with attached(path, table="t", key="key") as adapter:
        row = by_key(adapter)["old"]
        os.replace(made(tmp_path / "b.db", "CREATE TABLE t (key, value)", "INSERT INTO t VALUES ('new', 1)"), path)
        for attempt in (lambda: adapter.read(row.id), lambda: adapter.remove([row.seen], None)):
            with pytest.raises(CacheUnavailable, match="replaced"):
                attempt()
        assert set(by_key(adapter)) == {"new"}


def test_the_row_is_shown_beside_the_value(tmp_path: Path) -> None:
    path = made(
        tmp_path / "a.db",
        "CREATE TABLE t (key TEXT PRIMARY KEY, value BLOB, note TEXT, raw BLOB)",
        "INSERT INTO t VALUES ('a', x'0102', '<b>', x'ff')",
    )
    with attached(path, table="t", key="key", value="value") as adapter:
        value, row = adapter.read("a").pieces
        assert (value.name, value.data) == ("value", b"\x01\x02")
        shown = json.loads(row.data)
        assert (shown["key"], shown["note"], shown["raw"]) == ("a", "<b>", {"bytes": 1, "hex": "ff"})
        with pytest.raises(EntryNotFound):
            adapter.read("b")


def test_an_empty_table_is_an_empty_cache(tmp_path: Path) -> None:
    path = made(tmp_path / "a.db", "CREATE TABLE my_cache (cache_key TEXT, value, expires_at)")
    assert get_format("sqlite-table").recognise(Sight(str(path))).options["key"] == "cache_key"
    with attached(path) as adapter:
        assert listing(adapter) == {}
        assert len(adapter.lookup(["a"])) == 0
