"""Files that are moved into the trash instead of being copied: against races, refusals and other filesystems."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from keeping import MemoryKeep

from cache_studio.adapters.base import EntryCopy
from cache_studio.adapters.file_copies import Outcome
from cache_studio.adapters.file_removal import FileRemover
from cache_studio.adapters.files import Folder, stamp_of
from cache_studio.adapters.moving import Berths, GivesFiles, TakesFiles, find_movable, is_back, move_back, unpack_moved
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.seeing import Fate, Return, Seen

TIMES = (1_500_000_000_123_456_789, 1_600_000_000_987_654_321)


class FolderKeep(MemoryKeep, TakesFiles, GivesFiles):
    """A keep with a folder on the filesystem of the test's cache."""

    def __init__(self, place: Path, before_taking: Callable[[], None] | None = None) -> None:
        super().__init__(before_taking)
        place.mkdir()
        self.place = place
        self.folder = Folder.open(str(place))
        self.device = place.stat().st_dev

    def berths(self, device: int, lengths: Sequence[int]) -> Berths | None:
        names = [f"berth-{at}" for at in range(len(lengths))]
        return Berths(self.folder, names, [f"moved/{name}" for name in names]) if device == self.device else None

    def path(self, name: str) -> str:
        return str(self.place / name.rpartition("/")[2])

    def open(self, name: str):
        return super().open(name) if name in self.files else open(self.path(name), "rb")

    def moved(self) -> list[str]:
        return sorted(os.listdir(self.place))


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Folder]:
    """An open folder in which a test writes."""
    (tmp_path / "cache").mkdir()
    with Folder.open(str(tmp_path / "cache")) as folder:
        yield folder


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[FolderKeep]:
    made = FolderKeep(tmp_path / "trash")
    yield made
    made.folder.close()


def put(root: Folder, name: str, content: bytes = b"value") -> Path:
    """Write a file as an application does."""
    path = Path(root.path) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def seen(root: Folder, *names: str) -> list[Seen]:
    """The entries as they are now."""
    return [Seen(name, stamp_of(os.stat(Path(root.path) / name, follow_symlinks=False))) for name in names]


def remover(root: Folder) -> FileRemover:
    return FileRemover(root, lambda one: one.stamp, lambda entry_id: (entry_id, ""))


def fates(outcomes: Sequence[Outcome]) -> list[Fate]:
    return [outcome.fate for outcome in outcomes]


def restored(root: Folder, copy: EntryCopy, keep: FolderKeep) -> Return:
    moved = unpack_moved(copy)
    assert moved is not None
    return move_back(root, moved, keep).fate


@pytest.mark.parametrize("name", ["plain", "bad\udcff\n", "x" * 255, "below/key", "<b>\u202e"])
def test_a_file_of_any_name_goes_and_comes_back_as_it_was(root: Folder, keep: FolderKeep, name: str) -> None:
    path = put(root, name)
    os.utime(path, ns=TIMES)
    path.chmod(0o640)
    before = path.stat()
    assert remover(root).remove(seen(root, name), keep) == [Outcome(Fate.REMOVED, 5)]
    assert not path.exists()
    (copy,) = keep.taken
    assert (copy.key, copy.size, copy.id, keep.moved()) == (name, 5, os.fsencode(name), ["berth-0"])
    assert not is_back(root, unpack_moved(copy))
    assert restored(root, copy, keep) is Return.RESTORED
    assert restored(root, copy, keep) is Return.RESTORED
    after = path.stat()
    assert (after.st_ino, after.st_atime_ns, after.st_mtime_ns, after.st_mode) == (
        before.st_ino,
        *TIMES,
        before.st_mode,
    )
    assert is_back(root, unpack_moved(copy))


def test_nothing_moves_before_its_copy_is_kept(root: Folder, tmp_path: Path) -> None:
    path = put(root, "key")

    def refuse() -> None:
        assert path.exists()
        raise CacheStudioError("The trash is full.")

    keep = FolderKeep(tmp_path / "trash", refuse)
    with pytest.raises(CacheStudioError, match="full"):
        remover(root).remove(seen(root, "key"), keep)
    keep.folder.close()
    assert path.exists()
    assert keep.moved() == []


def test_changed_gone_and_what_must_be_copied(root: Folder, keep: FolderKeep, tmp_path: Path) -> None:
    for name in ("calm", "changed", "gone", "linked", "link"):
        put(root, name)
    os.link(Path(root.path) / "linked", tmp_path / "twin")
    (Path(root.path) / "link").unlink()
    os.symlink(tmp_path / "twin", Path(root.path) / "link")
    entries = seen(root, "calm", "changed", "gone", "linked", "link")
    put(root, "changed", b"another value")
    (Path(root.path) / "gone").unlink()
    outcomes = remover(root).remove(entries, keep)
    assert fates(outcomes) == [Fate.REMOVED, Fate.CHANGED, Fate.GONE, Fate.REMOVED, Fate.FAILED]
    assert [(copy.key, bool(copy.files)) for copy in keep.taken] == [("calm", True), ("linked", False)]
    assert sorted(os.listdir(root.path)) == ["changed", "link"]
    assert (tmp_path / "twin").read_bytes() == b"value"


