"""The expiry of rows of a mapped table, in every form in which applications write it."""

import math
import sqlite3
import time
from contextlib import closing

import pytest
from contract import listing
from setting_expiry import check_set, check_stays_where_changed, rows_by_key, set_to

from cache_studio.adapters.registry import get_format
from cache_studio.adapters.written_times import moment_like, ttl_like
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import UnsupportedAction
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Renewed, Seen
from cache_studio.model.targets import Target
from cache_studio.model.times import parse_time

NOW = 1_763_719_200.0  # whole, so that every form can say it
HOUR = 3_600.0


@pytest.fixture
def open_table(tmp_path):
    """Make a table and open it as a cache; the caller closes nothing."""
    opened = []

    def make(declaration, rows, writable=True, **options):
        path = str(tmp_path / "app.db")
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(f"CREATE TABLE entries ({declaration})")
            for row in rows:
                database.execute(f"INSERT INTO entries VALUES ({', '.join('?' * len(row))})", row)
        format_ = get_format("sqlite-table")
        given = {"table": "entries", "key": "key", "value": "value", **options}
        target = Target(path, "sqlite-table", given)
        adapter = format_.adapter_class().open(target, read_options(format_.options, given), writable=writable)
        opened.append(adapter)
        return adapter

    yield make
    for adapter in opened:
        adapter.close()


def cells(tmp_path, column):
    with closing(sqlite3.connect(tmp_path / "app.db")) as database:
        return dict(database.execute(f"SELECT key, {column} FROM entries").fetchall())


FORMS = {
    "seconds": (NOW + 60.25, 0.001),
    "whole seconds": (int(NOW), 1.0),
    "milliseconds": (int(NOW * 1000) + 5, 0.002),
    "digits": (str(int(NOW)), 1.0),
    "iso": ("2026-11-21T10:00:00.123456", 0.001),
    "iso seconds": ("2026-11-21 10:00:00", 1.0),
    "iso milliseconds, UTC": ("2026-11-21T10:00:00.500Z", 0.002),
    "iso with an offset": ("2026-11-21T10:00:00+05:30", 1.0),
}


@pytest.mark.parametrize("form", FORMS)
def test_it_is_written_as_the_table_writes_it_and_comes_back_the_same(open_table, tmp_path, form):
    example, within = FORMS[form]
    rows = [("a", b"v", example), ("b", b"v", example), ("never", b"v", None)]
    adapter = open_table("key TEXT PRIMARY KEY, value BLOB, expires_at", rows, expires="expires_at")
    before = {key: row.expires for key, row in rows_by_key(adapter).items()}
    check_set(adapter, {"a": time.time() + 2 * HOUR, "never": NOW + 0.3}, within)
    stored = cells(tmp_path, "expires_at")
    assert type(stored["a"]) is type(stored["never"]) is type(example)
    if isinstance(example, str):
        assert len(stored["a"]) == len(example)
    check_set(adapter, {"a": math.inf, "b": math.inf})
    assert cells(tmp_path, "expires_at")["a"] is None
    check_set(adapter, {"a": NOW + HOUR}, within)  # its form is known from another row
    check_set(adapter, before, 0.001)
    assert cells(tmp_path, "expires_at")["never"] is None
    assert cells(tmp_path, "expires_at")["a"] == example


def test_a_ttl_beside_the_creation_is_set(open_table, tmp_path):
    declaration = "key TEXT PRIMARY KEY, value BLOB, created REAL, ttl"
    rows = [("whole", b"v", NOW - 100.5, 600), ("parts", b"v", NOW - 100.5, 60.5), ("none", b"v", NOW, None)]
    adapter = open_table(declaration, rows, created="created", ttl_field="ttl", ttl="1h")
    before = {key: row.expires for key, row in rows_by_key(adapter).items()}
    check_set(adapter, {"whole": NOW + HOUR, "parts": NOW + HOUR, "none": NOW + 2 * HOUR}, 1.0)
    assert cells(tmp_path, "ttl") == {"whole": 3701, "parts": 3700.5, "none": 7200}
    check_set(adapter, before, 0.001)
    answer = set_to(adapter, {"whole": math.inf})["whole"]
    assert answer.fate is Renewed.FAILED
    assert "never" in answer.reason


