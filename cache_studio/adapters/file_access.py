"""What the runtime's doors to one-file-an-entry caches share: an open folder, whole files in and out.

Every file is replaced by a rename, so another thread or process reads the old or the new one, never a
part. A put that returned survives a kill of the process; it is not forced to the disk, so a loss of power
may take the last ones. Only descriptors and names are shared between threads, so reading needs no lock.
"""

import errno
import logging
import os
import threading
import time
from abc import abstractmethod
from collections.abc import Iterator
from typing import TypeAlias

from cache_studio.adapters.files import Folder, NoRegularFile, stamp_of, unavailable
from cache_studio.adapters.key_access import Held, KeyAccess, Known
from cache_studio.model.errors import BadRequest, CacheStudioError, CacheUnavailable
from cache_studio.model.identity import Stamp

Parts: TypeAlias = tuple[str, ...]
"""Names from the cache's folder down to a file."""
HALF_WRITTEN = 2.0
"""Seconds since its last change in which a broken file may be one that another application is just writing."""
SECOND_LOOK = 0.2
"""Seconds after which such a file is read again, once."""
MOST_BROKEN = 1_000
"""How many broken files are remembered, so that each is named and waited for only once."""
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""What the system says of a file that is not there, and of a way to it that leads over a link."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_log = logging.getLogger(__name__)


