"""The studio's side of joblib."""

import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from cache_studio.adapters.base import EntryCopy, Keep, Kept, require_found
from cache_studio.adapters.defaults import join
from cache_studio.adapters.file_copies import Copier, Outcome, removing_in
from cache_studio.adapters.file_listing import EMPTY, FileListing, Look, Parsed
from cache_studio.adapters.files import Folder, NoRegularFile, read_up_to
from cache_studio.adapters.folder_volume import volume_below
from cache_studio.adapters.joblib_memory.call_folders import (
    CallCopy,
    contents,
    copy_call,
    is_call_present,
    packed_files,
    remove_call,
    restore_call,
    stamp_of_call,
)
from cache_studio.adapters.joblib_memory.layout import (
    DEEPEST,
    FOLDER,
    METADATA,
    METADATA_LIMIT,
    OUTPUT,
    UNKNOWN_CALL,
    Call,
    is_hash,
    read_call,
    shown_arguments,
    shown_key,
)
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Fate, Removal, Restoration, Seen, Source, Volume
from cache_studio.model.targets import Target
from cache_studio.model.times import format_iso

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module there, nothing on Windows

_ACCESS = "The file's access time, which joblib's own eviction goes by; most systems move it at most once a day."


class JoblibAdapter(FileListing):
    """A folder a call: its result and what joblib wrote about the call. Which calls are stale is code of the program.

    The id is the path of the result; the namespace is module and function.
    """

    suffix = OUTPUT
    nested = True
    pending_columns = ()
    sources = {"accessed": Source.DERIVED}
    returns_entries = ""

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "JoblibAdapter":
        """Open the location of a Memory, its folder `joblib`, or the folder of a module or function."""
        root = Folder.open(os.path.abspath(target.location))
        with suppress(OSError):
            below = root.below(FOLDER)
            root.close()
            root = below
        try:
            adapter = cls(root, writable=writable)
            if os.path.basename(root.path) != FOLDER and not adapter.functions():
                raise WrongFormat(
                    f"“{target.location}” holds no calls of joblib.", "Give the location of a joblib.Memory."
                )
            return adapter
        except BaseException:
            root.close()
            raise

    # Listing.

    def child_listing(self) -> tuple[str, Sequence[object]]:
        """`list_calls` on the same folder."""
        return LIST_CALLS, (os.fsencode(self._root.path),)

    def _files(self, folder: Folder, prefix: str, depth: int) -> Iterator[tuple[Folder, str, str]]:
        # The names are all read before the first is used: a folder of a call is walked once more for its contents.
        for name in [entry.name for entry in folder.walk() if entry.is_dir(follow_symlinks=False)]:
            # A folder that vanished or may not be read holds nothing that could be listed.
            with suppress(OSError), folder.below(name) as below:
                if is_hash(name):
                    yield below, f"{prefix}{name}/", OUTPUT
                elif depth:
                    yield from self._files(below, f"{prefix}{name}/", depth - 1)

    def parse(self, descriptor: int, status: os.stat_result) -> Parsed:
        """Nothing of the result: what is known of a call stands beside it."""
        return Parsed({}, "" if status.st_size else EMPTY)

    def _look_in(self, folder: Folder, name: str, entry_id: str) -> Look | None:
        look = super()._look_in(folder, name, entry_id)
        try:
            found = contents(folder)
            if look is None or name != OUTPUT:
                return None
            fields = {"stamp": stamp_of_call(found), "call": _call_in(folder) if METADATA in found else UNKNOWN_CALL}
            return replace(look, parsed=replace(look.parsed, fields=fields))
        except OSError:
            return None

    def read_on(self, look: Look) -> Look:
        """Nothing is pending."""
        return look

    def columns(self, looks: Sequence[Look], pending: Sequence[str] = ()) -> Batch:
        """The call as key, its function as namespace; no expiry is recorded."""
        calls = [_call_of(look) for look in looks]
        stamps: list[Any] = [look.parsed.fields["stamp"] for look in looks]
        keeps_access = not self._forgets_access()
        return make_batch(
            [look.id for look in looks],
            [self._title(look)[0] for look in looks],
            stamps,
            namespaces=[self._title(look)[1] for look in looks],
            problems={row: look.parsed.problem for row, look in enumerate(looks) if look.parsed.problem},
            pending=pending,
            size=[stamp[2] for stamp in stamps],
            created=[
                look.status.st_mtime if math.isnan(call.time) else call.time
                for look, call in zip(looks, calls, strict=True)
            ],
            accessed=[look.status.st_atime if keeps_access else math.nan for look in looks],
        )

    def likely_id(self, key: str, namespace: str | None) -> str | None:
        """Where the call lies in this function's folder."""
        return f"{namespace}/{key[-32:]}/{OUTPUT}" if namespace and is_hash(key[-32:]) else None

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By the shown key or by the hash alone, in every function's folder."""
        found: dict[EntryId, Look] = {}
        for function in self.functions() if namespace is None else [namespace]:
            for key in keys:
                entry_id = f"{function}/{key[-32:]}/{OUTPUT}".lstrip("/")
                look = self.look(entry_id) if is_hash(key[-32:]) else None
                if look is not None and key in (self._title(look)[0], key[-32:]):
                    found[entry_id] = look
        return self.columns(list(found.values())) if found else join([])

    def changes(self, names: Collection[str]) -> tuple[Batch, list[EntryId]] | None:
        """A call whose result or metadata changed."""
        return super().changes(
            [name.removesuffix(METADATA) + OUTPUT if name.endswith(METADATA) else name for name in names]
        )

    def title_of(self, entry_id: str) -> tuple[str, str]:
        """The call and its function."""
        look = self.look(entry_id)
        parts = entry_id.split("/")
        return (parts[-2] if len(parts) > 1 else entry_id, "/".join(parts[:-2])) if look is None else self._title(look)

    def _title(self, look: Look) -> tuple[str, str]:
        *functions, name, _output = ("", "", *look.id.split("/"))[-max(3, look.id.count("/") + 1) :]
        namespace = "/".join(functions)
        function = functions[-1] or os.path.basename(self._root.path)
        return shown_key(function, _call_of(look), name), namespace

    def folder_names(self) -> list[str]:
        """The same below the root."""
        return [name for name in self.functions() if name]

    def functions(self) -> list[str]:
        """The folders of functions that have calls; "" is the root itself."""
        return list(_functions(self._root, "", DEEPEST))

    def _forgets_access(self) -> bool:
        flag = getattr(os, "ST_NOATIME", 0)
        try:
            return bool(flag and os.statvfs(self._root.path).f_flag & flag)
        except (OSError, AttributeError):
            return False

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The result, never loaded, and the metadata. Reading does not count as an access of the application."""
        parts = str(entry_id).split("/")
        pieces: list[Piece] = []
        call = UNKNOWN_CALL
        try:
            with self._root.holding(parts) as folder:
                pieces.append(_piece(folder, OUTPUT, "value", "", max_bytes))
                with suppress(FileNotFoundError):
                    pieces.append(_piece(folder, METADATA, "metadata", "json", max_bytes))
                    call = _call_in(folder)
        except FileNotFoundError:
            require_found(None, parts[-2] if len(parts) > 1 else parts[-1])
        except NoRegularFile:
            return Payload((Piece("value", b"", 0, problem="This is a link or a special file; it is not opened."),))
        except OSError as error:
            raise CacheUnavailable(f"The entry cannot be read: {error.strerror}.", "Refresh the list.") from error
        return Payload(tuple(pieces), _facts(call))

    def details(self) -> Mapping[str, object]:
        """How many functions have calls, and what the access times are worth."""
        return {"functions": len(self.functions()), "last_access": _ACCESS}

    def measure(self) -> Volume:
        """The lengths of all files below the folder."""
        return Volume(volume_below(self._root, DEEPEST + 2))

    def watched(self) -> tuple[tuple[str, bool], ...]:
        """The folder and all below it."""
        return ((self._root.path, True),)

    # Changing.

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """Compare-and-remove of whole folders; the next call of the function computes again."""
        self.capabilities.require(Ability.REMOVE)
        copier = Copier(keep)
        taken = [self._take_call(copier, seen) for seen in entries]
        copies = [
            self._entry_copy(seen, copy)
            for seen, copy in zip(entries, taken, strict=True)
            if isinstance(copy, CallCopy)
        ]
        if keep is not None and copies:
            keep.copies(copies)
        with removing_in(self._root):
            outcomes = [copy if isinstance(copy, Outcome) else self._remove_call(copy) for copy in taken]
        return [
            Removal(seen.id, outcome.fate, outcome.freed, outcome.reason)
            for seen, outcome in zip(entries, outcomes, strict=True)
        ]

    def _take_call(self, copier: Copier, seen: Seen) -> CallCopy | Outcome:
        parts = tuple(str(seen.id).split("/"))
        try:
            with self._root.holding(parts) as folder:
                return copy_call(copier, folder, parts[:-1], seen.stamp)
        except FileNotFoundError:
            return Outcome(Fate.GONE)
        except OSError as error:
            return Outcome(Fate.FAILED, reason=f"Its folder cannot be read: {error.strerror}.")

    def _entry_copy(self, seen: Seen, copy: CallCopy) -> EntryCopy:
        key, namespace = self.title_of(str(seen.id))
        return EntryCopy(key, namespace, copy.size, copy.pack(), os.fsencode(str(seen.id)), tuple(packed_files(copy)))

    def _remove_call(self, copy: CallCopy) -> Outcome:
        try:
            with self._root.holding(copy.parts) as parent:
                return remove_call(parent, copy)
        except FileNotFoundError:
            return Outcome(Fate.GONE)
        except OSError as error:
            return Outcome(Fate.FAILED, reason=f"Its folder cannot be opened: {error.strerror}.")

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Bring folders back with every file."""
        self.capabilities.require(Ability.UNDO)
        return [restore_call(self._root, copy, kept) for copy in copies]

    def _is_present(self, copy: EntryCopy) -> bool:
        try:
            return is_call_present(self._root, CallCopy.unpack(copy.data))
        except CacheStudioError:
            return False


