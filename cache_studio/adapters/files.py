"""Folders and files of a cache, reached without ever following a link out of it.

A `Folder` is held open by descriptor and everything in it is named relative to that descriptor, so a
folder that is swapped for a link meanwhile leads nowhere. Where the system has no such calls (Windows)
the same methods work on paths and refuse links by looking first: correct for a folder that only its
owner writes, without the guard against a racing attacker.
"""

import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from cache_studio.model.errors import CacheStudioError, CacheUnavailable, WrongFormat
from cache_studio.model.identity import Stamp

BY_DESCRIPTOR = {os.open, os.stat, os.rename, os.unlink, os.link, os.mkdir} <= os.supports_dir_fd
"""Whether names can be resolved relative to an open folder."""
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _NOFOLLOW
"""A pipe must not hold us, a link must not lead us."""
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_INT64 = (1 << 63) - 1
CHUNK = 1 << 20
"""Bytes that are read or written in one call."""

HIDDEN = ".cs-"
"""How every name begins that we give to a file inside a cache for a moment."""


NO_STAMP: Stamp = (0, 0, 0)
"""Of no file: none has the inode 0."""


class NoRegularFile(Exception):
    """What has this name is a link, a pipe, a device or a folder: it is not opened."""


def stamp_of(status: os.stat_result) -> Stamp:
    """Inode, modification time in nanoseconds, length: changed by every write."""
    return (status.st_ino & _INT64, status.st_mtime_ns, status.st_size)


def safe_name(name: str) -> bool:
    """Whether it names something directly in a folder: no separator, no NUL, neither `.` nor `..`."""
    if "/" in name or "\0" in name or name in ("", ".", ".."):
        return False
    return os.sep == "/" or not ("\\" in name or ":" in name)


def unavailable(path: str, error: OSError) -> CacheStudioError:
    """The error of this path as a sentence with a hint."""
    if isinstance(error, FileNotFoundError):
        return CacheUnavailable(f"There is no “{path}”.", "Check the path; the cache may not have been written yet.")
    if isinstance(error, NotADirectoryError):
        return WrongFormat(f"“{path}” is not a folder.", "This format keeps its entries in a folder.")
    if isinstance(error, PermissionError):
        return CacheUnavailable(f"“{path}” may not be read.", "Ask for the right to read it.")
    return CacheUnavailable(f"“{path}” cannot be used: {error.strerror or error}.", "Is the disk still there?")


