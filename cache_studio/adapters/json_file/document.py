"""The file of a running application: the texts of its entries in memory, replaced as a whole."""

import json
import logging
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from cache_studio.adapters.file_access import unwritable
from cache_studio.adapters.files import unavailable, write_all
from cache_studio.adapters.json_file.layout import TEMPORARY_SUFFIX, entry_text, file_text
from cache_studio.adapters.json_lock import locked
from cache_studio.model.errors import WrongFormat
from cache_studio.model.identity import Stamp

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
_spans = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_log = logging.getLogger(__name__)


class Document:
    """One JSON file. Its owner calls from one thread at a time.

    `entries` are the texts of the entries by key, in the order of the file. Every change is merged into the
    newest version under a lock beside the file, so several processes lose nothing; a reader sees the old or
    the new file, never a part of it.
    """

    def __init__(self, path: str) -> None:
        self.entries: dict[str, bytes] = {}
        self._path = path
        self._version: Stamp | None = None

    def refresh(self) -> bool:
        """Read the file if it is not the version in memory; whether it was. A broken file has no entries.

        Costs one look at the file's status where nothing changed. CacheUnavailable when it cannot be read.
        """
        try:
            try:
                status = os.stat(self._path, follow_symlinks=False)
                if (status.st_ino, status.st_mtime_ns, status.st_size) == self._version:
                    return False
                content, self._version = self._read()
            except FileNotFoundError:
                was_there = self._version is not None
                self.entries, self._version = {}, None
                return was_there
        except OSError as error:
            raise unavailable(self._path, error) from error
        self.entries = self._parsed(content)
        return True

    def change(self, edit: Callable[[bool], bool]) -> None:
        """Have `edit` change the newest entries, and put them in the place of the file if it says that it did.

        It is told whether the file was read anew for that. CacheUnavailable when the disk refuses: the file
        is then as it was, and so are the entries at the next `refresh`.
        """
        try:
            try:
                self._change(edit)
            except FileNotFoundError:  # somebody removed the folder
                os.makedirs(os.path.dirname(self._path), exist_ok=True)
                self._change(edit)
        except OSError as error:
            raise unwritable(self._path, error) from error

    def _change(self, edit: Callable[[bool], bool]) -> None:
        with locked(self._path):
            if edit(self.refresh()):
                version, self._version = self._version, None
                self._version = self._write(version)

    def _read(self) -> tuple[bytes, Stamp]:
        descriptor = os.open(self._path, _READ)  # a pipe in its place must not hold us, a link not lead us
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise WrongFormat(f"“{self._path}” is no file.", "This format keeps its entries in one file.")
            return file.read(), (status.st_ino, status.st_mtime_ns, status.st_size)

    def _parsed(self, content: bytes) -> dict[str, bytes]:
        try:
            text = content.decode("utf-8-sig")
            try:
                return {key: bytes(span) for key, span in _spans(text).items()}
            except msgspec.DecodeError:  # Python's own writer allows NaN and half surrogate pairs
                found = json.loads(text)
                if isinstance(found, dict):
                    return {key: entry_text(entry) for key, entry in found.items()}
        except (ValueError, RecursionError):
            pass
        _log.warning("%r is broken and counts as empty; the next write replaces it", self._path)
        return {}

    def _write(self, version: Stamp | None) -> Stamp:
        """Replace the file, which is this version; its rights stay as they are."""
        temporary = self._path + TEMPORARY_SUFFIX
        try:
            descriptor = os.open(temporary, _CREATE, 0o666)
        except FileExistsError:  # a process was killed while it held the lock
            os.unlink(temporary)
            descriptor = os.open(temporary, _CREATE, 0o666)
        try:
            try:
                status = self._fill(descriptor, version)
            finally:
                os.close(descriptor)
            os.replace(temporary, self._path)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        return (status.st_ino, status.st_mtime_ns, status.st_size)

    def _fill(self, descriptor: int, version: Stamp | None) -> os.stat_result:
        with suppress(FileNotFoundError):
            mode = stat.S_IMODE(os.stat(self._path).st_mode)
            if hasattr(os, "fchmod") and mode != stat.S_IMODE(os.fstat(descriptor).st_mode):
                os.fchmod(descriptor, mode)
        write_all(descriptor, file_text(self.entries))
        if version is not None and os.utime in os.supports_fd:
            # The inode of the version before the last may be in use again: by its time no version is like another.
            moment = max(time.time_ns(), version[1] + 1)
            os.utime(descriptor, ns=(moment, moment))
        return os.fstat(descriptor)