def test_a_file_of_somebody_else_or_of_another_device_is_not_moved(
    root: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = put(root, "key").stat()
    stamp = stamp_of(status)
    assert find_movable(root, ("key",), stamp, status.st_dev) is not None
    assert find_movable(root, ("key",), stamp, status.st_dev + 1) is None
    monkeypatch.setattr(os, "geteuid", lambda: status.st_uid + 1)
    assert find_movable(root, ("key",), stamp, status.st_dev) is None


@pytest.mark.parametrize("meanwhile", ["file", "link", "folder"])
def test_what_is_replaced_in_the_last_moment_gets_its_name_back(
    root: Folder, keep: FolderKeep, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    path = put(root, "key")
    real = Folder.rename

    def replace_first(folder: Folder, old: str, other: Folder, new: str) -> None:
        if other is keep.folder:
            path.unlink()
            if meanwhile == "folder":
                path.mkdir()
            elif meanwhile == "link":
                path.symlink_to("elsewhere")
            else:
                path.write_bytes(b"newer value")
        real(folder, old, other, new)

    monkeypatch.setattr(Folder, "rename", replace_first)
    assert fates(remover(root).remove(seen(root, "key"), keep)) == [Fate.CHANGED]
    assert keep.moved() == []
    assert {"folder": path.is_dir(), "link": path.is_symlink(), "file": path.is_file()}[meanwhile]


def test_what_cannot_be_looked_at_again_stays(root: Folder, keep: FolderKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(root, "key")
    real = Folder.status

    def fails(folder: Folder, name: str) -> os.stat_result:
        if folder is keep.folder:
            raise OSError(errno.EIO, "Input/output error")
        return real(folder, name)

    monkeypatch.setattr(Folder, "status", fails)
    (outcome,) = remover(root).remove(seen(root, "key"), keep)
    assert outcome == Outcome(Fate.FAILED, reason="It cannot be removed: Input/output error.")
    assert path.read_bytes() == b"value"
    assert keep.moved() == []


def test_where_the_filesystem_refuses_to_move_it_is_copied(
    root: Folder, keep: FolderKeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = Folder.rename, []

    def refuses(folder: Folder, old: str, other: Folder, new: str) -> None:
        if other is keep.folder:
            asked.append(old)
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(folder, old, other, new)

    for name in ("first", "second", "third"):
        put(root, name)
    monkeypatch.setattr(Folder, "rename", refuses)
    removes = remover(root)
    assert fates(removes.remove(seen(root, "first", "second"), keep)) == [Fate.REMOVED, Fate.REMOVED]
    assert fates(removes.remove(seen(root, "third"), keep)) == [Fate.REMOVED]
    assert asked == ["first", "second"]
    assert [(copy.key, bool(copy.files)) for copy in keep.taken[2:]] == [
        (n, False) for n in ("first", "second", "third")
    ]
    assert os.listdir(root.path) == []


def test_a_newer_one_stays(root: Folder, keep: FolderKeep, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(root, "key")
    status = path.stat()
    remover(root).remove(seen(root, "key"), keep)
    put(root, "key", b"VALUE")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert restored(root, keep.taken[0], keep) is Return.NEWER_KEPT
    path.unlink()
    real = os.link

    def written_before(*arguments: str, **named: int) -> None:
        put(root, "key", b"VALUE")
        real(*arguments, **named)

    monkeypatch.setattr(os, "link", written_before)
    assert restored(root, keep.taken[0], keep) is Return.NEWER_KEPT
    assert path.read_bytes() == b"VALUE"
    assert keep.moved() == ["berth-0"]


@pytest.mark.parametrize("error", [OSError(errno.EXDEV, "Invalid cross-device link"), NotImplementedError()])
def test_what_cannot_have_two_names_is_copied_back(
    root: Folder, keep: FolderKeep, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    path = put(root, "key")
    os.utime(path, ns=TIMES)
    path.chmod(0o640)
    remover(root).remove(seen(root, "key"), keep)
    real = os.link

    def refuses(source: str, *arguments: str, **named: int) -> None:
        if source == keep.path("moved/berth-0"):
            raise error
        real(source, *arguments, **named)

    monkeypatch.setattr(os, "link", refuses)
    assert restored(root, keep.taken[0], keep) is Return.RESTORED
    status = path.stat()
    assert (path.read_bytes(), status.st_atime_ns, status.st_mtime_ns, status.st_mode & 0o777) == (
        b"value",
        *TIMES,
        0o640,
    )
    assert os.listdir(root.path) == ["key"]


def test_a_lost_file_is_said(root: Folder, keep: FolderKeep) -> None:
    put(root, "key")
    remover(root).remove(seen(root, "key"), keep)
    (keep.place / "berth-0").unlink()
    moved = unpack_moved(keep.taken[0])
    assert moved is not None
    assert move_back(root, moved, keep).fate is Return.FAILED
    assert os.listdir(root.path) == []


def test_other_copies_and_damaged_ones_are_not_taken_for_moved(root: Folder, keep: FolderKeep) -> None:
    put(root, "key")
    remover(root).remove(seen(root, "key"), keep)
    (copy,) = keep.taken
    for data, files in ((copy.data, ()), (b"\x99\x01", copy.files), (copy.data[:-1], copy.files)):
        assert unpack_moved(EntryCopy("key", "", 5, data, b"key", files)) is None
