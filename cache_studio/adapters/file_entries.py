"""What the formats that keep one file an entry have in common: reading, removing, restoring, measuring.

An id is the file's path from the cache's folder, `/` between the parts; names that are no UTF-8 survive
through surrogateescape. A subclass lists (`scan`) and says what a file's key and namespace are.
"""

import os
import stat
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress

from cache_studio import precedence
from cache_studio.adapters.base import Adapter, EntryCopy, Keep, Kept, require_found
from cache_studio.adapters.file_copies import (
    FileCopy,
    Outcome,
    abandoned,
    is_present,
    put_back_leftovers,
    restore_file,
)
from cache_studio.adapters.file_removal import FileRemover
from cache_studio.adapters.files import Folder, NoRegularFile
from cache_studio.adapters.moving import is_back, move_back, unpack_moved
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.errors import CacheStudioError, CacheUnavailable
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Part, Removal, Restoration, Seen, Volume

NOT_A_FILE = "This is a link or a special file; it is not opened."
"""The problem of an entry whose name belongs to no regular file."""
_AT_ONCE = 100
"""Files that are measured between two chances for the window to go first."""
_CHANGING = (Ability.REMOVE, Ability.UNDO, Ability.COMPACT)
_ABILITIES = (Ability.READ, Ability.WATCH, *_CHANGING)


class FileEntries(Adapter):
    """An adapter over a folder in which every entry is one file."""

    hint = ""
    """What `read` says of the content."""
    returns_entries = "A running application may serve removed entries from its memory until their TTL ends."

    def __init__(self, root: Folder, *, writable: bool) -> None:
        self._root = root
        self._remover = FileRemover(root, self._stamp_of_file, self.title_of)
        self.capabilities = Capabilities.of(_ABILITIES)
        if not writable:
            self.capabilities = self.capabilities.without(_CHANGING, "Attached read-only.")
        elif not os.access(root.path, os.W_OK | os.X_OK):
            self.capabilities = self.capabilities.without(_CHANGING, f"The folder “{root.path}” may not be written.")
        if self.capabilities.can(Ability.REMOVE):
            put_back_leftovers(root, self._entry_folders())

    @abstractmethod
    def title_of(self, entry_id: str) -> tuple[str, str]:
        """Key and namespace of a file, as the list shows them."""

    def folder_names(self) -> list[str]:
        """Names of the folders below the root that hold entries; empty where the root itself does."""
        return []

    def facts(self, entry_id: str, status: os.stat_result) -> tuple[Fact, ...]:
        """What no column shows of this entry."""
        return ()

    def _entry_folders(self) -> Iterator[Folder]:
        """The root and every folder below it that holds entries, one open at a time."""
        yield self._root
        for name in self.folder_names():
            with suppress(OSError), self._root.holding([*name.split("/"), ""]) as folder:
                yield folder

    def close(self) -> None:
        """Let go of the folder."""
        self._root.close()

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The file's content, cut at `max_bytes`."""
        parts = _parts(entry_id)
        try:
            with self._root.holding(parts) as folder:
                content, status = folder.read(parts[-1], max_bytes)
        except FileNotFoundError:
            require_found(None, self.title_of("/".join(parts))[0])
            raise AssertionError from None  # not reached: require_found raised
        except NoRegularFile:
            return Payload((Piece("value", b"", 0, problem=NOT_A_FILE),))
        except OSError as error:
            raise CacheUnavailable(f"The entry cannot be read: {error.strerror}.", "Refresh the list.") from error
        piece = Piece("value", content, max(status.st_size, len(content)), self.hint)
        return Payload((piece,), self.facts("/".join(parts), status))

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """Compare-and-remove, as the seam says; a file that is replaced in this very moment survives."""
        self.capabilities.require(Ability.REMOVE)
        outcomes = self._remover.remove(entries, keep)
        return [
            Removal(seen.id, outcome.fate, outcome.freed, outcome.reason)
            for seen, outcome in zip(entries, outcomes, strict=True)
        ]

    def _stamp_of_file(self, seen: Seen) -> Stamp | Outcome:
        """What tells that the file is the one that was seen, or that it is not."""
        return seen.stamp

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Bring files back with bytes, times and mode."""
        self.capabilities.require(Ability.UNDO)
        answers = [self._restored(copy, kept) for copy in copies]
        with suppress(OSError):  # a filesystem that cannot make names durable
            for folder in self._entry_folders():
                folder.settle()
        return answers

    def _restored(self, copy: EntryCopy, kept: Kept) -> Restoration:
        moved = unpack_moved(copy)
        return restore_file(self._root, copy, kept) if moved is None else move_back(self._root, moved, kept)

    def present(self, copies: Sequence[EntryCopy]) -> list[bool]:
        """Whether each file lies there as it was copied."""
        return [self._is_present(copy) for copy in copies]

    def _is_present(self, copy: EntryCopy) -> bool:
        moved = unpack_moved(copy)
        if moved is not None:
            return is_back(self._root, moved)
        try:
            return is_present(self._root, FileCopy.unpack(copy.data))
        except CacheStudioError:
            return False

    def compactable(self) -> list[Part]:
        """Half-written files that a killed process left behind."""
        lengths = [length for folder in self._entry_folders() for _name, length in abandoned(folder)]
        return [Part("leftover files", len(lengths), sum(lengths))] if lengths else []

    def compact(self) -> list[Part]:
        """Remove them."""
        self.capabilities.require(Ability.COMPACT)
        freed: list[int] = []
        for folder in self._entry_folders():
            for name, length in abandoned(folder):
                with suppress(OSError):
                    folder.unlink(name)
                    freed.append(length)
        return [Part("leftover files", len(freed), sum(freed))] if freed else []

    def measure(self) -> Volume:
        """The lengths of all files of the cache, whatever they are; what `compact` would give back of them."""
        volume = 0
        for folder in self._entry_folders():
            with os.scandir(folder.path if folder.descriptor is None else folder.descriptor) as found:
                for number, entry in enumerate(found):
                    if not number % _AT_ONCE:
                        precedence.let_pass()
                    with suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        volume += status.st_size if stat.S_ISREG(status.st_mode) else 0
        return Volume(volume, sum(part.bytes for part in self.compactable()))

    def watched(self) -> tuple[tuple[str, bool], ...]:
        """The cache's folder."""
        return ((self._root.path, bool(self.folder_names())),)

    def relative(self, changed: str) -> str:
        """The id that a changed file would have, from its path or its name in the folder; "" for one elsewhere."""
        if not os.path.isabs(changed):
            return changed.replace(os.sep, "/")
        relative = os.path.relpath(changed, self._root.path)
        return "" if relative.startswith(os.pardir) else relative.replace(os.sep, "/")


def _parts(entry_id: EntryId) -> tuple[str, ...]:
    assert isinstance(entry_id, str)
    return tuple(entry_id.split("/"))
