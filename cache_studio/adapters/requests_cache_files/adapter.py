"""The studio's side of requests-cache's files: a response each, its expiry within."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgpack
import numpy as np

from cache_studio.adapters.base import EntryCopy, Keep
from cache_studio.adapters.base import Kept as KeptFiles
from cache_studio.adapters.defaults import join, without
from cache_studio.adapters.file_listing import FileListing, Look, Parsed
from cache_studio.adapters.files import Folder, read_up_to, stamp_of
from cache_studio.adapters.requests_cache_files import REDIRECTS
from cache_studio.adapters.requests_cache_files.beside import Beside, Kept
from cache_studio.adapters.requests_cache_files.recognise import USUAL, ending_of
from cache_studio.adapters.stored_responses import END, LARGEST_JSON, Told, told, told_by_ends
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.errors import CacheStudioError, WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact
from cache_studio.model.seeing import Fate, Part, Removal, Restoration, Return, Seen, Volume
from cache_studio.model.targets import Target

_HINTS = {".json": "json", ".pkl": "pickle"}


class RequestsCacheFilesAdapter(FileListing):
    """Method, URL and times come from within; when it was used from the LRU index, where there is one."""

    pending_columns = ()
    returns_entries = ""

    def __init__(self, root: Folder, suffix: str, *, writable: bool) -> None:
        self.suffix = suffix  # type: ignore[misc]  # the application chooses it, so it is each cache's own
        self.hint = _HINTS.get(suffix, "")
        super().__init__(root, writable=writable)
        self._beside = Beside(root, suffix)
        if self._beside.has_index:
            allowed = self.capabilities.allowed | {Ability.ACCESS_TIMES}
            self.capabilities = Capabilities(allowed, self.capabilities.reasons)

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "RequestsCacheFilesAdapter":
        """Open the folder. Its entries are the files of the ending that most of those have which a hash names."""
        root = Folder.open(os.path.abspath(target.location))
        try:
            names = [entry.name for entry in root.walk()]
            if REDIRECTS not in names:
                raise WrongFormat(f"The folder has no {REDIRECTS}.", "requests-cache keeps one beside its files.")
            return cls(root, ending_of(names) or USUAL, writable=writable)
        except BaseException:
            root.close()
            raise

    def child_listing(self) -> tuple[str, Sequence[object]]:
        """`list_files` on the same folder."""
        return LIST_FILES, (os.fsencode(self._root.path), self.suffix)

    def likely_id(self, key: str, namespace: str | None) -> str | None:
        """A hash names its file; where a URL is kept only its content tells."""
        return None

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By the hash that the library computes, and by what is shown."""
        if namespace:
            return join([])
        looks = [look for key in sorted(set(keys)) if (look := self.look(key + self.suffix)) is not None]
        by_hash = self.columns(looks) if looks else join([])
        rest = set(keys) - {self._hash(look.id) for look in looks}
        shown = super().lookup(rest) if rest else join([])
        return join([batch for batch in (by_hash, without(shown, set(by_hash.ids))) if len(batch)])

    # Listing.

    def parse(self, descriptor: int, status: os.stat_result) -> Parsed:
        """What both ends of a file tell; all of it where they do not suffice."""
        size = status.st_size
        head = read_up_to(descriptor, min(size, END))
        os.lseek(descriptor, max(len(head), size - END), os.SEEK_SET)
        tail = read_up_to(descriptor, min(END, max(0, size - len(head))))
        found = told_by_ends(head, tail, len(head) + len(tail) if size <= 2 * END else size)
        if found is None:
            os.lseek(descriptor, 0, os.SEEK_SET)
            found = told(read_up_to(descriptor, size)) if size <= LARGEST_JSON else Told()
        return Parsed({"told": found}, found.problem)

    def read_on(self, look: Look) -> Look:
        """Nothing is left pending."""
        return look

    def columns(self, looks: Sequence[Look], pending: Sequence[str] = ()) -> Batch:
        """All that a response says of itself, and when it was used last."""
        found = [_told(look) for look in looks]
        return make_batch(
            [look.id for look in looks],
            [self._title(look) for look in looks],
            [stamp_of(look.status) for look in looks],
            types=[one.media_type for one in found],
            problems={row: look.parsed.problem for row, look in enumerate(looks) if look.parsed.problem},
            pending=pending,
            size=[look.status.st_size for look in looks],
            created=[one.created for one in found],
            expires=[one.expires for one in found],
            accessed=self._accessed([self._hash(look.id) for look in looks]),
        )

    def _accessed(self, keys: Sequence[str]) -> Sequence[float]:
        try:
            known = self._beside.accessed(keys) if self._beside.has_index else {}
        except CacheStudioError:  # locked or damaged this moment: not known, which keeps nobody from listing
            known = {}
        return [known.get(key, np.nan) for key in keys]

    def _hash(self, entry_id: EntryId) -> str:
        return str(entry_id).removesuffix(self.suffix)

    def _title(self, look: Look) -> str:
        return _told(look).title or self._hash(look.id)

    def title_of(self, entry_id: str) -> tuple[str, str]:
        """Method and URL, else the hash."""
        look = self.look(entry_id)
        return (self._hash(entry_id) if look is None else self._title(look)), ""

    def facts(self, entry_id: str, status: os.stat_result) -> tuple[Fact, ...]:
        """URL, status, hash and where a redirect led."""
        look = self.look(entry_id)
        return () if look is None else _told(look).facts(self._hash(entry_id))

    # Removing and restoring, with what lies beside.

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """Files by compare-and-remove; then the redirects to those that are gone, and their rows of the index."""
        self.capabilities.require(Ability.REMOVE)
        beside = self._beside.kept([self._hash(entry.id) for entry in entries])
        packing = None if keep is None else _Packing(keep, {key + self.suffix: kept for key, kept in beside.items()})
        answers = super().remove(entries, packing)
        gone = {self._hash(answer.id) for answer in answers if answer.fate is Fate.REMOVED}
        try:
            self._beside.remove({key: kept for key, kept in beside.items() if key in gone})
        except CacheStudioError as error:
            reason = f"The file is removed, what the library keeps beside it is not: {error.message}"
            return [one._replace(reason=reason) if one.fate is Fate.REMOVED else one for one in answers]
        return answers

    def restore(self, copies: Sequence[EntryCopy], kept: KeptFiles) -> list[Restoration]:
        """Files with bytes, times and mode, then what lay beside them."""
        self.capabilities.require(Ability.UNDO)
        opened = [self._unpacked(copy) for copy in copies]
        answers = super().restore([copy for copy, _beside in opened], kept)
        pairs = zip(opened, answers, strict=True)
        try:
            self._beside.put_back([beside for (_c, beside), answer in pairs if answer.fate is Return.RESTORED])
        except CacheStudioError as error:
            reason = f"The file is back, what the library kept beside it is not: {error.message}"
            return [replace(one, reason=reason) if one.fate is Return.RESTORED else one for one in answers]
        return answers

    def _is_present(self, copy: EntryCopy) -> bool:
        file, beside = self._unpacked(copy)
        return super()._is_present(file) and self._beside.holds(beside)

    def _unpacked(self, copy: EntryCopy) -> tuple[EntryCopy, Kept]:
        """The copy of the file alone and what lay beside it; a damaged one stays as it is, to be refused."""
        try:
            packed = msgpack.unpackb(copy.data, unicode_errors="surrogateescape")
            return replace(copy, data=packed["file"]), self._beside.unpacked(packed["beside"])
        except (ValueError, TypeError, KeyError, msgpack.UnpackException):
            return copy, Kept()

    # Space and figures.

    def compactable(self) -> list[Part]:
        """Half-written files of ours, redirects and rows of the index that lead to no file."""
        return [*super().compactable(), *self._beside.useless()]

    def compact(self) -> list[Part]:
        """Remove them, as the library would."""
        return [*super().compact(), *self._beside.prune()]

    def measure(self) -> Volume:
        """All files of the folder, the two databases as well; only half-written files take bytes of their own."""
        volume = super().measure()
        return replace(volume, reclaimable=sum(part.bytes for part in super().compactable()))

    def details(self) -> Mapping[str, object]:
        """How the files end, and whether an index is kept of their use."""
        return {"ending": self.suffix, "lru_index": self._beside.has_index}


