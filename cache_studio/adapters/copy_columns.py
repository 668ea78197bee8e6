"""The copies of one batch as columns: a few lists, and an object only where one is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

from cache_studio.adapters.base import EntryCopy


@dataclass(frozen=True, slots=True)
class CopyColumns(Sequence[EntryCopy]):
    """Copies as `Keep.copies` takes them; the fields of `EntryCopy`, each a list of the same length."""

    keys: Sequence[str]
    namespaces: Sequence[str]
    sizes: Sequence[int]
    data: Sequence[bytes]
    ids: Sequence[bytes]
    files: Sequence[tuple[str, ...]]

    @classmethod
    def of(cls, copies: Sequence[EntryCopy]) -> "CopyColumns":
        """The same copies, in the same order."""
        if isinstance(copies, CopyColumns):
            return copies
        return cls(
            [copy.key for copy in copies],
            [copy.namespace for copy in copies],
            [copy.size for copy in copies],
            [copy.data for copy in copies],
            [copy.id for copy in copies],
            [copy.files for copy in copies],
        )

    def with_ids(self, ids: Sequence[bytes]) -> "CopyColumns":
        """The same copies under other ids."""
        return replace(self, ids=ids)

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> EntryCopy: ...
    @overload
    def __getitem__(self, at: slice) -> "CopyColumns": ...
    def __getitem__(self, at: int | slice) -> "EntryCopy | CopyColumns":
        if isinstance(at, int):
            return EntryCopy(
                self.keys[at], self.namespaces[at], self.sizes[at], self.data[at], self.ids[at], self.files[at]
            )
        return CopyColumns(
            self.keys[at], self.namespaces[at], self.sizes[at], self.data[at], self.ids[at], self.files[at]
        )
