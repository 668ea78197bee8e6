"""The studio's side of npm-cacache."""

import json
import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from cache_studio.adapters.base import EntryCopy, Keep, require_found
from cache_studio.adapters.file_listing import EMPTY, FileListing, Look, Parsed
from cache_studio.adapters.files import Folder, NoRegularFile, read_up_to, stamp_of
from cache_studio.adapters.folder_volume import volume_below
from cache_studio.adapters.npm_cacache.layout import CACHE, INDEX, bucket_of, content_parts, is_bucket, last_line
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.errors import WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Fate, Removal, Seen, Volume
from cache_studio.model.targets import Target
from cache_studio.model.times import number_of, parse_time

TAIL = 1_000_000
"""Bytes at the end of a bucket that are read: the newest line is the last."""
_DEPTH = 8
_BROKEN = "No line of this file is whole: npm takes it for empty."
_CONTENT = "Only lines of the index are removed: “npm cache verify” then removes the content that none of them names."


class CacacheAdapter(FileListing):
    """A file of lines a key, of which the last is valid; the size is that of the content.

    Removing takes the whole file of lines, as cacache does with `removeFully`. A key whose last line is a deletion is
    no entry.
    """

    hint = "json"
    suffix = ""
    nested = True
    pending_columns = ()
    returns_entries = _CONTENT

    def __init__(self, root: Folder, cache: Folder, *, writable: bool) -> None:
        self._cache = cache
        super().__init__(root, writable=writable)

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "CacacheAdapter":
        """Open npm's folder, the cache in it, or the index in that."""
        location = os.path.abspath(target.location)
        with Folder.open(location):  # says it where it is none
            pass
        if os.path.isdir(os.path.join(location, CACHE)):
            location = os.path.join(location, CACHE)
        elif os.path.basename(location) == INDEX:
            location = os.path.dirname(location)
        cache = Folder.open(location)
        try:
            return cls(cache.below(INDEX), cache, writable=writable)
        except OSError:
            cache.close()
            raise WrongFormat(f"“{target.location}” holds no “{INDEX}”.", "Give the folder “_cacache”.") from None

    def close(self) -> None:
        """Let go of the folders."""
        super().close()
        self._cache.close()

    # Listing.

    def child_listing(self) -> tuple[str, Sequence[object]]:
        """`list_buckets` on the same folders."""
        return LIST_BUCKETS, (os.fsencode(self._cache.path),)

    def _files(self, folder: Folder, prefix: str, depth: int) -> Iterator[tuple[Folder, str, str]]:
        found = super()._files(folder, prefix, depth)
        return ((place, before, name) for place, before, name in found if is_bucket(before + name))

    def _look_in(self, folder: Folder, name: str, entry_id: str) -> Look | None:
        look = super()._look_in(folder, name, entry_id)
        return None if look is None or look.parsed.fields.get("integrity", "") is None else look

    def parse(self, descriptor: int, status: os.stat_result) -> Parsed:
        """The newest line."""
        if status.st_size > TAIL:
            os.lseek(descriptor, -TAIL, os.SEEK_END)
        found = last_line(read_up_to(descriptor, min(status.st_size, TAIL)))
        if found is None:
            return Parsed({}, _BROKEN if status.st_size else EMPTY)
        return Parsed({"integrity": None, **found})

    def read_on(self, look: Look) -> Look:
        """Nothing is pending."""
        return look

    def columns(self, looks: Sequence[Look], pending: Sequence[str] = ()) -> Batch:
        """Key, time and size as the line says them; freshness is up to the headers of a response."""
        fields = [look.parsed.fields for look in looks]
        return make_batch(
            [look.id for look in looks],
            [_key(look) for look in looks],
            [stamp_of(look.status) for look in looks],
            problems={row: look.parsed.problem for row, look in enumerate(looks) if look.parsed.problem},
            pending=pending,
            size=[_size(found) for found in fields],
            created=[parse_time(found.get("time"), "milliseconds") for found in fields],
        )

    def likely_id(self, key: str, namespace: str | None) -> str | None:
        """The key's own file."""
        return None if namespace else bucket_of(key)

    def changes(self, names: Collection[str]) -> tuple[Batch, list[EntryId]] | None:
        """Files of lines that changed; None where a folder did."""
        ids = [self.relative(name) for name in names]
        return super().changes(ids) if all(is_bucket(entry_id) for entry_id in ids) else None

    def title_of(self, entry_id: str) -> tuple[str, str]:
        """The key."""
        look = self.look(entry_id)
        return (entry_id.rpartition("/")[2] if look is None else _key(look)), ""

    def folder_names(self) -> list[str]:
        """The folders of the index that hold files of lines."""
        found: list[str] = []
        for first in self._root.walk():
            with suppress(OSError), self._root.below(first.name) as below:
                found += [f"{first.name}/{second.name}" for second in below.walk()]
        return found

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The newest line, and the content that it names."""
        look = self.look(str(entry_id))
        require_found(look, self.title_of(str(entry_id))[0])
        assert look is not None
        if look.parsed.problem:
            return super().read(entry_id, max_bytes)
        line = json.dumps(look.parsed.fields).encode()
        return Payload((Piece("value", line[:max_bytes], len(line), "json"), self._body(look, max_bytes)), _facts(look))

    def _body(self, look: Look, max_bytes: int | None) -> Piece:
        parts = content_parts(look.parsed.fields)
        if parts is None:
            return Piece("body", b"", 0, problem="The line names no content.")
        try:
            with self._cache.holding(parts) as folder:
                content, status = folder.read(parts[-1], max_bytes)
        except (OSError, NoRegularFile):
            return Piece("body", b"", 0, problem="The content is gone: npm fetches it again.")
        return Piece("body", content, max(status.st_size, len(content)))

    def details(self) -> Mapping[str, object]:
        """What becomes of the content."""
        return {"content": _CONTENT}

    def measure(self) -> Volume:
        """The lengths of all files of the cache: index, content and what is being written."""
        return Volume(volume_below(self._cache, _DEPTH), sum(part.bytes for part in self.compactable()))

    # Changing.

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """Compare-and-remove of the files of lines; the content is shared and stays."""
        removals = super().remove(entries, None if keep is None else _WithSize(keep, self))
        return [removal._replace(fate=self._fate(removal)) for removal in removals]

    def _fate(self, removal: Removal) -> Fate:
        """A file that changed by a line of deletion is that of an entry that is gone."""
        changed = removal.fate is Fate.CHANGED
        return Fate.GONE if changed and self.look(str(removal.id)) is None else removal.fate


class _WithSize:
    """A `Keep` that is told the size of the entry in place of that of its file of lines."""

    def __init__(self, keep: Keep, adapter: CacacheAdapter) -> None:
        self._keep = keep
        self._adapter = adapter

    def file(self, descriptor: int, length: int) -> str:
        """As the `Keep` does."""
        return self._keep.file(descriptor, length)

    def copies(self, copies: Sequence[EntryCopy]) -> None:
        """The copies, each with its entry's size."""
        looks = [self._adapter.look(os.fsdecode(copy.id)) for copy in copies]
        sizes = [math.nan if look is None else _size(look.parsed.fields) for look in looks]
        pairs = zip(copies, sizes, strict=True)
        self._keep.copies([copy if math.isnan(size) else replace(copy, size=int(size)) for copy, size in pairs])

    def version(self, descriptor: int, length: int, name: str) -> str:
        """As the `Keep` does."""
        return self._keep.version(descriptor, length, name)


def _key(look: Look) -> str:
    key = look.parsed.fields.get("key")
    if not isinstance(key, str):
        return look.id.replace("/", "")
    return key.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")


def _size(fields: Mapping[str, object]) -> float:
    size = number_of(fields.get("size"))
    return size if 0 <= size < 2**63 else math.nan


def _facts(look: Look) -> tuple[Fact, ...]:
    fields = look.parsed.fields
    metadata: Any = fields.get("metadata")
    found = metadata if isinstance(metadata, dict) else {}
    named = (("URL", found.get("url")), ("Status", found.get("status")), ("Integrity", fields.get("integrity")))
    return tuple(Fact(name, str(value)[:2_000]) for name, value in named if isinstance(value, str | int))


LIST_BUCKETS = f"{__name__}:list_buckets"


def list_buckets(path: bytes, identity: Sequence[int], listed: Collection[str]) -> Iterator[dict[str, Any]]:
    """`FileListing.frames` of this cache; runs in a child process."""
    cache = Folder.open(os.fsdecode(path))
    adapter = CacacheAdapter(cache.below(INDEX), cache, writable=False)
    try:
        yield from adapter.frames(identity, listed)
    finally:
        adapter.close()
