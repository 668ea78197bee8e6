"""The file of a project that names its caches."""

import stat
from pathlib import Path

import pytest

from cache_studio.config.project import FILE_NAME, ProjectCache, caches_of, file_of, save
from cache_studio.model.errors import BadRequest, WrongFormat


def written(folder: Path, text: str) -> Path:
    file = folder / FILE_NAME
    file.write_text(text, "utf-8")
    return file


def test_what_is_saved_is_read_again_wherever_the_repository_lies(tmp_path: Path) -> None:
    repository = tmp_path / "one"
    (repository / "data").mkdir(parents=True)
    cache = ProjectCache(str(repository / "data" / "app.db"), "sqlite-table", "Sessions", {"table": "s", "key": "k"})
    save(repository / FILE_NAME, cache)
    assert caches_of(repository / FILE_NAME) == [cache]
    moved = tmp_path / "two"
    repository.rename(moved)
    assert [found.path for found in caches_of(moved / FILE_NAME)] == [str(moved / "data" / "app.db")]
    assert "\\" not in (moved / FILE_NAME).read_text("utf-8")


def test_saving_again_replaces_one_and_keeps_the_others_and_foreign_tables(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        '[tool]\nx = 1\n[[cache]]\npath = "a.db"\nformat = "diskcache"\n[[cache]]\npath = "b.db"\nformat = "x"\n',
    )
    save(file, ProjectCache(str(tmp_path / "a.db"), "sqlite-table", "A"))
    assert [(found.path, found.format) for found in caches_of(file)] == [
        (str(tmp_path / "a.db"), "sqlite-table"),
        (str(tmp_path / "b.db"), "x"),
    ]
    assert "[tool]" in file.read_text("utf-8")


def test_the_file_is_readable_by_others_as_sources_are(tmp_path: Path) -> None:
    save(tmp_path / FILE_NAME, ProjectCache(str(tmp_path / "a.db"), "sqlite-table"))
    file = tmp_path / FILE_NAME
    other = tmp_path / "other"
    other.write_text("")
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
    file.chmod(0o640)
    save(file, ProjectCache(str(tmp_path / "b.db"), "sqlite-table"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize("path", ["../elsewhere.db", "/etc/passwd", "a/../../b", "link/x.db", "a\\u0000b"])
def test_nothing_outside_is_proposed(tmp_path: Path, path: str) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "link").symlink_to(tmp_path)
    file = written(tmp_path / "repository", f'[[cache]]\npath = "{path}"\nformat = "json-file"\n')
    assert caches_of(file) == []


def test_nothing_outside_is_saved(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    with pytest.raises(BadRequest, match="does not lie below"):
        save(tmp_path / "repository" / FILE_NAME, ProjectCache(str(tmp_path / "a.db"), "sqlite-table"))
    assert not (tmp_path / "repository" / FILE_NAME).exists()


@pytest.mark.parametrize(
    "text", ["cache = 5", "[[cache]]\npath = 5\nformat = 'x'", "[[cache]]\nformat = 'x'", "cache = ['a']", ""]
)
def test_what_makes_no_sense_is_left_out(tmp_path: Path, text: str) -> None:
    assert caches_of(written(tmp_path, text)) == []


@pytest.mark.parametrize("content", [b"[[cache", b"\xff\xfe", b"a = " + b"[" * 5_000])
def test_a_broken_file_is_said(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / FILE_NAME
    file.write_bytes(content)
    with pytest.raises(WrongFormat, match=r"cache-studio\.toml cannot be read"):
        caches_of(file)


def test_the_nearest_file_above_speaks(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert file_of(str(deep)) is None
    upper = written(tmp_path, "")
    assert file_of(str(deep / "x.db")) == upper
    nearer = written(tmp_path / "a", "")
    assert file_of(str(deep)) == nearer
