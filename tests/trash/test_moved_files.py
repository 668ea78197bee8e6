"""Files that were moved into the trash: what of them waits, whatever came between copy, move and answer."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from cache_studio.adapters.base import EntryCopy
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.seeing import Fate, Removal
from cache_studio.trash import pages
from cache_studio.trash.bin import TrashBin
from cache_studio.trash.index import State
from cache_studio.trash.trash import Trash

NOW = 1_790_000_000.0


@pytest.fixture(autouse=True, params=["rows", "pages"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How copies are written: a row each, or all on a page."""
    if request.param == "pages":
        monkeypatch.setattr(pages, "FOLDED_FROM", 1)
    return str(request.param)


@pytest.fixture
def trash(tmp_path: Path) -> Iterator[Trash]:
    opened = Trash(tmp_path / "trash", NOW)
    yield opened
    opened.close()


def begin(trash: Trash) -> TrashBin:
    return trash.begin("clear", "/cache", "folder", {}, "My cache", 3, "command", NOW)


def put(tmp_path: Path, *keys: str) -> list[Path]:
    """The files of a cache."""
    (tmp_path / "cache").mkdir(exist_ok=True)
    paths = [tmp_path / "cache" / key for key in keys]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


def keep(bin: TrashBin, tmp_path: Path, keys: Sequence[str]) -> list[str]:
    """Keep copies that say where their files will be moved; these places."""
    berths = bin.berths((tmp_path / "cache").stat().st_dev, [len(key) for key in keys])
    assert berths is not None
    copies = zip(keys, berths.files, strict=True)
    bin.copies([EntryCopy(key, "", len(key), b"", key.encode(), (file,)) for key, file in copies])
    return [os.path.join(berths.folder.path, name) for name in berths.names]


def present(tmp_path: Path, copies: Sequence[EntryCopy]) -> list[bool]:
    return [(tmp_path / "cache" / copy.key).exists() for copy in copies]


def waiting(trash: Trash, action_id: str) -> list[str]:
    return [copy.key for _, copy in trash.copies(action_id)]


def trash_files(tmp_path: Path) -> list[str]:
    return sorted(path.read_text() for path in (tmp_path / "trash" / "files").rglob("*") if path.is_file())


def test_what_was_moved_waits_and_goes_with_its_copy(tmp_path: Path, trash: Trash) -> None:
    bin = begin(trash)
    for path, place in zip(put(tmp_path, "a", "bb"), keep(bin, tmp_path, ["a", "bb"]), strict=True):
        os.rename(path, place)
    bin.settle_removals([Removal(1, Fate.REMOVED), Removal(2, Fate.REMOVED)], lambda copies: present(tmp_path, copies))
    bin.finish()
    assert waiting(trash, bin.action_id) == ["a", "bb"]
    assert trash.usage() == (2, 3)
    kept = trash.kept(bin.action_id)
    (copy_id, copy), _ = trash.copies(bin.action_id)
    assert Path(kept.path(copy.files[0])).read_bytes() == b"a"
    with kept.open(copy.files[0]) as file:
        assert file.read() == b"a"
    with pytest.raises(CacheStudioError, match="lost"):
        kept.path("another/name")
    trash.waiting.restored([copy_id])
    assert trash_files(tmp_path) == ["bb"]
    assert trash.empty() == (1, 2)
    assert list((tmp_path / "trash" / "files").iterdir()) == []


def test_the_file_tells_whether_an_entry_was_removed(tmp_path: Path, trash: Trash) -> None:
    """Not the cache alone: a changed entry is no longer stored as it was seen, and yet nothing of it was moved."""
    bin = begin(trash)
    paths, places = put(tmp_path, "gone", "changed"), keep(bin, tmp_path, ["gone", "changed"])
    os.rename(paths[0], places[0])
    bin.settle_removals([Removal(1, Fate.REMOVED), Removal(2, Fate.CHANGED)], lambda copies: [False] * len(copies))
    bin.finish()
    assert waiting(trash, bin.action_id) == ["gone"]
    assert (trash.action(bin.action_id).removed, trash.action(bin.action_id).state) == (1, State.DONE)


