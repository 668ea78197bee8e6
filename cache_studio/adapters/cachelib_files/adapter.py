"""The adapter of cachelib's FileSystemCache; the file that counts the entries is kept right."""

import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import md5, sha256
from typing import Any

from cache_studio.adapters.base import EntryCopy, Keep, Kept
from cache_studio.adapters.cachelib_files import COUNT_FILES, HALF_WRITTEN, NAME
from cache_studio.adapters.cachelib_files.layout import counted, head_for, head_of
from cache_studio.adapters.files import Folder, NoRegularFile, fresh_name, write_all
from cache_studio.adapters.headed_files import HEAD, Head, HeadedFiles
from cache_studio.model.errors import WrongFormat
from cache_studio.model.options import OptionValue
from cache_studio.model.seeing import Fate, Removal, Restoration, Return, Seen
from cache_studio.model.targets import Target

LIST_FILES = f"{__name__}:list_files"
_VIEW = "view/"
"""What Flask-Caching puts before the path of a cached view."""


class CachelibFilesAdapter(HeadedFiles):
    """A file an entry: its expiry, then its value, mostly a pickle."""

    suffix = ""

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "CachelibFilesAdapter":
        """Open the folder; WrongFormat where other files lie there and none of cachelib's."""
        root = Folder.open(os.path.abspath(target.location))
        try:
            others = False
            for entry in root.walk():
                if NAME.fullmatch(entry.name):
                    break
                others = others or entry.is_file(follow_symlinks=False)
            else:
                if others:
                    raise WrongFormat("None of the files in this folder is of cachelib.", "Check the path.")
            return cls(root, writable=writable)
        except BaseException:
            root.close()
            raise

    def head_of(self, content: bytes) -> Head | None:
        """Four bytes."""
        return head_of(content)

    def head_for(self, moment: float) -> tuple[bytes, float]:
        """Whole seconds."""
        return head_for(moment)

    def is_entry(self, name: str) -> bool:
        """Whether it is the hash of a key, and not of that of the count."""
        return NAME.fullmatch(name) is not None and name not in COUNT_FILES

    def names_of(self, key: str) -> Sequence[str]:
        """Both hashes of the key, also of that under which Flask-Caching keeps a view; and the hash itself."""
        keys = [key, *([_VIEW + key] if key.startswith("/") else [])]
        contents = [one.encode("utf-8", "surrogateescape") for one in keys]
        hashes = [(sha256(one).hexdigest(), md5(one, usedforsecurity=False).hexdigest()) for one in contents]
        return [key, *(name for pair in hashes for name in pair)]

    def child_listing(self) -> tuple[str, Sequence[object]]:
        """`list_files` on the same folder."""
        return LIST_FILES, (os.fsencode(self._root.path),)

    # Removing and restoring.

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """As for all files, and then the count."""
        answers = super().remove(entries, keep)
        if any(answer.fate is Fate.REMOVED for answer in answers):
            self._count_anew()
        return answers

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """As for all files, and then the count."""
        answers = super().restore(copies, kept)
        if any(answer.fate is Return.RESTORED for answer in answers):
            self._count_anew()
        return answers

    def _count_anew(self) -> None:
        """Else the application would take the cache for fuller than it is, and evict early."""
        names = {entry.name for entry in self._root.walk()}
        for name in COUNT_FILES:
            if name in names:
                # The application counts whatever lies in the folder.
                count = sum(other != name and not other.endswith(HALF_WRITTEN) for other in names)
                with suppress(OSError, NoRegularFile):  # it is right again when the application starts
                    self._write_count(name, count)

    def _write_count(self, name: str, count: int) -> None:
        content, status = self._root.read(name, HEAD)
        wanted = counted(content, count)
        if wanted is None or wanted == content:
            return
        temporary = fresh_name()
        descriptor = self._root.create(temporary)
        try:
            write_all(descriptor, wanted)
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
        finally:
            os.close(descriptor)
        self._root.rename(temporary, self._root, name)

    # Figures.

    def details(self) -> Mapping[str, object]:
        """How many entries are named by each hash: after an upgrade of cachelib those of the old one are never read."""
        lengths = [len(entry.name) for entry in self._root.walk() if self.is_entry(entry.name)]
        counts = [name for name in COUNT_FILES if name in {entry.name for entry in self._root.walk()}]
        return {"sha256_names": lengths.count(64), "md5_names": lengths.count(32), "count_files": len(counts)}


def list_files(path: bytes, identity: Sequence[int], listed: Collection[str]) -> Iterator[dict[str, Any]]:
    """`FileListing.frames` of this folder; runs in a child process."""
    with Folder.open(os.fsdecode(path)) as root:
        yield from CachelibFilesAdapter(root, writable=False).frames(identity, listed)
