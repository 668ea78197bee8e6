"""The value files of the entries that the runtime stores: where each lies, written whole, read and removed."""

import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cache_studio.adapters.asset_cache.layout import Parts, layout_parts
from cache_studio.adapters.asset_cache.names import DATABASE, OTHER_SUFFIX, SUFFIXES
from cache_studio.adapters.asset_cache.value_files import ValueFiles
from cache_studio.adapters.file_copies import ABANDONED
from cache_studio.adapters.files import Folder, NoRegularFile, fresh_name, write_all
from cache_studio.adapters.key_access import Place

_PLAIN = re.compile(r"[0-9a-z_][0-9a-z._-]{0,127}")
"""Types and keys that are names of files everywhere, and no two of which are one name anywhere."""
_HASHED = re.compile(r"[0-9a-f]{128}")


class Unfinished:
    """A value that is written, under a name that nobody reads."""

    def __init__(self, folder: Folder, temporary: str, name: str) -> None:
        self._folder = folder
        self._temporary = temporary
        self._name = name

    def publish(self) -> None:
        """Let the entry have it, in place of what it had."""
        folder = self._folder
        os.replace(
            folder.at(self._temporary),
            folder.at(self._name),
            src_dir_fd=folder.descriptor,
            dst_dir_fd=folder.descriptor,
        )


class EntryFiles:
    """The files below the folder of an asset cache. OSError leaves its methods where nothing else is said."""

    def __init__(self, root: Folder) -> None:
        self.root = root

    def parts(self, asset_type: str, key: str) -> Parts:
        """Where a new value lies: where the application puts it, or under a hash where that is no safe name.

        No two entries share a file: what looks like such a hash is hashed, too.
        """
        by_layout = layout_parts(asset_type, key)
        if by_layout is not None and _is_plain(asset_type) and _is_plain(key):
            return by_layout
        folder = asset_type if _is_plain(asset_type) else _hash(asset_type)
        return folder, _hash(key) + SUFFIXES.get(asset_type, OTHER_SUFFIX)

    def path(self, parts: Parts) -> str:
        """The whole path, as a row names it."""
        return os.path.join(self.root.path, *parts)

    @contextmanager
    def written(self, parts: Parts, content: bytes) -> Iterator[Unfinished]:
        """A value on its way to `parts`; it is gone at the end of the block unless it was published."""
        with self.root.holding(parts, create=True) as folder:
            temporary = fresh_name()
            descriptor = folder.create(temporary, 0o666)
            try:
                try:
                    write_all(descriptor, content)
                finally:
                    os.close(descriptor)
                yield Unfinished(folder, temporary, parts[-1])
            finally:
                with suppress(OSError):  # it was published
                    folder.unlink(temporary)

    def locate(self, files: ValueFiles, place: Place, file_path: str) -> tuple[Parts, int] | None:
        """Where the file of a row lies and its bytes, None where it has none.

        A file that was stored here is looked for in one place only: no path has to be resolved.
        """
        asset_type, key = place
        parts = self.parts(asset_type, key)
        if file_path == self.path(parts):
            folder = files.folder(parts[:-1])
            with suppress(OSError):
                status = None if folder is None else folder.status(parts[-1])
                return (parts, status.st_size) if status is not None and stat.S_ISREG(status.st_mode) else None
            return None
        found = files.find(asset_type, key, file_path)
        return None if found.parts is None else (found.parts, found.size)

    def read(self, place: Place, file_path: str) -> bytes | None:
        """The content of a row's file, None where there is none that can be read."""
        with ValueFiles(self.root) as files:
            parts = self.parts(*place)
            if file_path != self.path(parts):
                located = self.locate(files, place, file_path)
                if located is None:
                    return None
                parts = located[0]
            folder = files.folder(parts[:-1])
            try:
                return None if folder is None else folder.read(parts[-1])[0]
            except (OSError, NoRegularFile):
                return None

    def unlink(self, files: ValueFiles, parts: Parts) -> None:
        """Remove a file; what cannot be removed stays as an orphan for `compact`."""
        folder = files.folder(parts[:-1])
        with suppress(OSError):
            if folder is not None:
                folder.unlink(parts[-1])

    def remove_unfinished(self) -> int:
        """Remove what killed processes left half written; the bytes."""
        freed = 0
        for name in [entry.name for entry in self.root.walk() if entry.is_dir(follow_symlinks=False)]:
            with suppress(OSError), self.root.below(name) as folder:
                for hidden in folder.hidden_names():
                    status = folder.status(hidden)
                    if hidden.endswith(".new") and time.time() - status.st_mtime > ABANDONED:
                        folder.unlink(hidden)
                        freed += status.st_size
        return freed


def _is_plain(name: str) -> bool:
    return _PLAIN.fullmatch(name) is not None and not _HASHED.fullmatch(name) and not name.startswith(DATABASE)


def _hash(text: str) -> str:
    return hashlib.sha512(text.encode("utf-8", "surrogateescape")).hexdigest()