class Folder:
    """An open folder. Raw OSError leaves its methods; adapters turn it into an answer for the entry."""

    def __init__(self, path: str, descriptor: int | None) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: str) -> "Folder":
        """Open the folder of a target; a link at the target itself is followed. CacheUnavailable, WrongFormat."""
        try:
            if not BY_DESCRIPTOR:
                os.listdir(path)
                return cls(path, None)
            return cls(path, os.open(path, _FOLDER))
        except OSError as error:
            raise unavailable(path, error) from error
        except ValueError:
            raise CacheUnavailable("The path holds a NUL character.", "Check the path.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder. Safe to call twice."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)
            self.path = ""  # a later use fails instead of reaching the working folder

    @property
    def descriptor(self) -> int | None:
        """For calls that take `dir_fd`."""
        if self._descriptor is None and BY_DESCRIPTOR:
            raise FileNotFoundError("the folder is closed")
        return self._descriptor

    def require_in_place(self) -> None:
        """Raise CacheUnavailable where the path leads to another folder by now, or nowhere."""
        try:
            there = os.stat(self.path)
        except OSError as error:
            raise unavailable(self.path, error) from error
        if self.descriptor is not None and not os.path.samestat(there, os.fstat(self.descriptor)):
            raise CacheUnavailable(f"“{self.path}” is another folder now.", "It is opened again by itself.")

    def at(self, name: str) -> str:
        """What names `name` together with `descriptor`. ValueError for a name that would lead elsewhere."""
        if not safe_name(name):
            raise ValueError(f"no file name: {name!r}")
        return name if BY_DESCRIPTOR else os.path.join(self.path, name)

    def below(self, name: str, *, create: bool = False) -> "Folder":
        """A folder in this one, links refused; made first where `create` says so."""
        if create:
            with suppress(FileExistsError):
                os.mkdir(self.at(name), dir_fd=self.descriptor)
        path = os.path.join(self.path, name)
        if not BY_DESCRIPTOR:
            if os.path.islink(path) or not os.path.isdir(path):
                raise NotADirectoryError(path)
            return Folder(path, None)
        return Folder(path, os.open(self.at(name), _FOLDER | _NOFOLLOW, dir_fd=self.descriptor))

    @contextmanager
    def holding(self, parts: Sequence[str], *, create: bool = False) -> Iterator["Folder"]:
        """The folder in which the last of `parts` lies, open for the time of the block."""
        if len(parts) == 1:
            yield self
            return
        with self.below(parts[0], create=create) as next_folder, next_folder.holding(parts[1:], create=create) as last:
            yield last

    def walk(self) -> Iterator[os.DirEntry[str]]:
        """What lies directly in the folder, our own momentary names left out."""
        with os.scandir(self.path if self.descriptor is None else self.descriptor) as found:
            for entry in found:
                if not entry.name.startswith(HIDDEN):
                    yield entry

    def hidden_names(self) -> list[str]:
        """Our own momentary names that a killed process left behind."""
        with os.scandir(self.path if self.descriptor is None else self.descriptor) as found:
            return [entry.name for entry in found if entry.name.startswith(HIDDEN)]

    def status(self, name: str) -> os.stat_result:
        """What has this name, a link not followed."""
        if self._descriptor is not None and "/" not in name:  # three times for each file of a removal
            return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        return os.stat(self.at(name), dir_fd=self.descriptor, follow_symlinks=False)

    def stamps(self, names: Sequence[str]) -> list[Stamp]:
        """The stamp of what lies directly in the folder by each of these names; NO_STAMP where nothing does."""
        if not BY_DESCRIPTOR or not all(map(safe_name, names)):
            return [self._stamp(name) for name in names]
        descriptor, look, found = self.descriptor, os.stat, []
        for name in names:  # 100,000 times in a listing
            try:
                found.append(stamp_of(look(name, dir_fd=descriptor, follow_symlinks=False)))
            except OSError:
                found.append(NO_STAMP)
        return found

    def _stamp(self, name: str) -> Stamp:
        with suppress(OSError, ValueError):
            return stamp_of(self.status(name))
        return NO_STAMP

    def open_file(self, name: str) -> tuple[int, os.stat_result]:
        """A regular file, open for reading; the caller closes the descriptor. NoRegularFile for anything else."""
        try:
            if "/" in name or self._descriptor is None:
                descriptor = self._open_slowly(name)
            else:  # 100,000 times in a listing; `..` is no regular file, a NUL is refused by the system call
                descriptor = os.open(name, _READ, dir_fd=self._descriptor)
        except FileNotFoundError:
            raise
        except OSError as error:
            # A link answers ELOOP, a socket ENXIO: what it is decides, not the errno of this system.
            if not stat.S_ISREG(self.status(name).st_mode):
                raise NoRegularFile(name) from error
            raise
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise NoRegularFile(name)
        return descriptor, status

    def _open_slowly(self, name: str) -> int:
        if not BY_DESCRIPTOR and os.path.islink(self.at(name)):
            raise NoRegularFile(name)
        return os.open(self.at(name), _READ, dir_fd=self.descriptor)

    def read(self, name: str, limit: int | None = None) -> tuple[bytes, os.stat_result]:
        """The first `limit` bytes (all when None) of a regular file, and its status before the reading."""
        descriptor, status = self.open_file(name)
        try:
            return read_up_to(descriptor, status.st_size if limit is None else min(limit, status.st_size)), status
        finally:
            os.close(descriptor)

    def rename(self, name: str, other: "Folder", new_name: str) -> None:
        """Move a file within the filesystem."""
        os.rename(self.at(name), other.at(new_name), src_dir_fd=self.descriptor, dst_dir_fd=other.descriptor)

    def unlink(self, name: str) -> None:
        """Remove a file."""
        os.unlink(self.at(name), dir_fd=self.descriptor)

    def remove_folder(self, name: str) -> None:
        """Remove an empty folder."""
        os.rmdir(self.at(name), dir_fd=self.descriptor)

    def move_in(self, source: "Folder", name: str, new_name: str) -> None:
        """Give a file of `source` a name here, never over an existing one (FileExistsError).

        Where it cannot lose its old name, it has both.
        """
        try:
            os.link(
                source.at(name),
                self.at(new_name),
                src_dir_fd=source.descriptor,
                dst_dir_fd=self.descriptor,
                follow_symlinks=False,
            )
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):
            # A filesystem without hard links: looking first leaves a gap of microseconds, the best there is.
            with suppress(FileNotFoundError):
                self.status(new_name)
                raise FileExistsError(new_name) from None
            source.rename(name, self, new_name)
        else:
            with suppress(OSError):  # it is here, which was asked for; a hidden name is a leftover
                source.unlink(name)

    def create(self, name: str, mode: int = 0o600) -> int:
        """A new file, open for writing; the caller closes it. FileExistsError where the name is taken."""
        return os.open(self.at(name), _CREATE, mode, dir_fd=self.descriptor)

    def replace(self, name: str, content: bytes) -> None:
        """Write a whole file so that a reader sees the old or the new one, never a part of it."""
        temporary = fresh_name()
        descriptor = self.create(temporary, 0o666)
        try:
            try:
                write_all(descriptor, content)
            finally:
                os.close(descriptor)
            os.replace(self.at(temporary), self.at(name), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        except OSError:
            with suppress(OSError):
                self.unlink(temporary)
            raise

    def settle(self) -> None:
        """Make the names in the folder durable, where the system can."""
        if self.descriptor is not None:
            os.fsync(self.descriptor)


def fresh_name() -> str:
    """A random hidden name for a file that is being written; no layout's suffix ends so."""
    return f"{HIDDEN}{secrets.token_hex(4)}.new"


def read_up_to(descriptor: int, length: int) -> bytes:
    """At most `length` bytes from where the file stands."""
    if length <= CHUNK:
        first = os.read(descriptor, length)
        if len(first) == length or not first:
            return first
    else:
        first = b""
    content = bytearray(first)
    while len(content) < length:
        part = os.read(descriptor, min(CHUNK, length - len(content)))
        if not part:
            break
        content += part
    return bytes(content)


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