def _call_of(look: Look) -> Call:
    call = look.parsed.fields["call"]
    assert isinstance(call, Call)
    return call


def _call_in(folder: Folder) -> Call:
    try:
        content, status = folder.read(METADATA, METADATA_LIMIT + 1)
    except (OSError, NoRegularFile):
        return UNKNOWN_CALL
    return UNKNOWN_CALL if status.st_size > METADATA_LIMIT else read_call(content)


def _facts(call: Call) -> tuple[Fact, ...]:
    facts = [Fact("Arguments", shown_arguments(call))] if call.arguments else []
    if math.isfinite(call.duration):
        facts.append(Fact("Took", f"{call.duration:.3g} s"))
    called = format_iso(call.time)
    return (*facts, Fact("Called", called)) if called else tuple(facts)


def _piece(folder: Folder, name: str, title: str, hint: str, max_bytes: int | None) -> Piece:
    descriptor, status = folder.open_file(name)
    try:
        if fcntl is not None and hasattr(os, "O_NOATIME"):
            with suppress(OSError):  # only the owner may ask for it
                fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_NOATIME)
        size = status.st_size
        content = read_up_to(descriptor, size if max_bytes is None else min(size, max_bytes))
    finally:
        os.close(descriptor)
    return Piece(title, content, max(size, len(content)), hint)


def _functions(folder: Folder, prefix: str, depth: int) -> Iterator[str]:
    """Paths of the folders that hold calls."""
    calls = False
    names: list[str] = []
    for entry in folder.walk():
        if is_hash(entry.name):
            calls = True
        elif entry.is_dir(follow_symlinks=False):
            names.append(entry.name)
    if calls:
        yield prefix
    for name in names if depth else ():
        with suppress(OSError), folder.below(name) as below:
            yield from _functions(below, f"{prefix}/{name}".lstrip("/"), depth - 1)


LIST_CALLS = f"{__name__}:list_calls"


def list_calls(path: bytes, identity: Sequence[int], listed: Collection[str]) -> Iterator[dict[str, Any]]:
    """`FileListing.frames` of this folder; runs in a child process."""
    with Folder.open(os.fsdecode(path)) as root:
        yield from JoblibAdapter(root, writable=False).frames(identity, listed)
