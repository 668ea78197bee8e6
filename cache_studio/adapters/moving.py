"""Removing a file by moving it into the trash of its own filesystem: the file itself is the copy.

Nothing is read, written or made durable a second time. The order is that of every removal: the stamp is compared,
what is needed to bring it back is durable in the trash, the file moves, and it is looked at where it lies then. What
its application replaced in that very moment goes back, never over a newer one. A copy whose file never came was
interrupted before the file moved: its entry is where it was (`TakesFiles`).
"""

import errno
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import msgpack
import msgspec

from cache_studio.adapters.base import EntryCopy, Kept
from cache_studio.adapters.file_copies import NEWER, FileCopy, Outcome, give_name_back, put_back, restore_copy
from cache_studio.adapters.files import Folder, stamp_of
from cache_studio.model.identity import Stamp
from cache_studio.model.seeing import Fate, Restoration, Return

_VERSION = 2
_PACKED = b"\x95\x02"
"""How a packed one begins: five values, the first its version."""
NOT_HERE = Outcome(Fate.FAILED, reason="The file cannot be moved into the trash.")
"""The filesystem refuses to move a file that it seemed to have together with the trash: it must be copied."""
_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOENT)
"""It is copied then; where it is gone, that says so."""


class Berths(NamedTuple):
    """Where files may be moved."""

    folder: Folder
    """Open, and on their filesystem; it belongs to the `Keep`."""
    names: Sequence[str]
    """Names in it that are free."""
    files: Sequence[str]
    """The same for `EntryCopy.files`."""


class TakesFiles(ABC):
    """What a `Keep` is, too, when a file of its own filesystem becomes a copy by being moved there."""

    @abstractmethod
    def berths(self, device: int, lengths: Sequence[int]) -> Berths | None:
        """Where files of these lengths may be moved once `copies` has taken what names them; None on another device.

        A copy whose file did not come is dropped as if it had not been taken.
        """


class GivesFiles(ABC):
    """What a `Kept` is, too, when it has files that were moved there."""

    @abstractmethod
    def path(self, name: str) -> str:
        """Where the file lies; CacheStudioError for a name that it does not have."""


class MovedFile(msgspec.Struct, frozen=True, gc=False):
    """A file that is moved as it is, with all that it has: inode, times, mode, owner."""

    parts: tuple[str, ...]
    """Names from the cache's folder down."""
    stamp: Stamp
    berth: str = ""
    """Its name in the folder of `Berths`."""
    kept: str = ""
    """The same for `EntryCopy.files`."""

    @property
    def length(self) -> int:
        """Bytes of the file."""
        return self.stamp[2]

    def pack(self) -> bytes:
        """As bytes for `EntryCopy.data`."""
        packed: bytes = msgpack.packb((_VERSION, os.fsencode("/".join(self.parts)), *self.stamp))
        return packed


def unpack_moved(copy: EntryCopy) -> MovedFile | None:
    """What was moved; None for a copy of another kind, or one that is damaged."""
    if not copy.data.startswith(_PACKED) or len(copy.files) != 1:
        return None
    try:
        _version, path, inode, changed, length = msgpack.unpackb(copy.data)
        return MovedFile(tuple(os.fsdecode(path).split("/")), (inode, changed, length), kept=copy.files[0])
    except (ValueError, TypeError, msgpack.UnpackException):
        return None


def find_movable(folder: Folder, parts: tuple[str, ...], stamp: Stamp, device: int) -> MovedFile | Outcome | None:
    """The file, if it may be moved to a folder on `device`; why it stays, or None where it must be copied.

    A file with a second name would still be written through that one; one of somebody else, or that its owner may not
    read, could not be brought back.
    """
    try:
        status = folder.status(parts[-1])
    except FileNotFoundError:
        return Outcome(Fate.GONE)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    if stamp_of(status) != stamp:
        return Outcome(Fate.CHANGED)
    user = os.geteuid()
    readable = user == 0 or (status.st_uid == user and status.st_mode & stat.S_IRUSR)
    return MovedFile(parts, stamp) if readable and status.st_nlink == 1 and status.st_dev == device else None


def move_away(folder: Folder, moved: MovedFile, berths: Folder) -> Outcome:
    """Move the file to its berth if it still is what was seen; NOT_HERE where the filesystem refuses to."""
    name = moved.parts[-1]
    try:
        if stamp_of(folder.status(name)) != moved.stamp:
            return Outcome(Fate.CHANGED)
        folder.rename(name, berths, moved.berth)
    except FileNotFoundError:
        return Outcome(Fate.GONE)
    except OSError as error:
        return NOT_HERE if error.errno == errno.EXDEV else _failed(error)
    try:
        status = berths.status(moved.berth)
        if stamp_of(status) == moved.stamp and status.st_nlink == 1:
            return Outcome(Fate.REMOVED, moved.length)
        give_name_back(folder, berths, moved.berth, name)
    except OSError as error:
        with suppress(OSError):  # it stays, so it must be seen; the first error is the reason
            give_name_back(folder, berths, moved.berth, name)
        return _failed(error)
    return Outcome(Fate.CHANGED)


def _failed(error: OSError) -> Outcome:
    return Outcome(Fate.FAILED, reason=f"It cannot be removed: {error.strerror}.")


def is_back(root: Folder, moved: MovedFile) -> bool:
    """Whether that very file lies there as it was: its inode, too, for nothing else is known of its content."""
    try:
        with root.holding(moved.parts) as folder:
            return stamp_of(folder.status(moved.parts[-1])) == moved.stamp
    except (OSError, ValueError):
        return False


def move_back(root: Folder, moved: MovedFile, kept: Kept) -> Restoration:
    """Give the file its name in the cache, never over a newer one; `Kept` still has it under its own.

    Where it cannot have both names it is copied. What an application that had it open wrote to it meanwhile is in it.
    """
    return put_back(root, moved.parts, lambda: is_back(root, moved), lambda folder: _link_back(folder, moved, kept))


def _link_back(folder: Folder, moved: MovedFile, kept: Kept) -> Restoration:
    name = moved.parts[-1]
    with suppress(FileNotFoundError):
        folder.status(name)
        return NEWER
    if isinstance(kept, GivesFiles):
        try:
            os.link(kept.path(moved.kept), folder.at(name), dst_dir_fd=folder.descriptor, follow_symlinks=False)
            return Restoration(Return.RESTORED)
        except FileExistsError:
            return NEWER
        except NotImplementedError:  # a platform that links no link itself or knows no descriptors: it is copied
            pass
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
    with kept.open(moved.kept) as file:
        status = os.fstat(file.fileno())
    return restore_copy(folder, FileCopy.of(status, moved.parts, b"", None, moved.kept), kept)
