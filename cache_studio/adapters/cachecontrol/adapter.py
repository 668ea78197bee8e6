"""The studio's side of CacheControl's files."""

import math
import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from cache_studio.adapters.base import EntryCopy, Keep, Kept
from cache_studio.adapters.cachecontrol.layout import (
    BODY,
    DIGITS,
    LEVELS,
    NAME,
    Response,
    Unreadable,
    hashes_of,
    id_of,
    read_response,
)
from cache_studio.adapters.cachecontrol.pairs import Pair, is_pair_present, remove_pair, restore_pair, take_pair
from cache_studio.adapters.file_copies import Copier, Outcome, removing_in
from cache_studio.adapters.file_listing import EMPTY, Look, Parsed
from cache_studio.adapters.files import Folder, NoRegularFile
from cache_studio.adapters.hashed_files import HashedFiles
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Removal, Restoration, Seen, Source
from cache_studio.model.targets import Target

_NO_BODY = "The file of its body is missing: CacheControl serves it empty, pip does not use it."
_ODD_BODY = "Its body is a link or a special file; it is not opened."
_MIX = (1 << 62) - 1


class CacheControlAdapter(HashedFiles):
    """A file a response, and perhaps one more for its body. What is fresh the stored headers say."""

    nested = True
    returns_entries = ""
    sources = {"expires": Source.DERIVED}

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "CacheControlAdapter":
        """Open the folder."""
        root = Folder.open(os.path.abspath(target.location))
        try:
            return cls(root, writable=writable)
        except BaseException:
            root.close()
            raise

    def child_listing(self) -> tuple[str, Sequence[object]]:
        """`list_files` on the same folder."""
        return LIST_FILES, (os.fsencode(self._root.path),)

    # Which files are entries.

    def is_entry(self, name: str) -> bool:
        """Whether it is the hash of a URL."""
        return NAME.fullmatch(name) is not None

    def ids_of(self, key: str) -> list[str]:
        """The hash itself, or that of a URL."""
        return [id_of(name) for name in hashes_of(key)]

    def _files(self, folder: Folder, prefix: str, depth: int) -> Iterator[tuple[Folder, str, str]]:
        for leaf, place in self._leaves(folder, prefix):
            for entry in leaf.walk():
                if self.is_entry(entry.name) and not entry.is_dir(follow_symlinks=False):
                    yield leaf, place, entry.name

    def _leaves(self, folder: Folder, prefix: str) -> Iterator[tuple[Folder, str]]:
        """Each folder that holds entries, open, with its path."""
        if len(prefix) == 2 * LEVELS:
            yield folder, prefix
            return
        names = [entry.name for entry in folder.walk() if entry.name in DIGITS and entry.is_dir(follow_symlinks=False)]
        for name in sorted(names):
            # A folder that vanished or may not be read holds nothing that could be listed.
            with suppress(OSError), folder.below(name) as below:
                yield from self._leaves(below, f"{prefix}{name}/")

    def _entry_folders(self) -> Iterator[Folder]:
        for folder, _prefix in self._leaves(self._root, ""):
            yield folder

    def changes(self, names: Collection[str]) -> tuple[Batch, list[EntryId]] | None:
        """As for any files; a body that changed is a change of its entry, a new folder asks for a scan."""
        ids = [self.relative(name).removesuffix(BODY) for name in names]
        if any(entry_id.rpartition("/")[2] in DIGITS for entry_id in ids):
            return None
        return super().changes(ids)

    def watched(self) -> tuple[tuple[str, bool], ...]:
        """The folder with all below it."""
        return ((self._root.path, True),)

    # Listing.

    def parse(self, descriptor: int, status: os.stat_result) -> Parsed:
        """Status and headers; the body is passed over."""
        if not status.st_size:
            return Parsed({}, EMPTY)
        try:
            return Parsed({"response": read_response(descriptor, status.st_size)})
        except Unreadable as error:
            return Parsed({}, str(error))

    def _look_in(self, folder: Folder, name: str, entry_id: str) -> Look | None:
        look = super()._look_in(folder, name, entry_id)
        if look is None or look.special:
            return look
        response, problem = _response(look), look.parsed.problem
        body: os.stat_result | None = None
        try:
            body = folder.status(name + BODY)
            problem = problem or ("" if stat.S_ISREG(body.st_mode) else _ODD_BODY)
        except OSError:
            problem = problem or (_NO_BODY if response and response.wants_body_file else "")
        return replace(look, parsed=Parsed({**look.parsed.fields, "body": body}, problem))

    def stamp(self, look: Look) -> Stamp:
        """With that of the body's file."""
        inode, changed, length = super().stamp(look)
        body = _body(look)
        mixed = 0 if body is None else ((body.st_ino * 31 + body.st_mtime_ns) * 31 + body.st_size) & _MIX
        return inode, changed, length ^ mixed

    def columns(self, looks: Sequence[Look], pending: Sequence[str] = ()) -> Batch:
        """The hash (and what PyPI says of it), the length of both files, the time of the file, freshness."""
        responses = [_response(look) for look in looks]
        both = [(look, _body(look)) for look in looks]
        return make_batch(
            [look.id for look in looks],
            [_title(look) for look in looks],
            [self.stamp(look) for look in looks],
            problems={row: look.parsed.problem for row, look in enumerate(looks) if look.parsed.problem},
            size=[look.status.st_size + (body.st_size if body else 0) for look, body in both],
            created=[look.status.st_mtime for look in looks],
            expires=[math.nan if response is None else response.expires for response in responses],
        )

    def title_of(self, entry_id: str) -> tuple[str, str]:
        """The key as it is shown."""
        look = self.look(entry_id)
        return (entry_id.rpartition("/")[2] if look is None else _title(look)), ""

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The stored response, and the body where it lies in a file of its own."""
        payload = super().read(entry_id, max_bytes)
        parts = str(entry_id).split("/")
        pieces, facts = [*payload.pieces], [Fact("Hash of the URL", parts[-1])]
        look = self.look(str(entry_id))
        response = None if look is None else _response(look)
        if response is not None:
            facts.append(Fact("Status", str(response.status)))
        if look is not None and _body(look) is not None:
            pieces.append(self._read_body(parts, max_bytes))
            facts.append(Fact("Body", parts[-1] + BODY))
        return Payload(tuple(pieces), tuple(facts))

    def _read_body(self, parts: Sequence[str], max_bytes: int | None) -> Piece:
        try:
            with self._root.holding(parts) as folder:
                data, status = folder.read(parts[-1] + BODY, max_bytes)
        except NoRegularFile:
            return Piece("body", b"", 0, problem=_ODD_BODY)
        except OSError as error:
            return Piece("body", b"", 0, problem=f"It cannot be read: {error.strerror}.")
        return Piece("body", data, max(status.st_size, len(data)))

    # Removing and restoring: both files.

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """Compare-and-remove of the response with its body. The library's lock files stay, as it leaves them."""
        self.capabilities.require(Ability.REMOVE)
        copier = Copier(keep)
        taken = [self._pair(copier, seen) for seen in entries]
        if keep is not None:
            pairs = [pair for pair in taken if isinstance(pair, Pair)]
            copies = [pair.entry_copy(self.title_of("/".join(pair.head.parts))[0]) for pair in pairs]
            if copies:
                keep.copies(copies)
        with removing_in(self._root):
            outcomes = [pair if isinstance(pair, Outcome) else remove_pair(self._root, pair) for pair in taken]
        return [
            Removal(seen.id, outcome.fate, outcome.freed, outcome.reason)
            for seen, outcome in zip(entries, outcomes, strict=True)
        ]

    def _pair(self, copier: Copier, seen: Seen) -> Pair | Outcome:
        head = self._remover.copied(copier, seen)
        return head if isinstance(head, Outcome) else take_pair(self._root, copier, head)

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Bring both files back with bytes, times and mode."""
        self.capabilities.require(Ability.UNDO)
        answers = [restore_pair(self._root, copy, kept) for copy in copies]
        for place in {os.fsdecode(copy.id).rpartition("/")[0] for copy in copies}:
            # A folder that cannot be made durable, or is gone, has nothing that was restored.
            with suppress(OSError, ValueError), self._root.holding([*place.split("/"), ""]) as folder:
                folder.settle()
        return answers

    def _is_present(self, copy: EntryCopy) -> bool:
        return is_pair_present(self._root, copy)


def _response(look: Look) -> Response | None:
    found = look.parsed.fields.get("response")
    return found if isinstance(found, Response) else None


def _body(look: Look) -> os.stat_result | None:
    found = look.parsed.fields.get("body")
    return found if isinstance(found, os.stat_result) else None


def _title(look: Look) -> str:
    name, response = look.id.rpartition("/")[2], _response(look)
    package = response.package if response else ""
    return f"{package} {name}" if package else name


LIST_FILES = f"{__name__}:list_files"


def list_files(path: bytes, identity: Sequence[int], listed: Collection[str]) -> Iterator[dict[str, Any]]:
    """`FileListing.frames` of this folder; runs in a child process."""
    with Folder.open(os.fsdecode(path)) as root:
        yield from CacheControlAdapter(root, writable=False).frames(identity, listed)
