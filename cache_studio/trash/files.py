"""The files of the trash: written under random names, proved whole, made durable, and taken away again."""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from cache_studio.adapters.files import BY_DESCRIPTOR, Folder
from cache_studio.adapters.moving import GivesFiles
from cache_studio.config.files import sync_folder
from cache_studio.config.paths import private_folder
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.units import format_size
from cache_studio.trash.index import MOVED, KeptFile, is_moved

RESERVE = 64_000_000
"""Bytes of the disk that the trash leaves free."""
_CHUNK = 1 << 20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FileFolder:
    """A folder of copied files, one folder below it for each action."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def require_room(self, length: int) -> None:
        """Raise CacheStudioError when so many bytes would leave less than RESERVE free."""
        free = self.free_bytes()
        if length + RESERVE > free:
            raise CacheStudioError(
                f"There is no room to keep {format_size(length)} for undo: {format_size(free)} are free.",
                "Empty the trash or free some space, or remove without undo.",
            )

    def free_bytes(self) -> int:
        """What the disk of the trash has free."""
        return shutil.disk_usage(private_folder(self._root)).free

    def take(self, action_id: str, descriptor: int, length: int) -> KeptFile:
        """Copy `length` bytes from the beginning of an open file. Durable after `sync`; raises CacheStudioError."""
        self.require_room(length)
        folder = private_folder(self._root / action_id)
        name = uuid.uuid4().hex
        try:
            target = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(target, "wb", buffering=0) as file:
                digest = _copy(descriptor, file, length)
        except OSError as error:
            self.remove([f"{action_id}/{name}"])
            raise _cannot_keep(error) from error
        except CacheStudioError:
            self.remove([f"{action_id}/{name}"])
            raise
        return KeptFile(f"{action_id}/{name}", length, digest)

    def berth_folder(self, action_id: str, device: int) -> Folder | None:
        """The folder of an action, open and durable, so that files of `device` can be moved there; None on another."""
        root = private_folder(self._root)
        try:
            if not BY_DESCRIPTOR or root.stat().st_dev != device:
                return None
            folder = private_folder(root / action_id)
            sync_folder(root)
        except OSError as error:
            raise _cannot_keep(error) from error
        return Folder.open(str(folder))

    def sync(self, files: Iterable[KeptFile]) -> None:
        """Make these files durable and see that each has its length; raises CacheStudioError, never tries twice."""
        folders, copied_in = set(), set()
        try:
            for kept in files:
                folder = kept.name.rpartition("/")[0]
                folders.add(folder)
                if is_moved(kept.name):
                    continue  # it comes later, as durable as its application made it
                copied_in.add(folder)
                with self._path(kept.name).open("rb") as file:
                    os.fsync(file.fileno())
                    if os.fstat(file.fileno()).st_size != kept.length:
                        raise CacheStudioError("A copy in the trash is not complete.", "Check the disk of the trash.")
            for folder in folders:
                sync_folder(self._path(folder))
            for folder in copied_in:
                sync_folder(self._path(folder).parent)
        except OSError as error:
            raise _cannot_keep(error) from error

    def open(self, name: str) -> BinaryIO:
        """A kept file for reading; raises CacheStudioError when it is gone."""
        try:
            return self._path(name).open("rb")
        except OSError as error:
            raise CacheStudioError(f"A copy in the trash cannot be read: {error.strerror}.") from error

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return os.path.lexists(f"{self._root}/{name}")

    def path(self, name: str) -> str:
        """Where the file lies."""
        return str(self._path(name))

    def is_intact(self, kept: KeptFile) -> bool:
        """Whether the file is what was written, read from end to end; one that was moved is whatever it is."""
        if is_moved(kept.name):
            return self.has(kept.name)
        try:
            with self._path(kept.name).open("rb") as file:
                return hashlib.file_digest(file, _hash).digest() == kept.digest
        except OSError:
            return False

    def remove(self, names: Iterable[str]) -> None:
        """Take files away, and folders that are empty then; what is gone already is no fault."""
        folders = set()
        root = os.fspath(self._root)
        for name in names:
            folders.add(name.rpartition("/")[0])
            with suppress(OSError):
                os.unlink(f"{root}/{name}")
        for folder in folders:
            with suppress(OSError):
                self._path(folder).rmdir()

    def remove_strays(self, action_id: str, known: Collection[str]) -> None:
        """Take away files of an action that no copy names: a kill came between file and copy."""
        folder = self._root / action_id
        try:
            found = [f"{action_id}/{name}" for name in os.listdir(folder)]
        except FileNotFoundError:
            return
        self.remove(name for name in found if name not in known)
        with suppress(OSError):
            folder.rmdir()

    def remove_folder(self, action_id: str) -> None:
        """Take away everything of an action."""
        shutil.rmtree(self._root / action_id, ignore_errors=True)

    def action_ids(self) -> list[str]:
        """The actions that have a folder."""
        with suppress(FileNotFoundError):
            return os.listdir(self._root)
        return []

    def changed_at(self, action_id: str) -> float:
        """When the folder of an action was changed last; 0 when it is gone."""
        with suppress(OSError):
            return (self._root / action_id).stat().st_mtime
        return 0.0

    def _path(self, name: str) -> Path:
        return self._root / name


def free_names(count: int) -> list[str]:
    """Names for files that are moved here, which nothing has yet."""
    page = uuid.uuid4().hex
    return [f"{MOVED}{page}-{at}" for at in range(count)]


class KeptFiles(GivesFiles):
    """The files of one action (`adapters.base.Kept`)."""

    def __init__(self, folder: FileFolder, names: frozenset[str]) -> None:
        self._folder = folder
        self._names = names

    def open(self, name: str) -> BinaryIO:
        """The file, open for reading; raises CacheStudioError when this action has none of that name."""
        return self._folder.open(self._known(name))

    def path(self, name: str) -> str:
        """Where the file lies; raises CacheStudioError when this action has none of that name."""
        return self._folder.path(self._known(name))

    def _known(self, name: str) -> str:
        if name not in self._names:
            raise CacheStudioError("A copy in the trash has lost its file.", "The other entries can be brought back.")
        return name


def _hash() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16)


def _copy(descriptor: int, target: BinaryIO, length: int) -> bytes:
    """Copy and hash; the place in the source's file is as it was before."""
    hashed = _hash()
    place = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, 0, os.SEEK_SET)
    left = length
    while left:
        chunk = os.read(descriptor, min(_CHUNK, left))
        if not chunk:
            raise CacheStudioError("The entry became shorter while it was copied.", "Refresh and try again.")
        hashed.update(chunk)
        written = 0
        while written < len(chunk):
            written += target.write(chunk[written:])
        left -= len(chunk)
    os.lseek(descriptor, place, os.SEEK_SET)
    return hashed.digest()


def _cannot_keep(error: OSError) -> CacheStudioError:
    if error.errno in _NO_ROOM:
        return CacheStudioError(
            f"There is no room left to keep copies for undo: {error.strerror}.",
            "Empty the trash or free some space, or remove without undo.",
        )
    return CacheStudioError(
        f"Copies for undo cannot be kept: {error.strerror}.", "Check the disk and the rights of the trash folder."
    )
