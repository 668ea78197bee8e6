"""Publishing a new version of a file in which only chosen byte spans differ.

The bytes of all other entries are copied, never decoded and written anew. The new version takes the place of the
file in one step. Where the system can exchange two names in one step (Linux), what was displaced is looked at: if
the application wrote meanwhile, its version is edited anew and nothing of it is lost. Elsewhere a write of the
application within the microseconds between the last look and the rename is lost; no way without its help is perfect.
"""

import ctypes
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from cache_studio.adapters.files import CHUNK, Folder, fresh_name, stamp_of, write_all
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.identity import Stamp

ATTEMPTS = 8
"""How often we yield to an application that writes at the same moment."""
_EXCHANGE = 2  # RENAME_EXCHANGE of linux/fs.h


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Bytes `start` to `end` of a file become `text`; several at one place stand in the order given."""

    start: int
    end: int
    text: bytes = b""


Plan = Callable[[str], tuple[Stamp, Sequence[Edit]]]
"""Given the name of a version: its identity and the edits it needs; called again when the application wrote."""


Displaced = Callable[[str], None]
"""Told the name of a version that the application wrote and we displaced; it is edited anew after that."""


def publish(folder: Folder, name: str, plan: Plan, displaced: Displaced = lambda _name: None) -> None:
    """Bring the file `name` to the state that `plan` wants; nothing is written where no edit is needed.

    Raises what `plan` raises, OSError when it cannot be written, CacheUnavailable when the application does
    not stop writing; in all these cases the file is the application's newest version.
    """
    source, ours = name, None  # what is edited; the identity of our version where a displaced one is edited
    try:
        for _ in range(ATTEMPTS):
            identity, edits = plan(source)
            if not edits:
                _put_back(folder, source, name, ours)
                return
            written = _write(folder, source, identity, edits)
            if written is None:
                continue
            expected = identity if source == name else ours
            if _identity(folder, name) != expected:  # a newer version stands there: begin with that one
                _drop(folder, written, *(() if source == name else (source,)))
                source, ours = name, None
                continue
            mine = _identity(folder, written)
            if not _exchange(folder, written, name):
                folder.rename(written, folder, name)
                break
            if source != name:
                _drop(folder, source)
            if _identity(folder, written) == expected:
                _drop(folder, written)
                break
            source, ours = written, mine
            displaced(written)
        else:
            raise CacheUnavailable("The application keeps writing the file.", "Try again when it is idle.")
    except BaseException:
        _put_back(folder, source, name, ours)
        raise
    folder.settle()


def _put_back(folder: Folder, source: str, name: str, ours: Stamp | None) -> None:
    """Let a displaced version stand in the place of ours again, unless the application wrote a newer one."""
    if source == name:
        return
    if _identity(folder, name) == ours:
        folder.rename(source, folder, name)
    else:
        _drop(folder, source)


def _identity(folder: Folder, name: str) -> Stamp | None:
    try:
        return stamp_of(folder.status(name))
    except OSError:
        return None


def _drop(folder: Folder, *names: str) -> None:
    for name in names:
        with suppress(OSError):
            folder.unlink(name)


def _write(folder: Folder, source: str, identity: Stamp, edits: Sequence[Edit]) -> str | None:
    """A new durable file beside it: `source` with the edits, its mode, owner and attributes.

    None when `source` is not, or no longer, the version of this identity.
    """
    written = fresh_name()
    reading, status = folder.open_file(source)
    try:
        if stamp_of(status) != identity:
            return None
        writing = folder.create(written, stat.S_IMODE(status.st_mode))
        try:
            _copy_edited(reading, writing, status.st_size, edits)
            _keep_attributes(reading, writing, status)
            os.fsync(writing)
        except BaseException:
            _drop(folder, written)
            raise
        finally:
            os.close(writing)
        if stamp_of(os.fstat(reading)) != identity:
            _drop(folder, written)
            return None
        return written
    finally:
        os.close(reading)


def _copy_edited(reading: int, writing: int, size: int, edits: Sequence[Edit]) -> None:
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):  # stable: insertions keep their order
        _copy(reading, writing, at, edit.start)
        write_all(writing, edit.text)
        at = edit.end
    _copy(reading, writing, at, size)


def _copy(reading: int, writing: int, start: int, end: int) -> None:
    os.lseek(reading, start, os.SEEK_SET)
    while start < end:
        data = os.read(reading, min(CHUNK, end - start))
        if not data:
            raise CacheUnavailable("The file became shorter while it was copied.", "Try again when it is idle.")
        write_all(writing, data)
        start += len(data)


def _keep_attributes(reading: int, writing: int, status: os.stat_result) -> None:
    if hasattr(os, "fchown") and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):  # the application's own rewrite by rename would not keep it either
            os.fchown(writing, status.st_uid, status.st_gid)
    if hasattr(os, "fchmod"):
        os.fchmod(writing, stat.S_IMODE(status.st_mode))
    if hasattr(os, "listxattr"):
        with suppress(OSError):  # a filesystem without attributes
            for attribute in os.listxattr(reading):
                os.setxattr(writing, attribute, os.getxattr(reading, attribute))


def _exchange(folder: Folder, one: str, other: str) -> bool:
    """Let two files change their names in one step; False where the system or filesystem cannot."""
    exchange = _renameat2()
    if exchange is None or folder.descriptor is None:
        return False
    return exchange(folder.descriptor, os.fsencode(one), folder.descriptor, os.fsencode(other), _EXCHANGE) == 0


@cache
def _renameat2() -> "Callable[[int, bytes, int, bytes, int], int] | None":
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux, or an old C library
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    call: Callable[[int, bytes, int, bytes, int], int] = function
    return call
