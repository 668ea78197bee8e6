"""A bounded look that follows nothing and waits for nothing."""

import os
from pathlib import Path

import pytest

from cache_studio.adapters import sight as sight_module
from cache_studio.adapters.sight import HEAD_BYTES, Sight


def test_kinds(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    os.mkfifo(tmp_path / "pipe")
    os.symlink(tmp_path / "file", tmp_path / "link")
    kinds = {name: Sight(str(tmp_path / name)).kind for name in ("", "file", "pipe", "link", "absent")}
    assert kinds == {"": "folder", "file": "file", "pipe": "other", "link": "file", "absent": "missing"}
    assert Sight("nul\0").kind == "missing"
    assert Sight(str(tmp_path / "pipe")).head == b""


def test_names_are_sorted_and_links_left_out(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).write_bytes(b"")
        (tmp_path / f"folder-{name}").mkdir()
    os.symlink(tmp_path / "a", tmp_path / "link")
    os.symlink(tmp_path, tmp_path / "folder-link")
    found = Sight(str(tmp_path))
    assert (found.files, found.folders) == (["a", "b"], ["folder-a", "folder-b"])
    assert found.below("a").kind == "file"
    assert found.below("link").kind == "missing"
    assert Sight(str(tmp_path / "a")).files == []


def test_what_was_found_out_is_not_found_out_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    asked = []

    def length(sight: Sight) -> int:
        asked.append(sight.name)
        return len(sight.head)

    folder = Sight(str(tmp_path))
    assert [folder.below("a").once(length), folder.below("a").once(length), folder.once(length)] == [3, 3, 0]
    assert asked == ["a", tmp_path.name]


def test_looks_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "big").write_bytes(b"{" + b" " * HEAD_BYTES + b"}")
    big = Sight(str(tmp_path / "big"))
    assert (len(big.head), big.size) == (HEAD_BYTES, HEAD_BYTES + 2)
    assert big.object_head() is None
    monkeypatch.setattr(sight_module, "NAMES", 3)
    for number in range(9):
        (tmp_path / f"{number}").write_bytes(b"")
    assert len(Sight(str(tmp_path)).files) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [(b'{"a": 1}', {"a": 1}), (b"[1]", None), (b'{"a"', None), (b"[" * 50_000, None), (b"\xff", None), (b"", None)],
)
def test_only_a_whole_object_is_one(tmp_path: Path, text: bytes, expected: object) -> None:
    (tmp_path / "file").write_bytes(text)
    assert Sight(str(tmp_path / "file")).object_head() == expected


def test_tables_of_no_database(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no database")
    assert Sight(str(tmp_path / "file")).tables == {}
