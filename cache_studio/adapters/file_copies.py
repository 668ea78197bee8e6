"""Compare-and-remove of files, and the exact way back.

Removing: copy, hand over, then rename to a hidden name in the same folder, look whether that is still
what was copied, and only then unlink. If the application wrote in between, its file goes back by a link
that never replaces a newer one. Restoring writes aside and links, so it replaces nothing either.
"""

import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

import msgpack
import msgspec

from cache_studio.adapters.base import EntryCopy, Keep, Kept
from cache_studio.adapters.files import (
    CHUNK,
    HIDDEN,
    Folder,
    NoRegularFile,
    fresh_name,
    read_up_to,
    stamp_of,
    write_all,
)
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.seeing import Fate, Removal, Restoration, Return

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module there, nothing on Windows

COMPARED = 1_000_000
"""Files up to this length are compared by content, longer ones by identity (inode, time, length)."""
INLINE_TOTAL = 16_000_000
"""Bytes of one batch that may travel inside the copies; the rest goes through `Keep.file`."""
ABANDONED = 600.0
"""Seconds after which a half-written hidden file belongs to nobody."""
NEWER = Restoration(Return.NEWER_KEPT, "The application stored a newer one meanwhile.")
_NAME_LIMIT = 255
_LOCK_ATTEMPTS = 50


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one file."""

    fate: Fate
    freed: int = 0
    reason: str = ""


class FileCopy(msgspec.Struct, frozen=True):
    """A file as it was, complete. `content` is None where a `Keep` holds it as a file."""

    parts: tuple[str, ...]
    """Names from the cache's folder down."""
    mode: int
    owner: tuple[int, int]
    times: tuple[int, int]
    """Access and modification, nanoseconds."""
    length: int
    digest: bytes
    """SHA-256 of the content, b"" above COMPARED."""
    content: bytes | None
    stamp: Stamp
    kept: str = ""

    @classmethod
    def of(
        cls, status: os.stat_result, parts: tuple[str, ...], digest: bytes, content: bytes | None, kept: str
    ) -> "FileCopy":
        """One of the file with this status."""
        return cls(
            parts=parts,
            mode=stat.S_IMODE(status.st_mode),
            owner=(status.st_uid, status.st_gid),
            times=(status.st_atime_ns, status.st_mtime_ns),
            length=status.st_size,
            digest=digest,
            content=content,
            stamp=stamp_of(status),
            kept=kept,
        )

    def pack(self) -> bytes:
        """As bytes for `EntryCopy.data`."""
        names = [os.fsencode(part) for part in self.parts]
        rest = (self.mode, self.owner, self.times, self.length, self.digest, self.content, self.kept)
        packed: bytes = msgpack.packb((1, names, *rest))
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> "FileCopy":
        """Of such bytes; CacheStudioError when they are damaged."""
        try:
            _version, names, mode, owner, times, length, digest, content, kept = msgpack.unpackb(data)
            parts = tuple(os.fsdecode(name) for name in names)
            return cls(parts, mode, tuple(owner), tuple(times), length, digest, content, (), kept)
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise CacheStudioError("The copy of this entry is damaged.", "It cannot be restored.") from error


class Copier:
    """Takes the copies of one batch; small files inline until INLINE_TOTAL is reached."""

    def __init__(self, keep: Keep | None) -> None:
        self._keep = keep
        self._room = INLINE_TOTAL

    def take(self, folder: Folder, parts: tuple[str, ...], stamp: Stamp) -> FileCopy | Outcome:
        """A copy of the file, or why there is none: changed since it was seen, gone, or unreadable."""
        try:
            descriptor, status = folder.open_file(parts[-1])
        except FileNotFoundError:
            return Outcome(Fate.GONE)
        except NoRegularFile:
            return Outcome(Fate.FAILED, reason="This is a link or a special file; it is not touched.")
        except OSError as error:
            return Outcome(Fate.FAILED, reason=f"It cannot be read: {error.strerror}.")
        try:
            if stamp_of(status) != stamp:
                return Outcome(Fate.CHANGED)
            copied = self._copy(descriptor, status, parts)
            return copied if stamp_of(os.fstat(descriptor)) == stamp else Outcome(Fate.CHANGED)
        except OSError as error:
            return Outcome(Fate.FAILED, reason=f"It cannot be read: {error.strerror}.")
        finally:
            os.close(descriptor)

    def take_of_row(self, root: Folder, parts: tuple[str, ...], stamp: Stamp, entry_id: EntryId) -> FileCopy | Removal:
        """As `take`, of the value file of a row; where there is none, the answer for the entry."""
        try:
            with root.holding(parts) as folder:
                copy = self.take(folder, parts, stamp)
        except FileNotFoundError:
            copy = Outcome(Fate.GONE)
        except OSError as error:
            copy = Outcome(Fate.FAILED, reason=f"Its value file cannot be read: {error.strerror}.")
        if isinstance(copy, FileCopy):
            return copy
        # A file that vanished a moment ago is a change: the entry was listed with it.
        return Removal(entry_id, Fate.CHANGED if copy.fate is Fate.GONE else copy.fate, reason=copy.reason)

    def _copy(self, descriptor: int, status: os.stat_result, parts: tuple[str, ...]) -> FileCopy:
        length = status.st_size
        content: bytes | None = None
        digest, kept = b"", ""
        if self._keep is not None:
            if length <= COMPARED:
                content = read_up_to(descriptor, length)
                digest = hashlib.sha256(content).digest()
            if content is None or length > self._room:
                content = None
                kept = self._keep.file(descriptor, length)
            else:
                self._room -= length
        return FileCopy.of(status, parts, digest, content, kept)