class FileAccess(KeyAccess):
    """By key, one file a call. A subclass says where a key lies and how an entry is written."""

    def __init__(self, root: Folder) -> None:
        self._root = root
        self._left: list[Folder] = []
        self._reopening = threading.Lock()
        self._broken: dict[Parts, Stamp] = {}

    @staticmethod
    def create_root(location: str) -> Folder:
        """The folder, made where it is missing."""
        try:
            os.makedirs(location, exist_ok=True)
        except FileExistsError as error:
            raise unavailable(location, NotADirectoryError()) from error
        except OSError as error:
            raise unwritable(location, error) from error
        except ValueError:
            raise CacheUnavailable("The path holds a NUL character.", "Check the path.") from None
        return Folder.open(os.path.abspath(location))

    @abstractmethod
    def parts(self, key: str, namespace: str) -> Parts:
        """Where the file of a key lies; BadRequest for a key or namespace that the layout cannot hold."""

    @abstractmethod
    def encode(self, key: str, namespace: str, held: Held) -> bytes:
        """The file of an entry."""

    @abstractmethod
    def decode(self, content: bytes, key: str) -> Held | None:
        """The entry in a file, None when it is another key's or not for the runtime; ValueError when it is broken."""

    @abstractmethod
    def files(self) -> Iterator[Parts]:
        """Every file that may hold an entry."""

    @abstractmethod
    def known_in(self, parts: Parts, content: bytes) -> Known | None:
        """What eviction needs to know of a file, None when it is broken."""

    def get(self, key: str, namespace: str = "") -> Held | None:
        """The entry; None where there is none, and where its file is broken (logged once)."""
        parts = self.parts(key, namespace)
        found = self._read(parts)
        if found is None:
            return None
        try:
            return self.decode(found[0], key)
        except ValueError:
            return self._second_look(parts, key, found[1])

    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """Write the entry; CacheUnavailable when the disk refuses, and then the old one is still there."""
        parts = self.parts(key, namespace)
        content = self.encode(key, namespace, held)
        try:
            try:
                self._write(parts, content)
            except FileNotFoundError:  # somebody removed the folder
                self._reopen()
                self._write(parts, content)
        except OSError as error:
            raise unwritable(os.path.join(self._root.path, *parts), error) from error

    def delete(self, key: str, namespace: str = "") -> bool:
        """Remove the file."""
        return self._unlink(self.parts(key, namespace), None)

    def holds(self, key: str, namespace: str = "") -> bool:
        """Whether there is a file for the key; it is not opened."""
        parts = self.parts(key, namespace)
        try:
            with self._root.holding(parts) as folder:
                folder.status(parts[-1])
        except OSError as error:
            if error.errno in _ABSENT:
                return False
            raise unavailable(os.path.join(self._root.path, *parts), error) from error
        return True

    def discard(self, key: str, seen: Held, namespace: str = "") -> bool:
        """Remove the file if it holds what was seen, and still is the file that was read to find that out."""
        parts = self.parts(key, namespace)
        found = self._read(parts)
        if found is None:
            return False
        try:
            held = self.decode(found[0], key)
        except ValueError:
            return False
        if held is None or (held.created, held.expires, held.value) != (seen.created, seen.expires, seen.value):
            return False
        return self._unlink(parts, stamp_of(found[1]))

    def known(self) -> Iterator[Known]:
        """Every readable entry."""
        for parts in self.files():
            found = self._read(parts)
            known = None if found is None else self.known_in(parts, found[0])
            if known is not None:
                yield known

    def close(self) -> None:
        """Let go of the folder."""
        for folder in (self._root, *self._left):
            folder.close()

    def _read(self, parts: Parts) -> tuple[bytes, os.stat_result] | None:
        try:
            if len(parts) == 1:
                return self._root.read(parts[0])
            with self._root.holding(parts) as folder:
                return folder.read(parts[-1])
        except NoRegularFile:
            return None
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            path = os.path.join(self._root.path, *parts)
            if isinstance(error, PermissionError):
                self._note_broken(parts, (0, 0, 0), "may not be read")
                return None
            raise unavailable(path, error) from error

    def _write(self, parts: Parts, content: bytes) -> None:
        if len(parts) == 1:
            self._root.replace(parts[0], content)
            return
        with self._root.holding(parts, create=True) as folder:
            folder.replace(parts[-1], content)

    def _unlink(self, parts: Parts, stamp: Stamp | None) -> bool:
        """Remove a file, only if it has this stamp where one is given."""
        try:
            with self._root.holding(parts) as folder:
                if stamp is not None and stamp_of(folder.status(parts[-1])) != stamp:
                    return False
                folder.unlink(parts[-1])
        except OSError as error:
            if error.errno in _ABSENT:
                return False
            raise unwritable(os.path.join(self._root.path, *parts), error) from error
        return True

    def _reopen(self) -> None:
        """Make the folder anew where it was removed. The old one stays open: another thread may be using it."""
        with self._reopening:
            descriptor = self._root.descriptor
            if descriptor is None or os.fstat(descriptor).st_nlink == 0:
                new = self.create_root(self._root.path)
                self._left.append(self._root)
                self._root = new

    def _second_look(self, parts: Parts, key: str, status: os.stat_result) -> Held | None:
        """A broken file once more, if it is so new that an application may be writing it in place."""
        stamp = stamp_of(status)
        if self._broken.get(parts) == stamp:
            return None
        if abs(time.time() - status.st_mtime) < HALF_WRITTEN:
            time.sleep(SECOND_LOOK)
            found = self._read(parts)
            if found is None:
                return None
            try:
                return self.decode(found[0], key)
            except ValueError:
                stamp = stamp_of(found[1])
        self._note_broken(parts, stamp, "is broken")
        return None

    def _note_broken(self, parts: Parts, stamp: Stamp, what: str) -> None:
        if parts not in self._broken:
            _log.warning("%r %s and counts as a miss", os.path.join(self._root.path, *parts), what)
        if len(self._broken) >= MOST_BROKEN:
            self._broken.clear()
        self._broken[parts] = stamp


def empty_key() -> BadRequest:
    """The error of a key without a character."""
    return BadRequest("A key is a text of at least one character.")


def unwritable(path: str, error: OSError) -> CacheStudioError:
    """The error of writing to this path as a sentence with a hint."""
    if error.errno in _FULL:
        return CacheUnavailable(f"“{path}” cannot be written: the disk is full.", "Make room; what was there stays.")
    if isinstance(error, PermissionError):
        return CacheUnavailable(f"“{path}” may not be written.", "Ask for the right to write it.")
    return unavailable(path, error)
