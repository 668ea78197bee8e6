"""The studio's side of hishel 0.1's files."""

import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from cache_studio.adapters.file_listing import EMPTY, Look, Parsed
from cache_studio.adapters.files import Folder, read_up_to
from cache_studio.adapters.hashed_files import HashedFiles
from cache_studio.adapters.hishel_0.layout import BROKEN, HEAD, NAME, TAIL, Tail, read_tail, serializer_of, stored_keys
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload
from cache_studio.model.seeing import Source
from cache_studio.model.targets import Target


class HishelFilesAdapter(HashedFiles):
    """A JSON file a response; the application goes by the file's time, so that is when the entry was stored."""

    returns_entries = ""
    sources = {"expires": Source.DERIVED}

    def __init__(self, root: Folder, ttl: float, *, writable: bool) -> None:
        super().__init__(root, writable=writable)
        self._ttl = ttl

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "HishelFilesAdapter":
        """Open the folder."""
        root = Folder.open(os.path.abspath(target.location))
        ttl = options.get("ttl")
        try:
            return cls(root, float(ttl) if isinstance(ttl, int | float) else math.nan, writable=writable)
        except BaseException:
            root.close()
            raise

    def child_listing(self) -> tuple[str, Sequence[object]]:
        """`list_files` on the same folder with the same TTL."""
        return LIST_FILES, (os.fsencode(self._root.path), self._ttl)

    def is_entry(self, name: str) -> bool:
        """Whether it is a hash as the library makes it."""
        return NAME.fullmatch(name) is not None

    def ids_of(self, key: str) -> list[str]:
        """The hashes of method and URL, and the key itself where it is one."""
        return [name for name in stored_keys(key) if self.is_entry(name)]

    def parse(self, descriptor: int, status: os.stat_result) -> Parsed:
        """The end of the file, where request and figures stand."""
        head = os.read(descriptor, HEAD)
        if not head:
            return Parsed({}, EMPTY)
        os.lseek(descriptor, max(0, status.st_size - TAIL), os.SEEK_SET)
        tail = read_tail(read_up_to(descriptor, TAIL))
        if tail is None:
            return Parsed({}, BROKEN if serializer_of(head) == "json" else "")
        return Parsed({"tail": tail})

    def stamp(self, look: Look) -> Stamp:
        """With the number of uses: the library keeps the file's time when it counts one."""
        inode, changed, length = super().stamp(look)
        tail = _tail(look)
        uses = 0 if tail is None or math.isnan(tail.uses) else int(tail.uses)
        return inode, changed, length ^ (uses << 40 & (1 << 62) - 1)

    def columns(self, looks: Sequence[Look], pending: Sequence[str] = ()) -> Batch:
        """Method and URL, uses, and the file's time."""
        tails = [_tail(look) for look in looks]
        return make_batch(
            [look.id for look in looks],
            [tail.title if tail else look.id for tail, look in zip(tails, looks, strict=True)],
            [self.stamp(look) for look in looks],
            problems={row: look.parsed.problem for row, look in enumerate(looks) if look.parsed.problem},
            size=[look.status.st_size for look in looks],
            created=[look.status.st_mtime for look in looks],
            expires=[look.status.st_mtime + self._ttl for look in looks],
            hits=[math.nan if tail is None else tail.uses for tail in tails],
        )

    def title_of(self, entry_id: str) -> tuple[str, str]:
        """Method and URL, or the name where they cannot be read."""
        look = self.look(entry_id)
        tail = None if look is None else _tail(look)
        return (tail.title if tail else entry_id), ""

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The stored response, its content in base64 within; where it is a pickle, nothing of that is run."""
        payload = super().read(entry_id, max_bytes)
        (piece,) = payload.pieces
        look = self.look(str(entry_id))
        tail = None if look is None else _tail(look)
        hint = serializer_of(piece.data[:HEAD])
        named = type(piece)(piece.name, piece.data, piece.total, hint, piece.problem)
        facts = (Fact("URL", tail.url), Fact("Method", tail.method)) if tail else ()
        return Payload((named,), (*facts, Fact("Cache key", str(entry_id))))


def _tail(look: Look) -> Tail | None:
    tail = look.parsed.fields.get("tail")
    return tail if isinstance(tail, Tail) else None


LIST_FILES = f"{__name__}:list_files"


def list_files(path: bytes, ttl: float, identity: Sequence[int], listed: Collection[str]) -> Iterator[dict[str, Any]]:
    """`FileListing.frames` of this folder; runs in a child process."""
    with Folder.open(os.fsdecode(path)) as root:
        yield from HishelFilesAdapter(root, ttl, writable=False).frames(identity, listed)