class _Packing:
    """A keep that puts what lies beside a file into the file's copy."""

    def __init__(self, keep: Keep, beside: Mapping[str, Kept]) -> None:
        self._keep = keep
        self._beside = beside

    def file(self, descriptor: int, length: int) -> str:
        """As the keep does."""
        return self._keep.file(descriptor, length)

    def version(self, descriptor: int, length: int, name: str) -> str:
        """As the keep does."""
        return self._keep.version(descriptor, length, name)

    def copies(self, copies: Sequence[EntryCopy]) -> None:
        """Copies that hold both."""
        self._keep.copies([replace(copy, data=self._packed(copy)) for copy in copies])

    def _packed(self, copy: EntryCopy) -> bytes:
        beside = self._beside[os.fsdecode(copy.id)].pack()
        packed: bytes = msgpack.packb({"file": copy.data, "beside": beside}, unicode_errors="surrogateescape")
        return packed


def _told(look: Look) -> Told:
    found = look.parsed.fields.get("told")
    return found if isinstance(found, Told) else Told()


LIST_FILES = f"{__name__}:list_files"


def list_files(path: bytes, suffix: str, identity: Sequence[int], listed: Collection[str]) -> Iterator[dict[str, Any]]:
    """`FileListing.frames` of this folder; runs in a child process."""
    with Folder.open(os.fsdecode(path)) as root:
        yield from RequestsCacheFilesAdapter(root, suffix, writable=False).frames(identity, listed)
