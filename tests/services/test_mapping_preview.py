"""Ten rows of what a mapping would list, and the file in which it is shared."""

import math
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from cache_studio.config.project import FILE_NAME
from cache_studio.model.errors import BadRequest, WrongFormat
from cache_studio.model.targets import Target
from cache_studio.services.mapping_preview import preview, share
from cache_studio.services.proposals import choose, parse, propose

NOW = round(time.time())


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A table whose columns nobody would guess."""
    path = tmp_path / "data" / "app.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE blobs (who TEXT PRIMARY KEY, what BLOB, gone_by INTEGER, seen INTEGER)")
        made.executemany(
            "INSERT INTO blobs VALUES (?, ?, ?, ?)",
            [(f"key {n:02}", f"value {n}".encode() if n else b"\x80\x04", NOW + n, n) for n in range(25)],
        )
    return path


def mapped(database: Path, **options: str) -> Target:
    chosen = {"table": "blobs", "key": "who", "value": "what"} | options
    return Target(str(database), "sqlite-table", chosen)


def test_ten_rows_as_the_mapping_says(database: Path) -> None:
    rows = preview(mapped(database, expires="gone_by", hits="seen"))
    assert [row.key for row in rows] == [f"key {n:02}" for n in range(10)]
    assert [row.expires for row in rows] == [NOW + n for n in range(10)]
    assert [row.hits for row in rows] == list(range(10))
    assert [row.value for row in rows[:2]] == ["2 bytes", "value 1"]
    assert math.isnan(rows[0].created)


def test_another_mapping_shows_other_rows(database: Path) -> None:
    assert all(math.isnan(row.expires) for row in preview(mapped(database)))
    assert preview(mapped(database, key="gone_by"))[0].key == str(NOW)


def test_a_column_that_is_not_there_is_a_sentence(database: Path) -> None:
    with pytest.raises((BadRequest, WrongFormat)) as raised:
        preview(mapped(database, key="nothing"))
    assert raised.value.message


def test_looking_changes_nothing(database: Path) -> None:
    before = (database.read_bytes(), database.stat().st_mtime_ns)
    preview(mapped(database))
    assert (database.read_bytes(), database.stat().st_mtime_ns) == before
    assert [path.name for path in database.parent.iterdir()] == ["app.db"]


def test_what_is_shared_is_picked_up_when_the_folder_or_the_cache_is_opened(database: Path, tmp_path: Path) -> None:
    target = mapped(database, expires="gone_by")
    assert share(target, "Blobs", str(tmp_path)) == str(tmp_path / FILE_NAME)
    for text in (str(tmp_path), str(database)):
        chosen = choose(propose(parse(text))).target
        assert (chosen.location, chosen.format, dict(chosen.options)) == (str(database), target.format, target.options)


def test_several_caches_of_a_project_are_to_be_chosen_from(database: Path, tmp_path: Path) -> None:
    share(mapped(database), "Blobs", str(tmp_path))
    other = tmp_path / "data" / "other.db"
    other.write_bytes(database.read_bytes())
    share(mapped(other), "Others", str(tmp_path))
    proposals = propose(parse(str(tmp_path)))
    assert [proposal.places for proposal in proposals] == [(str(database),), (str(other),)]
    with pytest.raises(BadRequest, match="Several caches lie here"):
        choose(proposals)


def test_a_cache_that_is_gone_and_a_format_that_is_unknown_are_not_proposed(database: Path, tmp_path: Path) -> None:
    share(mapped(database), "Blobs", str(tmp_path))
    share(Target(str(database.parent), "no-such-format", {}), "Odd", str(tmp_path))
    database.unlink()
    with pytest.raises(WrongFormat):
        propose(parse(str(tmp_path)))


def test_a_broken_file_is_said_and_not_passed_over(database: Path, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("[[cache")
    with pytest.raises(WrongFormat, match=r"cache-studio\.toml cannot be read"):
        propose(parse(str(database)))