def test_a_kill_between_two_moves(tmp_path: Path, trash: Trash) -> None:
    bin = begin(trash)
    keys = ["moved", "not reached", "changed"]
    paths, places = put(tmp_path, *keys), keep(bin, tmp_path, keys)
    os.rename(paths[0], places[0])
    bin.finish()  # as good as a kill: nobody said what became of them
    paths[2].unlink()
    (open_action,) = trash.unsettled()
    assert open_action.id == bin.action_id
    trash.enforce_retention(30, 10**9, NOW)
    assert trash_files(tmp_path) == ["moved"]
    action = trash.recover(lambda copies: present(tmp_path, copies), bin.action_id)
    assert (action.removed, action.waiting, action.state) == (1, 1, State.DONE)
    assert waiting(trash, bin.action_id) == ["moved"]
    assert paths[1].exists()


def test_emptying_leaves_files_of_what_is_not_settled(tmp_path: Path, trash: Trash, written: str) -> None:
    bin = begin(trash)
    paths = put(tmp_path, "settled", "open")
    os.rename(paths[0], keep(bin, tmp_path, ["settled"])[0])
    bin.settle_removals([Removal(1, Fate.REMOVED)], lambda copies: [False] * len(copies))
    os.rename(paths[1], keep(bin, tmp_path, ["open"])[0])
    bin.finish()  # as good as a kill: nobody said what became of the second one
    assert trash.empty([bin.action_id]) == (1, 7)
    assert trash_files(tmp_path) == ["open"]
    if written == "pages":
        with closing(sqlite3.connect(tmp_path / "trash" / "index.db")) as index, index:
            index.execute("UPDATE pages SET data=x'00'")  # of a damaged one it is not known which files are its own
        trash.empty([bin.action_id])
        assert trash_files(tmp_path) == ["open"]


def test_copies_of_what_stayed_are_dropped_with_the_names_of_their_files(tmp_path: Path, trash: Trash) -> None:
    bin = begin(trash)
    put(tmp_path, "a", "bb")
    keep(bin, tmp_path, ["a", "bb"])
    bin.settle_removals([Removal(1, Fate.CHANGED), Removal(2, Fate.GONE)], lambda copies: [False] * len(copies))
    bin.finish()
    assert (waiting(trash, bin.action_id), trash.usage()) == ([], (0, 0))
    with closing(sqlite3.connect(tmp_path / "trash" / "index.db")) as index:
        assert index.execute("SELECT name FROM files").fetchall() == []


def test_what_its_application_wrote_to_it_later_is_no_damage(tmp_path: Path, trash: Trash) -> None:
    bin = begin(trash)
    keys = ["written", "lost"]
    paths, places = put(tmp_path, *keys), keep(bin, tmp_path, keys)
    for path, place in zip(paths, places, strict=True):
        os.rename(path, place)
    bin.settle({key.encode(): Fate.REMOVED for key in keys})
    bin.finish()
    Path(places[0]).write_bytes(b"written by who had it open")
    Path(places[1]).unlink()
    assert waiting(trash, bin.action_id) == ["written"]
    assert [key for _, key, _ in trash.damaged(bin.action_id)] == ["lost"]


def test_a_trash_elsewhere_takes_copies_alone(tmp_path: Path, trash: Trash) -> None:
    bin = begin(trash)
    assert bin.berths(tmp_path.stat().st_dev + 1, [1]) is None
    bin.finish()
    assert list((tmp_path / "trash" / "files").iterdir()) == []


def test_a_folder_that_cannot_be_made_durable_takes_nothing(
    tmp_path: Path, trash: Trash, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    bin = begin(trash)
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(CacheStudioError, match="Input/output"):
        bin.berths(tmp_path.stat().st_dev, [1])
    bin.finish()