def remove_copied(folder: Folder, copy: FileCopy) -> Outcome:
    """Remove the file if it still is what was copied; else it stays, also when it is replaced this very moment."""
    name = copy.parts[-1]
    try:
        if stamp_of(folder.status(name)) != copy.stamp:
            return Outcome(Fate.CHANGED)
        with _hiding_place(folder, name) as (place, hidden):
            folder.rename(name, place, hidden)
            try:
                if _is_as_copied(place, hidden, copy):
                    links = place.status(hidden).st_nlink
                    place.unlink(hidden)
                    return Outcome(Fate.REMOVED, copy.length if links == 1 else 0)
            except OSError:
                with suppress(OSError):  # it stays, so it must be seen; the first error is the reason
                    give_name_back(folder, place, hidden, name)
                raise
            give_name_back(folder, place, hidden, name)
            return Outcome(Fate.CHANGED)
    except FileNotFoundError:
        return Outcome(Fate.GONE)
    except OSError as error:
        return Outcome(Fate.FAILED, reason=f"It cannot be removed: {error.strerror}.")


@contextmanager
def _hiding_place(folder: Folder, name: str) -> Iterator[tuple[Folder, str]]:
    """A folder and a hidden name from which `put_back` finds the name again, however long it is."""
    prefix = f"{HIDDEN}{secrets.token_hex(4)}~"
    if len(os.fsencode(name)) + len(prefix) + 1 <= _NAME_LIMIT:
        yield folder, f"{prefix}{name}~"
        return
    with folder.below(prefix, create=True) as place:
        try:
            yield place, name
        finally:
            with suppress(OSError):
                folder.remove_folder(prefix)


def _is_as_copied(folder: Folder, name: str, copy: FileCopy) -> bool:
    try:
        descriptor, status = folder.open_file(name)
    except NoRegularFile:
        return False  # a link was put in its place
    try:
        if stamp_of(status) != copy.stamp:
            return False
        if not copy.digest:
            return True
        return hashlib.sha256(read_up_to(descriptor, copy.length)).digest() == copy.digest
    finally:
        os.close(descriptor)


def is_present(root: Folder, copy: FileCopy) -> bool:
    """Whether the file lies there as it was copied: length, time and (up to COMPARED) content."""
    try:
        with root.holding(copy.parts) as folder:
            descriptor, status = folder.open_file(copy.parts[-1])
            try:
                if (status.st_size, status.st_mtime_ns) != (copy.length, copy.times[1]):
                    return False
                return not copy.digest or hashlib.sha256(read_up_to(descriptor, copy.length)).digest() == copy.digest
            finally:
                os.close(descriptor)
    except (OSError, NoRegularFile):
        return False


def restore_file(root: Folder, entry: EntryCopy, kept: Kept) -> Restoration:
    """Bring the file back with its bytes, times, mode and (where allowed) owner; never over a newer one."""
    try:
        copy = FileCopy.unpack(entry.data)
    except CacheStudioError as error:
        return Restoration(Return.FAILED, error.message)
    return put_back(root, copy.parts, lambda: is_present(root, copy), lambda folder: restore_copy(folder, copy, kept))


def put_back(
    root: Folder, parts: tuple[str, ...], is_there: Callable[[], bool], into: Callable[[Folder], Restoration]
) -> Restoration:
    """What `into` answers for the folder in which a file lay, made anew where it is gone; or why that fails."""
    try:
        if is_there():
            return Restoration(Return.RESTORED)
        with root.holding(parts, create=True) as folder:
            return into(folder)
    except CacheStudioError as error:
        return Restoration(Return.FAILED, error.message)
    except (OSError, ValueError) as error:
        return Restoration(Return.FAILED, f"It cannot be written: {getattr(error, 'strerror', None) or error}.")


