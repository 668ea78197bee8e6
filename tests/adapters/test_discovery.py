"""Finding caches below folders, by their signature and by nothing else."""

import json
import os
import sqlite3
import subprocess
import sys
import sysconfig
from contextlib import closing
from pathlib import Path

import pytest
from layout_trees import TREES

from cache_studio.adapters import discovery
from cache_studio.adapters.base import HASHED, NOT_RECOGNISED, Format, Recognition
from cache_studio.adapters.discovery import Marks, walk
from cache_studio.adapters.registry import all_formats
from cache_studio.adapters.sight import Sight

_WATCHED = """
import os, sys
wrote, opened = [], []
def heard(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        opened.append(path)
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            wrote.append(path)
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.truncate", "os.utime", "socket.connect"):
        wrote.append((event, arguments))
from cache_studio.adapters.discovery import walk
list(walk([]))
sys.addaudithook(heard)
found = list(walk(sys.argv[1:]))
print(len(found), [path for path in wrote if str(path).startswith(sys.argv[1])])
"""


def found_in(*folders: Path) -> set[tuple[str, str]]:
    """Format and name of what a walk finds."""
    return {(found["format"], Path(found["target"]).name) for found in walk([str(folder) for folder in folders])}


@pytest.mark.parametrize("format_name", sorted(TREES))
def test_each_layout_is_found_where_it_lies_deep(tmp_path: Path, format_name: str) -> None:
    place = tmp_path / "home" / "run" / "dev" / "project"
    place.mkdir(parents=True)
    TREES[format_name](place)
    found = list(walk([str(tmp_path)]))
    assert format_name in {one["format"] for one in found}
    assert all(one["volume"] for one in found)


def test_every_format_of_paths_that_can_be_sure_says_where_to_look() -> None:
    unmarked = {known.name for known in all_formats() if not known.schemes and not known.marks}
    # The first is never sure; the others are tables of keys that are a cache only if somebody says so.
    assert unmarked <= {"json-table", "dbm", "dbm-sqlite", "sqlitedict"}


def test_links_are_not_followed(tmp_path: Path) -> None:
    TREES["json-directory"](tmp_path / "outside")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "linked").symlink_to(tmp_path / "outside")
    assert found_in(tmp_path / "here") == set()


def test_nothing_is_written_or_reached(tmp_path: Path) -> None:
    for name, make in TREES.items():
        (tmp_path / name).mkdir()
        make(tmp_path / name)
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    count, _, wrote = done.stdout.strip().partition(" ")
    assert int(count) >= len(TREES)
    assert wrote == "[]"
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_folder_without_rights_is_passed_by(tmp_path: Path) -> None:
    TREES["json-directory"](tmp_path / "b")
    (tmp_path / "a").mkdir()
    scandir = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "a":
            raise PermissionError(path)
        return scandir(path)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(discovery.os, "scandir", refusing)
        assert {name for name, _ in found_in(tmp_path)} == {"json-directory"}


def test_what_python_is_made_of_is_no_cache() -> None:
    library = sysconfig.get_paths()["stdlib"]
    assert list(walk([library])) == []


def test_what_packages_bring_is_no_cache(tmp_path: Path) -> None:
    package = {"name": "left", "version": "1.0.0", "scripts": {"date": "echo"}}
    texts: dict[str, object] = {
        "app/package.json": package,
        "app/tsconfig.json": {"compilerOptions": {"target": "es2022", "strict": True}, "include": ["src"]},
        "app/package-lock.json": {"lockfileVersion": 3, "packages": {"": package, "node_modules/left": package}},
        "app/lib/locales/en.json": {"created": "Created", "expires": {"one": "Expires", "date": "Expires on"}},
        "lib/modules/left/package.json": package,
        "lib/python3/direct_url.json": {"url": "https://example.org", "dir_info": {"editable": True}},
        "lib/data/zones.json": [{"name": "Europe/Vienna", "date": "x", "offset": 3600}],
        "lib/data/schema.json": {"properties": {"created_at": {"type": "string"}, "ttl": {"type": "number"}}},
    }
    for name, value in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(value, indent=2))
    with closing(sqlite3.connect(tmp_path / "lib" / "data" / "places.db")) as database, database:
        database.execute("CREATE TABLE places (id INTEGER PRIMARY KEY, name TEXT, created INTEGER)")
        database.execute("INSERT INTO places VALUES (1, 'Vienna', 1700000000)")
    (tmp_path / "lib" / "data" / "empty.db").touch()
    (tmp_path / "lib" / "http").mkdir()
    for skipped in ("app/node_modules/x", "lib/python3/site-packages/x"):
        (tmp_path / skipped).mkdir(parents=True)
        TREES["json-directory"](tmp_path / skipped)
    assert list(walk([str(tmp_path)])) == []


def test_a_format_is_asked_only_where_one_of_its_marks_is(tmp_path: Path) -> None:
    asked: list[tuple[str, str]] = []

    def format_of(name: str, *marks: str) -> Format:
        def recognise(sight: Sight) -> Recognition:
            asked.append((name, sight.name))
            return NOT_RECOGNISED

        return Format(name, name, (), recognise, "", marks=marks)

    formats = [
        format_of("database", "*.db"), format_of("named", ".cachier"), format_of("member", "*/cache.db"),
        format_of("ending", "*/*.djcache"), format_of("hashes", HASHED),
    ]  # fmt: skip
    marks = Marks(formats)
    for path in ("a/x.db", "a/cache.db", "b/1.djcache", f"c/{'0f' * 16}", "d/.cachier/x", "e/plain.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(discovery, "all_formats", lambda: formats)
        assert list(walk([str(tmp_path)])) == []
    assert asked == [
        ("member", "a"), ("database", "cache.db"), ("database", "x.db"), ("ending", "b"), ("hashes", "c"),
        ("named", ".cachier"),
    ]  # fmt: skip
    assert [known.name for known in marks.of_file("x.db")] == ["database"]


def test_the_volume_of_a_huge_cache_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    TREES["json-directory"](tmp_path)
    monkeypatch.setattr(discovery, "VOLUME_SECONDS", -1.0)
    assert [found["volume"] for found in walk([str(tmp_path)])] == [None]
