"""The folder of one remembered call: what lies in it, its copy, its removal as a whole, and the way back.

Removing: the folder gets a hidden name, which the application sees as gone at once; if it still holds what was
copied, its files are unlinked, else it gets its name back. A killed removal is undone as that of a file is.
"""

import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import msgpack
from msgspec import structs

from cache_studio.adapters.base import EntryCopy, Kept
from cache_studio.adapters.file_copies import Copier, FileCopy, Outcome, is_present, restore_file
from cache_studio.adapters.files import HIDDEN, Folder, stamp_of
from cache_studio.adapters.joblib_memory.layout import OUTPUT
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.identity import Stamp
from cache_studio.model.seeing import Fate, Restoration, Return

_STRANGE = "Its folder holds something that is no file; it is not touched."
Contents = Mapping[str, os.stat_result]
"""Name to status of what lies in the folder of a call."""


@dataclass(frozen=True, slots=True)
class CallCopy:
    """The folder of a call as it was: every file, the result last."""

    parts: tuple[str, ...]
    """Names from the cache's folder down."""
    mode: int
    files: tuple[FileCopy, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.length for file in self.files)

    def pack(self) -> bytes:
        """As bytes for `EntryCopy.data`."""
        names = [os.fsencode(part) for part in self.parts]
        packed: bytes = msgpack.packb((1, names, self.mode, [file.pack() for file in self.files]))
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> "CallCopy":
        """Of such bytes; CacheStudioError when they are damaged."""
        try:
            _version, names, mode, files = msgpack.unpackb(data)
            return cls(tuple(map(os.fsdecode, names)), int(mode), tuple(FileCopy.unpack(file) for file in files))
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise CacheStudioError("The copy of this entry is damaged.", "It cannot be restored.") from error


def contents(folder: Folder) -> Contents:
    """What lies in the folder of a call, our own momentary names left out."""
    found: dict[str, os.stat_result] = {}
    for entry in folder.walk():
        with suppress(FileNotFoundError):
            found[entry.name] = folder.status(entry.name)
    return found


def stamp_of_call(found: Contents) -> Stamp:
    """Inode of the result, newest time and length of all files: changed by every write.

    FileNotFoundError where there is no result.
    """
    if OUTPUT not in found:
        raise FileNotFoundError(OUTPUT)
    newest = max(status.st_mtime_ns for status in found.values())
    return (stamp_of(found[OUTPUT])[0], newest, sum(status.st_size for status in found.values()))


def copy_call(copier: Copier, folder: Folder, parts: tuple[str, ...], stamp: Stamp) -> CallCopy | Outcome:
    """A copy of the call in `folder`, or why there is none."""
    found = contents(folder)
    if OUTPUT not in found:
        return Outcome(Fate.GONE)
    if stamp_of_call(found) != stamp:
        return Outcome(Fate.CHANGED)
    if not all(stat.S_ISREG(status.st_mode) for status in found.values()):
        return Outcome(Fate.FAILED, reason=_STRANGE)
    files: list[FileCopy] = []
    for name in sorted(found, key=lambda name: name == OUTPUT):
        copy = copier.take(folder, (*parts, name), stamp_of(found[name]))
        if isinstance(copy, Outcome):
            return copy
        files.append(copy)
    descriptor = folder.descriptor
    status = os.stat(folder.path) if descriptor is None else os.fstat(descriptor)
    return CallCopy(parts, stat.S_IMODE(status.st_mode), tuple(files))


def remove_call(parent: Folder, copy: CallCopy) -> Outcome:
    """Remove the folder if it still is what was copied; else it stays."""
    name = copy.parts[-1]
    hidden = f"{HIDDEN}{secrets.token_hex(4)}~{name}~"
    try:
        with parent.below(name) as folder:
            if not _is_as_copied(folder, copy):
                return Outcome(Fate.CHANGED if OUTPUT in contents(folder) else Fate.GONE)
        parent.rename(name, parent, hidden)
        try:
            with parent.below(hidden) as folder:
                freed = _empty(folder, copy) if _is_as_copied(folder, copy) else None
        except OSError:
            with suppress(OSError):  # it stays, so it must be seen; the first error is the reason
                parent.move_in(parent, hidden, name)
            raise
        if freed is None:
            parent.move_in(parent, hidden, name)
            return Outcome(Fate.CHANGED)
        with suppress(OSError):
            parent.remove_folder(hidden)
        return Outcome(Fate.REMOVED, freed)
    except FileNotFoundError:
        return Outcome(Fate.GONE)
    except OSError as error:
        return Outcome(Fate.FAILED, reason=f"It cannot be removed: {error.strerror}.")


def _is_as_copied(folder: Folder, copy: CallCopy) -> bool:
    found = contents(folder)
    if set(found) != {file.parts[-1] for file in copy.files}:
        return False
    return all(
        stamp_of(found[file.parts[-1]]) == file.stamp
        and is_present(folder, structs.replace(file, parts=file.parts[-1:]))
        for file in copy.files
    )


def _empty(folder: Folder, copy: CallCopy) -> int:
    """Unlink the files, the result first: what a kill leaves is no call then. The bytes given back."""
    freed = 0
    for file in reversed(copy.files):
        links = folder.status(file.parts[-1]).st_nlink
        folder.unlink(file.parts[-1])
        freed += file.length if links == 1 else 0
    return freed


def restore_call(root: Folder, entry: EntryCopy, kept: Kept) -> Restoration:
    """Bring the folder back with every file, the result last; never over a newer result."""
    try:
        copy = CallCopy.unpack(entry.data)
        if is_call_present(root, copy):
            return Restoration(Return.RESTORED)
        was_there, has_result = _look_for(root, copy)
        if has_result and not is_present(root, copy.files[-1]):
            return Restoration(Return.NEWER_KEPT, "The application remembered the call anew meanwhile.")
        for file in copy.files:
            answer = restore_file(root, replace(entry, data=file.pack()), kept)
            if answer.fate is Return.FAILED or (answer.fate is Return.NEWER_KEPT and file is copy.files[-1]):
                return answer
        with root.holding((*copy.parts, "")) as folder:
            if not was_there and folder.descriptor is not None:
                os.fchmod(folder.descriptor, copy.mode)
            with suppress(OSError):  # a filesystem that cannot make names durable
                folder.settle()
        return Restoration(Return.RESTORED)
    except CacheStudioError as error:
        return Restoration(Return.FAILED, error.message)
    except (OSError, ValueError) as error:
        return Restoration(Return.FAILED, f"It cannot be written: {getattr(error, 'strerror', None) or error}.")


def _look_for(root: Folder, copy: CallCopy) -> tuple[bool, bool]:
    """Whether the folder is there, and whether a result is in it."""
    try:
        with root.holding((*copy.parts, "")) as folder:
            return True, OUTPUT in contents(folder)
    except FileNotFoundError:
        return False, False


def is_call_present(root: Folder, copy: CallCopy) -> bool:
    """Whether every file lies there as it was copied."""
    return all(is_present(root, file) for file in copy.files)


def packed_files(copy: CallCopy) -> Sequence[str]:
    """What `Keep.file` took for it."""
    return tuple(file.kept for file in copy.files if file.kept)