def restore_copy(folder: Folder, copy: FileCopy, kept: Kept) -> Restoration:
    """Write the file into the folder where it lay. OSError and CacheStudioError may leave; nothing is there then."""
    with suppress(FileNotFoundError):
        folder.status(copy.parts[-1])
        return NEWER
    temporary = fresh_name()
    descriptor = folder.create(temporary)
    try:
        try:
            _write_copy(descriptor, copy, kept)
        finally:
            os.close(descriptor)
        if os.utime not in os.supports_fd:
            os.utime(folder.at(temporary), ns=copy.times)
        folder.move_in(folder, temporary, copy.parts[-1])
    except FileExistsError:
        folder.unlink(temporary)
        return NEWER
    except (OSError, CacheStudioError):
        with suppress(OSError):
            folder.unlink(temporary)
        raise
    return Restoration(Return.RESTORED)


def _write_copy(descriptor: int, copy: FileCopy, kept: Kept) -> None:
    digest = hashlib.sha256()
    length = 0
    for part in _content(copy, kept):
        digest.update(part)
        length += len(part)
        write_all(descriptor, part)
    if length != copy.length or (copy.digest and digest.digest() != copy.digest):
        raise CacheStudioError("The copy of this entry is damaged.", "It cannot be restored.")
    if hasattr(os, "fchown") and copy.owner != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):
            os.fchown(descriptor, *copy.owner)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, copy.mode)
    os.fsync(descriptor)
    if os.utime in os.supports_fd:
        os.utime(descriptor, ns=copy.times)


def _content(copy: FileCopy, kept: Kept) -> Iterator[bytes]:
    if copy.content is not None:
        yield copy.content
        return
    file: IO[bytes]
    with kept.open(copy.kept) as file:
        while part := file.read(CHUNK):
            yield part


@contextmanager
def removing_in(root: Folder) -> Iterator[None]:
    """Held while files are being removed, so that another studio does not take them for leftovers."""
    if fcntl is None or root.descriptor is None:
        yield
        return
    for _attempt in range(_LOCK_ATTEMPTS):
        try:
            fcntl.flock(root.descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(0.01)  # another studio puts leftovers back, which is short; a stranger's lock does not hold us
        except OSError:
            break  # a filesystem without locks: then only the guard against a second studio is missing
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(root.descriptor, fcntl.LOCK_UN)


def put_back_leftovers(root: Folder, folders: Iterable[Folder]) -> int:
    """Undo what a killed removal left: its hidden files get their names back where these are free. How many."""
    if fcntl is not None and root.descriptor is not None:
        try:
            fcntl.flock(root.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return 0  # another studio is removing right now
    try:
        return sum(_put_back(folder, name) for folder in folders for name in folder.hidden_names())
    finally:
        if fcntl is not None and root.descriptor is not None:
            fcntl.flock(root.descriptor, fcntl.LOCK_UN)


def _put_back(folder: Folder, hidden: str) -> int:
    prefix, _, name = hidden.partition("~")
    if hidden == prefix:
        return 0  # one that is being written
    try:
        if name.endswith("~"):
            give_name_back(folder, folder, hidden, name[:-1])
            return 1
        if name:
            return 0
        with folder.below(hidden) as place:
            names = [entry.name for entry in place.walk()]
            for inner in names:
                give_name_back(folder, place, inner, inner)
        folder.remove_folder(hidden)
        return len(names)
    except (OSError, ValueError):
        return 0  # it stays hidden and is tried again at the next opening


def give_name_back(folder: Folder, place: Folder, hidden: str, name: str) -> None:
    """Give a file its name in `folder` again; where the application has a newer one by now, that stays alone."""
    try:
        folder.move_in(place, hidden, name)
    except FileExistsError:
        place.unlink(hidden)


def abandoned(folder: Folder, now: float | None = None) -> list[tuple[str, int]]:
    """Names and lengths of half-written hidden files that nobody has touched for ABANDONED seconds."""
    found: list[tuple[str, int]] = []
    for name in folder.hidden_names():
        with suppress(OSError):
            status = folder.status(name)
            old = (time.time() if now is None else now) - status.st_ctime > ABANDONED
            if name.endswith(".new") and old and stat.S_ISREG(status.st_mode):
                found.append((name, status.st_size))
    return found
