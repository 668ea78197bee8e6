"""`cache-studio share`: a cache and its options in the project's file."""

import sqlite3
from contextlib import closing
from pathlib import Path


def make(path: Path) -> Path:
    """A table that only a mapping can read."""
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE blobs (who TEXT PRIMARY KEY, what TEXT, gone_by INTEGER)")
        made.execute("INSERT INTO blobs VALUES ('a', 'b', 4102444800)")
    return path


def test_what_one_shares_another_attaches_by_the_folder(command, tmp_path):
    path = make(tmp_path / "app.db")
    target = f"sqlite-table:{path}?table=blobs&key=who&value=what&expires=gone_by"
    shared = command("share", target, tmp_path, "--format", "json")
    assert shared.code == 0, shared.err
    assert shared.json["file"] == str(tmp_path / "cache-studio.toml")
    (row,) = command("list", tmp_path, "--format", "json").json
    assert (row["key"], row["expires_at"]) == ("a", "2100-01-01T00:00:00Z")


def test_a_cache_elsewhere_is_refused_with_a_sentence(command, tmp_path):
    path = make(tmp_path / "app.db")
    (tmp_path / "repository").mkdir()
    refused = command("share", f"sqlite-table:{path}?table=blobs&key=who", tmp_path / "repository")
    assert refused.code != 0
    assert "does not lie below" in refused.err
    assert list((tmp_path / "repository").iterdir()) == []
