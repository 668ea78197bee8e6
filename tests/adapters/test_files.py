"""Removing and restoring files against races, links, hostile names and kills."""

import errno
import fcntl
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from keeping import MemoryKeep

from cache_studio.adapters import file_copies, files
from cache_studio.adapters.base import EntryCopy
from cache_studio.adapters.file_copies import (
    Copier,
    FileCopy,
    Outcome,
    abandoned,
    is_present,
    put_back_leftovers,
    remove_copied,
    removing_in,
    restore_file,
)
from cache_studio.adapters.files import Folder, NoRegularFile, stamp_of, unavailable
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, WrongFormat
from cache_studio.model.seeing import Fate, Return


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Folder]:
    """An open folder in which a test writes."""
    (tmp_path / "cache").mkdir()
    with Folder.open(str(tmp_path / "cache")) as folder:
        yield folder


def put(root: Folder, name: str, content: bytes = b"value") -> Path:
    """Write a file as an application does."""
    path = Path(root.path) / name
    path.write_bytes(content)
    return path


def copy_of(root: Folder, name: str, keep: MemoryKeep | None = None) -> FileCopy:
    """A copy of a file as it is now."""
    copy = Copier(keep or MemoryKeep()).take(root, (name,), stamp_of(root.status(name)))
    assert isinstance(copy, FileCopy)
    return copy


def entry_of(copy: FileCopy) -> EntryCopy:
    """The copy as the trash has it."""
    return EntryCopy("key", "", copy.length, copy.pack(), b"id")


def test_a_folder_says_why_it_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CacheUnavailable, match="no "):
        Folder.open(str(tmp_path / "absent"))
    with pytest.raises(WrongFormat):
        Folder.open(str(tmp_path / "file"))
    with pytest.raises(CacheUnavailable, match="NUL"):
        Folder.open("a\0b")
    assert "may not be read" in unavailable("x", PermissionError(13, "no")).message


@pytest.mark.parametrize("by_descriptor", [files.BY_DESCRIPTOR, False])
def test_stamps_of_many_are_those_of_each(
    root: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_descriptor: bool
) -> None:
    monkeypatch.setattr(files, "BY_DESCRIPTOR", by_descriptor)
    inside = Path(root.path)
    (inside / "a").write_text("1")
    (inside / "below").mkdir()
    (inside / "below" / "b").write_text("2")
    (inside / "link").symlink_to("a")
    names = ["a", "gone", "link", "below/b", "x\0y", "..", "a"]
    expected = stamp_of((inside / "a").lstat())
    found = root.stamps(names)
    assert (found[0], found[6], found[2]) == (expected, expected, stamp_of((inside / "link").lstat()))
    assert [found[1], *found[3:5]] == [files.NO_STAMP] * 3


