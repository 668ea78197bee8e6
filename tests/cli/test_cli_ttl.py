"""The command ttl, and the undo of what it did."""

import sqlite3
import time
from contextlib import closing

import pytest

HOUR = 3_600.0


@pytest.fixture
def table(tmp_path):
    """A stale entry, two fresh ones, one that never expires."""
    path, now = tmp_path / "app.db", time.time()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE cache (key TEXT PRIMARY KEY, ns TEXT, value BLOB, expires_at REAL)")
        rows = [("old", "x", now - HOUR), ("a", "x", now + 60), ("b\x1b[31m", "y", now + HOUR), ("always", "y", None)]
        database.executemany("INSERT INTO cache VALUES (?, ?, x'00', ?)", rows)
    return path


@pytest.fixture
def target(table):
    return f"sqlite-table:{table}?table=cache&key=key&value=value&namespace=ns&expires=expires_at"


def ends(path):
    with closing(sqlite3.connect(path)) as database:
        return dict(database.execute("SELECT key, expires_at FROM cache").fetchall())


def test_a_selection_is_set_and_put_back_by_another_process(command, table, target):
    before = ends(table)
    done = command("ttl", target, "--where", "not forever", "--set", "2h", "--yes", "--format", "json")
    assert done.code == 0
    assert {name: done.json[name] for name in ("action", "change", "planned", "set", "failed", "left_out")} == {
        "action": "ttl", "change": "set", "planned": 3, "set": 3, "failed": 0, "left_out": 0,
    }  # fmt: skip
    assert done.json["expires_first"].endswith("Z")
    assert "TTL set to 2 h for 3 entries of app.db." in done.err
    assert "TTL before: stale 1 h to 59 min" in done.err
    assert f"cache-studio undo {done.json['undo_id']}" in done.err
    assert "\x1b" not in done.err
    assert all(abs(end - time.time() - 2 * HOUR) < 60 for key, end in ends(table).items() if key != "always")
    (listed,) = command("trash", "list", "--format", "json").json
    assert (listed["verb"], listed["entries"]) == ("ttl", 3)
    assert command("trash", "empty", "--yes", "--format", "json").json["removed"] == 0
    back = command("undo", "--yes", "--format", "json")
    assert (back.code, back.json["restored"], back.json["newer_kept"]) == (0, 3, 0)
    assert ends(table) == before


def test_keys_are_extended_and_persisted(command, table, target):
    before = ends(table)
    assert command("ttl", target, "a", "old", "--extend", "30m", "--yes").code == 0
    assert ends(table)["a"] == before["a"] + 1_800
    assert abs(ends(table)["old"] - time.time() - 1_800) < 60
    done = command("ttl", target, "a", "always", "--persist", "--yes", "--format", "json")
    assert (done.code, done.json["set"], done.json["left_out"]) == (0, 1, 1)
    assert done.json["expires_first"] is None
    assert "1 entry left out: no expiry to take away." in done.err
    assert ends(table)["a"] is None
    assert command("undo", "--yes").code == 0
    assert command("undo", "--yes").code == 0
    assert ends(table) == before


def test_one_entry_is_put_back_by_its_key_and_a_newer_expiry_stays(command, table, target):
    before = ends(table)
    done = command("ttl", target, "--where", "not forever", "--set", "1d", "--yes", "--format", "json").json
    one = command("trash", "restore", done["undo_id"], "a", "--yes", "--format", "json")
    assert (one.code, one.json["restored"]) == (0, 1)
    assert ends(table)["a"] == before["a"]
    with closing(sqlite3.connect(table)) as database, database:
        database.execute("UPDATE cache SET expires_at = 5 WHERE key = 'old'")
    back = command("undo", "--yes", "--format", "json")
    assert (back.code, back.json["restored"], back.json["newer_kept"]) == (1, 1, 1)
    assert "another expiry" in back.err
    assert ends(table) == {**before, "old": 5.0}


def test_a_dry_run_changes_nothing(command, table, target):
    before = ends(table)
    shown = command("ttl", target, "--where", "ns=x", "--set", "2h", "--dry-run", "--format", "json")
    assert (shown.code, shown.json["planned"], shown.json["set"], shown.json["undo_id"]) == (0, 2, 0, None)
    assert ends(table) == before
    assert command("ttl", target, "a", "--persist", answer="n\n").code == 1
    assert ends(table) == before
    assert command("ttl", target, "a", "--persist", answer="y\n").code == 0
    assert ends(table)["a"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["a"], 2, "Give one of --set"),
        (["a", "--set", "2h", "--persist"], 2, "Give one of --set"),
        (["--set", "2h"], 2, "Nothing is chosen"),
        (["a", "--where", "b", "--set", "2h"], 2, "Nothing is chosen"),
        (["a", "--set", "soon"], 2, "is no duration"),
        (["a", "--set", "0s"], 2, "longer than nothing"),
        (["a", "--extend", "200y"], 2, "is no duration"),
        (["a", "--set", "40000d"], 2, "100 years"),
        (["nothing", "--set", "2h"], 1, "no entry"),
        (["a", "--set", "2h"], 1, "--yes"),
    ],
)
def test_what_makes_no_sense_is_refused(command, table, target, arguments, code, said):
    before = ends(table)
    found = command("ttl", target, *arguments)
    assert found.code == code
    assert said in found.err
    assert ends(table) == before


def test_a_cache_without_an_expiry_of_each_entry_says_why(command, folder):
    found = command("ttl", f"json-directory:{folder}?ttl=24h", "--where", "stale", "--set", "2h", "--yes")
    assert found.code == 1
    assert "No field of an entry" in found.err
