"""A bounded look at a place, enough to recognise a format: heads and names, nothing followed, nothing run.

Made in a child process only: reading a database's head in the process that holds it open would drop
that process's locks (reliability.md, finding 5).
"""

import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from cache_studio.adapters.sqlite_open import Table

HEAD_BYTES = 65_536
"""How much of a file is read."""
NAMES = 2_000
"""How many names of a folder are read."""
SQLITE_MAGIC = b"SQLite format 3\x00"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Sight:
    """What stands at `path`. Every look is bounded and tolerant: what cannot be read looks empty."""

    path: str
    _below: "dict[str, Sight]" = field(default_factory=dict, init=False, repr=False, compare=False)
    _told: dict[Callable[["Sight"], Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def kind(self) -> str:
        """ "file", "folder", "missing" or "other" (a pipe, a device). A link at the target itself is followed."""
        try:
            mode = os.stat(self.path).st_mode
        except (OSError, ValueError):
            return "missing"
        return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"

    @cached_property
    def name(self) -> str:
        """The last part of the path."""
        return os.path.basename(os.path.abspath(self.path))

    @cached_property
    def head(self) -> bytes:
        """The first bytes of a file, b"" for anything else."""
        return _head(self.path) if self.kind == "file" else b""

    @cached_property
    def size(self) -> int:
        """Bytes of a file, 0 for anything else."""
        return os.stat(self.path).st_size if self.kind == "file" else 0

    @cached_property
    def _entries(self) -> tuple[list[str], list[str]]:
        files: list[str] = []
        folders: list[str] = []
        if self.kind == "folder":
            try:
                with os.scandir(self.path) as walk:
                    for entry in islice(walk, NAMES):
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.name)
                        elif entry.is_file(follow_symlinks=False):
                            files.append(entry.name)
            except OSError:
                return [], []
        return sorted(files), sorted(folders)

    @property
    def files(self) -> list[str]:
        """Names of regular files in the folder (at most NAMES are looked at), sorted."""
        return self._entries[0]

    @property
    def folders(self) -> list[str]:
        """Names of folders in the folder, links left out, sorted."""
        return self._entries[1]

    def below(self, name: str) -> "Sight":
        """A look at something in this folder, the same each time; a link is not followed and looks missing."""
        found = self._below.get(name)
        if found is None:
            path = os.path.join(self.path, name)
            found = self._below[name] = Sight(os.devnull + "/missing") if os.path.islink(path) else Sight(path)
        return found

    def once(self, tell: Callable[["Sight"], _T]) -> _T:
        """What this function tells of the place; formats that need to know the same share its answer."""
        if tell not in self._told:
            self._told[tell] = tell(self)
        told: _T = self._told[tell]
        return told

    def object_head(self) -> Mapping[str, object] | None:
        """The JSON object in the file where the head holds all of it, else None."""
        try:
            found = json.loads(self.head) if self.size <= HEAD_BYTES else None
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    @cached_property
    def tables(self) -> "Mapping[str, Table]":
        """The tables of a SQLite database by name; empty for anything else."""
        if not self.head.startswith(SQLITE_MAGIC):
            return {}
        from cache_studio.adapters.sqlite_open import read_schema

        return read_schema(self.path)


def _head(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError):
        return b""
    try:
        return os.read(descriptor, HEAD_BYTES)
    except OSError:
        return b""
    finally:
        os.close(descriptor)
