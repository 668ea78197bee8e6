"""The value files of an asset cache: found, looked at and listed without ever leaving its folder."""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from cache_studio.adapters.asset_cache.layout import Parts, layout_parts, places_inside
from cache_studio.adapters.files import Folder

MISSING = "Its value file is missing."
OUTSIDE = "Its file_path leads out of the cache; that file is not touched."
SPECIAL = "Its value file is a link or a special file; it is not opened."


@dataclass(frozen=True, slots=True)
class ValueFile:
    """The file of a row: `parts` None where there is none to be used; `problem` says why, or what is odd."""

    parts: Parts | None
    status: os.stat_result | None
    problem: str = ""

    @property
    def size(self) -> int:
        """Bytes, 0 without a file."""
        return self.status.st_size if self.status else 0


class ValueFiles:
    """Finds the files of rows. Folders that it opens stay open until the block is left."""

    def __init__(self, root: Folder) -> None:
        self._root = root
        self._open: dict[Parts, Folder | None] = {}
        self._stack = ExitStack()

    def __enter__(self) -> "ValueFiles":
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()
        self._open.clear()

    def find(self, asset_type: str, key: str, file_path: str) -> ValueFile:
        """The file of a row; where its path leads nowhere, the file that the layout gives this key."""
        inside = places_inside(file_path, self._root.path)
        by_layout = layout_parts(asset_type, key)
        for parts in inside:
            status = self._status(parts)
            if status is not None:
                return _checked(parts, status, "")
        problem = MISSING if inside else OUTSIDE
        if by_layout is not None and by_layout not in inside:
            status = self._status(by_layout)
            if status is not None:
                return _checked(by_layout, status, OUTSIDE if not inside else "")
        return ValueFile(None, None, problem)

    def _status(self, parts: Parts) -> os.stat_result | None:
        folder = self.folder(parts[:-1])
        if folder is None:
            return None
        with suppress(OSError, ValueError):
            return folder.status(parts[-1])
        return None

    def folder(self, parts: Parts) -> Folder | None:
        """The folder below the root, None when it is not there or a link."""
        if not parts:
            return self._root
        if parts not in self._open:
            above = self.folder(parts[:-1])
            self._open[parts] = None
            with suppress(OSError, ValueError):
                if above is not None:
                    self._open[parts] = self._stack.enter_context(above.below(parts[-1]))
        return self._open[parts]

    def all_in(self, asset_types: Iterable[str]) -> Iterator[tuple[Parts, os.stat_result]]:
        """All regular files directly in the folders of these types."""
        for asset_type in sorted(set(asset_types)):
            folder = self.folder((asset_type,)) if asset_type else None
            if folder is None:
                continue
            for entry in folder.walk():
                with suppress(OSError):
                    if entry.is_file(follow_symlinks=False):
                        yield (asset_type, entry.name), entry.stat(follow_symlinks=False)

    def unfinished_in(self, asset_types: Iterable[str]) -> Iterator[tuple[Parts, os.stat_result]]:
        """What we are writing, or were when we were killed, in the folders of these types."""
        for asset_type in sorted(set(asset_types)):
            folder = self.folder((asset_type,)) if asset_type else None
            if folder is None:
                continue
            for name in folder.hidden_names():
                with suppress(OSError):
                    if name.endswith(".new"):
                        yield (asset_type, name), folder.status(name)


def _checked(parts: Parts, status: os.stat_result, problem: str) -> ValueFile:
    if not stat.S_ISREG(status.st_mode):
        return ValueFile(None, None, SPECIAL)
    return ValueFile(parts, status, problem)
