"""What is said before a database is changed, where it may go otherwise than one would think."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cache_studio.adapters import sqlite_warnings
from cache_studio.adapters.registry import get_format
from cache_studio.adapters.sqlite_warnings import filesystem_of, warnings_of
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE http_cache (cache_key TEXT PRIMARY KEY, value BLOB, expires_at REAL)")
        made.execute("INSERT INTO http_cache VALUES ('a', 'b', 1e9)")
    return path


def test_an_ordinary_database_needs_no_warning(database: Path) -> None:
    assert list(warnings_of(str(database), 0)) == []


def test_a_second_name_is_said(database: Path) -> None:
    os.link(database, database.with_name("other.db"))
    (sentence,) = warnings_of(str(database), 0)
    assert sentence.startswith("The database has 2 names")


@pytest.mark.parametrize("kind", ["nfs4", "cifs"])
def test_a_network_filesystem_is_said(database: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    mounts = database.with_name("mounts")
    place = str(database.parent).replace(" ", "\\040")
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/share {place} {kind} rw 0 0\ntmpfs /elsewhere tmpfs rw 0 0\n")
    monkeypatch.setattr(sqlite_warnings, "MOUNTS", str(mounts))
    assert filesystem_of(str(database)) == kind
    (sentence,) = warnings_of(str(database), 0)
    assert kind in sentence


def test_triggers_are_said_by_the_open_cache(database: Path) -> None:
    with closing(sqlite3.connect(database)) as made, made:
        made.execute("CREATE TRIGGER t AFTER DELETE ON http_cache BEGIN SELECT 1; END")
    found = get_format("sqlite-table")
    options = read_options(found.options, {"table": "http_cache"})
    target = Target(str(database), "sqlite-table", {"table": "http_cache"})
    with closing(found.adapter_class().open(target, options, writable=True)) as adapter:
        assert adapter.warnings == ("The table has 1 trigger of the application; they run with every removal.",)