def test_only_regular_files_are_opened(root: Folder, tmp_path: Path) -> None:
    put(root, "file")
    os.symlink(put(root, "outside"), Path(root.path) / "link")
    os.mkfifo(Path(root.path) / "pipe")
    (Path(root.path) / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        before = os.getcwd()
        os.chdir(root.path)  # the path of a socket may not be long
        server.bind("socket")
        os.chdir(before)
    for name in ("link", "pipe", "folder", "socket"):
        with pytest.raises(NoRegularFile):
            root.open_file(name)
    with pytest.raises(FileNotFoundError):
        root.open_file("absent")
    for name in ("../cache/file", "..", ".", "", "a/b", "a\0b"):
        with pytest.raises((ValueError, OSError, NoRegularFile)):
            root.open_file(name)
        with pytest.raises(ValueError, match="no file name"):
            root.unlink(name)
    assert root.read("file")[0] == b"value"


@pytest.mark.parametrize("name", ["plain", "bad\udcff\n", "x" * 255, "ü" * 127, "<b>\u202e"])
def test_remove_and_restore_any_name(root: Folder, name: str) -> None:
    path = put(root, name)
    os.utime(path, ns=(1_500_000_000_123_456_789, 1_600_000_000_987_654_321))
    path.chmod(0o640)
    copy = copy_of(root, name)
    assert remove_copied(root, copy) == Outcome(Fate.REMOVED, 5)
    assert os.listdir(root.path) == []
    assert not is_present(root, copy)
    assert restore_file(root, entry_of(copy), MemoryKeep()).fate is Return.RESTORED
    status = path.stat()
    assert (path.read_bytes(), status.st_mtime_ns, status.st_mode & 0o777) == (
        b"value",
        1_600_000_000_987_654_321,
        0o640,
    )
    assert os.listdir(root.path) == [name]
    assert is_present(root, copy)


@pytest.mark.parametrize("name", ["plain", "x" * 255])
def test_a_file_that_is_replaced_in_the_last_moment_survives(
    root: Folder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, name)
    copy = copy_of(root, name)
    real = Folder.rename

    def write_first(folder: Folder, old: str, other: Folder, new: str) -> None:
        put(root, name, b"newer value")
        real(folder, old, other, new)

    monkeypatch.setattr(Folder, "rename", write_first)
    assert remove_copied(root, copy).fate is Fate.CHANGED
    assert root.read(name)[0] == b"newer value"
    assert os.listdir(root.path) == [name]


def test_the_same_time_and_length_is_no_proof(root: Folder) -> None:
    path = put(root, "key", b"value")
    status = path.stat()
    copy = copy_of(root, "key")
    path.write_bytes(b"VALUE")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert remove_copied(root, copy).fate is Fate.CHANGED
    assert path.read_bytes() == b"VALUE"


def test_what_is_put_back_never_replaces_a_newer_one(root: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "key")
    copy = copy_of(root, "key")
    real = file_copies._is_as_copied

    def newest_meanwhile(folder: Folder, name: str, as_copied: FileCopy) -> bool:
        real(folder, name, as_copied)
        put(root, "key", b"newest")
        return False

    monkeypatch.setattr(file_copies, "_is_as_copied", newest_meanwhile)
    assert remove_copied(root, copy).fate is Fate.CHANGED
    assert root.read("key")[0] == b"newest"
    assert os.listdir(root.path) == ["key"]


@pytest.mark.parametrize("failing", ["_is_as_copied", "unlink"])
def test_what_cannot_be_removed_stays_under_its_name(
    root: Folder, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    put(root, "key")
    copy = copy_of(root, "key")

    def fails(*_arguments: object, **_named: object) -> bool:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os if failing == "unlink" else file_copies, failing, fails)
        assert remove_copied(root, copy) == Outcome(Fate.FAILED, reason="It cannot be removed: Input/output error.")
        assert is_present(root, copy)
    put_back_leftovers(root, [root])
    assert os.listdir(root.path) == ["key"]


def test_an_application_that_rewrites_all_the_time_loses_nothing(root: Folder) -> None:
    """Each value that is gone from the folder was copied before, or replaced by the application itself."""
    stop = threading.Event()
    last = 0

    def application() -> None:
        nonlocal last
        while not stop.is_set() and last < 3000:
            root.replace("key", str(last + 1).encode())
            last += 1

    writer = threading.Thread(target=application)
    root.replace("key", b"0")
    writer.start()
    removed: list[int] = []
    deadline = time.monotonic() + 3
    while writer.is_alive() and time.monotonic() < deadline:
        try:
            keep = MemoryKeep()
            copy = Copier(keep).take(root, ("key",), stamp_of(root.status("key")))
        except FileNotFoundError:
            continue
        if isinstance(copy, FileCopy) and remove_copied(root, copy).fate is Fate.REMOVED:
            assert copy.content is not None
            removed.append(int(copy.content))
    stop.set()
    writer.join(10)
    assert last in removed or root.read("key")[0] == str(last).encode()


def test_a_folder_swapped_for_a_link_leads_nowhere(root: Folder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "key").write_bytes(b"precious")
    (Path(root.path) / "ns").mkdir()
    (Path(root.path) / "ns" / "key").write_bytes(b"value")
    with root.below("ns") as folder:
        copy = Copier(MemoryKeep()).take(folder, ("ns", "key"), stamp_of(folder.status("key")))
        assert isinstance(copy, FileCopy)
        os.rename(Path(root.path) / "ns", tmp_path / "moved")
        os.symlink(outside, Path(root.path) / "ns")
        assert remove_copied(folder, copy).fate is Fate.REMOVED
    assert (outside / "key").read_bytes() == b"precious"
    with pytest.raises(OSError):  # noqa: PT011 - ELOOP or ENOTDIR, by system
        root.below("ns")
    assert restore_file(root, entry_of(copy), MemoryKeep()).fate is Return.FAILED
    assert os.listdir(outside) == ["key"]


def test_large_files_travel_as_files(root: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_copies, "COMPARED", 1000)
    monkeypatch.setattr(file_copies, "INLINE_TOTAL", 1500)
    keep = MemoryKeep()
    copier = Copier(keep)
    copies: list[FileCopy] = []
    for name, length in (("small", 900), ("second", 900), ("large", 5000)):
        put(root, name, name[:1].encode() * length)
        copy = copier.take(root, (name,), stamp_of(root.status(name)))
        assert isinstance(copy, FileCopy)
        copies.append(copy)
    assert [copy.content is None for copy in copies] == [False, True, True]
    assert [len(content) for content in keep.files.values()] == [900, 5000]
    for copy in copies:
        assert remove_copied(root, copy).fate is Fate.REMOVED
        assert restore_file(root, entry_of(copy), keep).fate is Return.RESTORED
        assert is_present(root, copy)
    assert {name: len(root.read(name)[0]) for name in os.listdir(root.path)} == {
        "small": 900,
        "second": 900,
        "large": 5000,
    }


def test_damaged_copies_are_refused(root: Folder) -> None:
    put(root, "key")
    copy = copy_of(root, "key")
    remove_copied(root, copy)
    entry = entry_of(copy)
    for data in (b"", entry.data[:-10], entry.data.replace(b"value", b"VALUE")):
        answer = restore_file(root, EntryCopy("key", "", 5, data, b"id"), MemoryKeep())
        assert (answer.fate, "damaged" in answer.reason) == (Return.FAILED, True)
    assert os.listdir(root.path) == []
    with pytest.raises(CacheStudioError):
        FileCopy.unpack(b"\xc1")


def test_gone_changed_and_hard_linked(root: Folder) -> None:
    path = put(root, "key")
    copy = copy_of(root, "key")
    os.link(path, Path(root.path) / "twin")
    assert remove_copied(root, copy) == Outcome(Fate.REMOVED, 0)  # nothing is freed while the twin lives
    assert remove_copied(root, copy) == Outcome(Fate.GONE)
    assert Copier(None).take(root, ("key",), (1, 2, 3)) == Outcome(Fate.GONE)
    assert Copier(None).take(root, ("twin",), (1, 2, 3)) == Outcome(Fate.CHANGED)


@pytest.mark.parametrize("name", ["key.json", "x" * 255])
def test_what_a_kill_left_hidden_gets_its_name_back(root: Folder, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, name)
    copy = copy_of(root, name)

    class Killed(BaseException):
        pass

    def killed(*_arguments: object) -> bool:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(file_copies, "_is_as_copied", killed)
        with pytest.raises(Killed):
            remove_copied(root, copy)
    hidden = root.hidden_names()
    assert len(hidden) == 1
    assert not hidden[0].endswith(".json")
    assert [entry.name for entry in root.walk()] == []
    with removing_in(root), Folder.open(root.path) as other:
        assert put_back_leftovers(other, [other]) == 0  # somebody is at work
    assert put_back_leftovers(root, [root]) == 1
    assert os.listdir(root.path) == [name]
    assert is_present(root, copy)


def test_a_leftover_does_not_replace_a_newer_one(root: Folder) -> None:
    put(root, ".cs-0011aabb~key~", b"old")
    put(root, "key", b"newer")
    put(root, ".cs-0011aabb.new", b"being written")
    assert put_back_leftovers(root, [root]) == 1
    assert sorted(os.listdir(root.path)) == [".cs-0011aabb.new", "key"]
    assert root.read("key")[0] == b"newer"


def test_half_written_files_are_left_to_their_writer_for_a_while(root: Folder) -> None:
    path = put(root, ".cs-0011aabb.new", b"half")
    changed = path.stat().st_ctime
    assert abandoned(root, changed + 1) == []
    assert abandoned(root, changed + 3600) == [(".cs-0011aabb.new", 4)]


def test_replacing_is_all_or_nothing(root: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "key", b"old")

    def full(_descriptor: int, _content: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            root.replace("key", b"new")
    assert os.listdir(root.path) == ["key"]
    assert root.read("key")[0] == b"old"


def test_a_strangers_lock_does_not_hold_us(root: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_copies, "_LOCK_ATTEMPTS", 2)
    with Folder.open(root.path) as other:
        assert other.descriptor is not None
        fcntl.flock(other.descriptor, fcntl.LOCK_EX)
        with removing_in(root):
            pass