def test_a_ttl_may_end_never_where_the_cache_has_none(open_table, tmp_path):
    rows = [("a", b"v", NOW, 600)]
    declaration = "key TEXT PRIMARY KEY, value BLOB, created REAL, ttl INTEGER"
    adapter = open_table(declaration, rows, created="created", ttl_field="ttl", ttl="none")
    check_set(adapter, {"a": math.inf})
    assert cells(tmp_path, "ttl") == {"a": None}
    check_set(adapter, {"a": NOW + 5}, 1.0)


def test_what_the_table_refuses_is_said_and_the_others_are_set(open_table):
    declaration = "key TEXT PRIMARY KEY, value BLOB, expires_at REAL NOT NULL CHECK (expires_at < 9e9)"
    adapter = open_table(declaration, [("a", b"v", NOW), ("b", b"v", NOW)], expires="expires_at")
    answers = set_to(adapter, {"a": math.inf, "b": NOW + HOUR})
    assert [answers[key].fate for key in "ab"] == [Renewed.FAILED, Renewed.SET]
    assert "NOT NULL" in answers["a"].reason


def test_a_form_that_nothing_shows_is_not_invented(open_table):
    adapter = open_table("key TEXT PRIMARY KEY, value BLOB, expires_at TEXT", [("a", b"v", None)], expires="expires_at")
    answer = set_to(adapter, {"a": NOW})["a"]
    assert (answer.fate, "shows how" in answer.reason) == (Renewed.FAILED, True)


def test_what_the_application_changed_or_removed_meanwhile_stays(open_table, tmp_path):
    rows = [(key, b"v" * place, NOW) for place, key in enumerate("abc")]
    adapter = open_table("key TEXT PRIMARY KEY, value BLOB, expires_at REAL", rows, expires="expires_at")

    def change():
        with closing(sqlite3.connect(tmp_path / "app.db")) as database, database:
            database.execute("UPDATE entries SET value = 'newer', expires_at = ? WHERE key = 'a'", (NOW + 1,))
            database.execute("DELETE FROM entries WHERE key = 'b'")

    check_stays_where_changed(adapter, "a", "b", change, NOW + HOUR)


def test_many_rows_leave_the_application_its_turns(open_table):
    rows = [(f"key {number}", b"v", NOW + number) for number in range(1_500)]
    adapter = open_table("key TEXT PRIMARY KEY, value BLOB, expires_at REAL", rows, expires="expires_at")
    seen = [Seen(row.id, row.stamp) for row in listing(adapter).values()]
    answers = adapter.set_expiry(seen, [NOW + HOUR] * len(seen))
    assert {answer.fate for answer in answers} == {Renewed.SET}
    assert {row.expires for row in listing(adapter).values()} == {NOW + HOUR}


@pytest.mark.parametrize("writable", [True, False])
def test_a_table_without_an_expiry_says_so(open_table, writable):
    adapter = open_table("key TEXT PRIMARY KEY, value BLOB, note TEXT", [("a", b"v", "n")], writable)
    assert not adapter.capabilities.can(Ability.SET_EXPIRY)
    assert "No field" in adapter.capabilities.why_not(Ability.SET_EXPIRY)
    with pytest.raises(UnsupportedAction):
        adapter.set_expiry([], [])


def test_read_only_says_so(open_table):
    rows = [("a", b"v", NOW)]
    adapter = open_table("key TEXT PRIMARY KEY, value BLOB, expires_at REAL", rows, False, expires="expires_at")
    assert "read-only" in adapter.capabilities.why_not(Ability.SET_EXPIRY)


@pytest.mark.parametrize("example", [None, True, "soon", "2026-11-21", "20261121T100000", b"1", [1]])
def test_what_is_no_known_form_is_not_written(example):
    assert moment_like(example, NOW, "auto", "local") is None


def test_a_coarser_form_never_ends_earlier():
    for example in ("2026-11-21 10:00:00", 5, "5"):
        written = moment_like(example, NOW + 0.25, "auto", "utc")
        assert parse_time(written, "auto", "utc") == NOW + 1
    assert ttl_like(60, 0.2) == 1
    assert ttl_like(60, 60.0000001) == 60
