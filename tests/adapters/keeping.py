"""A trash in memory: what `remove` hands over and `restore` takes back, for the tests of every adapter."""

import io
import os
from collections.abc import Callable, Sequence
from typing import BinaryIO

from cache_studio.adapters.base import EntryCopy
from cache_studio.model.errors import CacheStudioError


class MemoryKeep:
    """A `Keep` and a `Kept`. `before_taking` runs while the copies are handed over: nothing may be removed yet."""

    def __init__(self, before_taking: Callable[[], None] | None = None) -> None:
        self.taken: list[EntryCopy] = []
        self.files: dict[str, bytes] = {}
        self.versions: list[bytes] = []
        self._before_taking = before_taking

    def file(self, descriptor: int, length: int) -> str:
        """Take the first `length` bytes of an open file."""
        content = bytearray()
        while len(content) < length:
            part = os.pread(descriptor, min(1 << 20, length - len(content)), len(content))
            if not part:
                break
            content += part
        name = f"file-{len(self.files)}"
        self.files[name] = bytes(content)
        return name

    def copies(self, copies: Sequence[EntryCopy]) -> None:
        """Take the copies of one batch."""
        if self._before_taking:
            self._before_taking()
        self.taken.extend(copies)

    def version(self, descriptor: int, length: int, name: str) -> str:
        """Take a whole displaced file."""
        self.versions.append(os.pread(descriptor, length, 0))
        return f"A version of {name} is kept."

    def open(self, name: str) -> BinaryIO:
        """A taken file."""
        return io.BytesIO(self.files[name])


class FullKeep(MemoryKeep):
    """A `Keep` that has no room: it takes nothing."""

    def file(self, descriptor: int, length: int) -> str:
        raise CacheStudioError("The trash is full.", "Make room.")

    def copies(self, copies: Sequence[EntryCopy]) -> None:
        raise CacheStudioError("The trash is full.", "Make room.")
