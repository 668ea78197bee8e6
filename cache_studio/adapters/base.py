"""The seam: what a format writes so that the studio can attach to its caches.

A format is one module or folder with three parts: its *layout* (what files, fields and keys are called
and how an entry is encoded, written once), its `Adapter` (the studio's side) and, where an application
can run it, its `KeyAccess` (the runtime's side). `Format` joins them and imports neither before it is
needed: a module that defines FORMAT imports no numpy and no driver.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.errors import EntryNotFound, UnsupportedAction
from cache_studio.model.options import Option, OptionValue
from cache_studio.model.seeing import Counters, Part, Removal, Renewal, Restoration, Seen, Source, Volume
from cache_studio.model.targets import Target

if TYPE_CHECKING:
    from cache_studio.adapters.key_access import KeyAccess
    from cache_studio.adapters.sight import Sight
    from cache_studio.model.columns import Batch, Reach, ScanEnd
    from cache_studio.model.identity import EntryId
    from cache_studio.model.payload import Payload
    from cache_studio.recording.reader import Recorded


class Certainty(StrEnum):
    """How sure `recognise` is."""

    SURE = "sure"
    """The signature of this format."""
    LOOK = "look"
    """It can be opened by this format's mapping; a more certain format wins."""
    NO = "no"


@dataclass(frozen=True, slots=True)
class Recognition:
    """What `recognise` says of a place; `options` are the guesses that the attach dialog shows."""

    certainty: Certainty
    options: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    """One sentence: what was found, or what is uncertain about the guess."""
    places: tuple[str, ...] = ()
    """For a folder whose cache lies below it: the paths to attach instead."""


NOT_RECOGNISED = Recognition(Certainty.NO)
HASHED = "*/<hash>"
"""A mark of `Format.marks`."""
SQLITE_MARKS = ("*.db", "*.sqlite", "*.sqlite3")
"""Marks of a database; one without an ending is found only when it is named."""
LOOKS = frozenset({Ability.READ, Ability.WATCH})
"""The `Format.abilities` of what is only looked at."""
CHANGES = LOOKS | {Ability.REMOVE, Ability.UNDO, Ability.COMPACT}
"""Those of most caches."""
SETS_TTL = CHANGES | {Ability.SET_EXPIRY}
"""Those of an adapter that is a `SetsExpiry`, too."""


@dataclass(frozen=True, slots=True)
class EntryCopy:
    """A complete copy of an entry: everything that `restore` needs to bring it back to the byte.

    `data` is opaque outside the format. `files` names what `Keep.file` took for it.
    """

    key: str
    namespace: str
    size: int
    data: bytes
    id: bytes
    """The entry's id from `pack_id`, so that a later process can find it again."""
    files: tuple[str, ...] = ()


class Keep(Protocol):
    """Where `remove` puts copies; what it took is durable when the call returns.

    Raises CacheStudioError when it cannot; then nothing of that batch may be removed.
    """

    def file(self, descriptor: int, length: int) -> str:
        """Copy `length` bytes of an open file from its beginning; returns the name for `EntryCopy.files`."""

    def copies(self, copies: Sequence[EntryCopy]) -> None:
        """Take the copies of one batch."""

    def version(self, descriptor: int, length: int, name: str) -> str:
        """Keep a whole file that was displaced although its application had just written it; what to say of it."""


class Kept(Protocol):
    """Where `restore` finds the files that `Keep.file` took."""

    def open(self, name: str) -> BinaryIO:
        """The file, open for reading."""


class Announcements(Protocol):
    """A cache that tells by itself what changes; heard by a thread of its own beside the adapter's."""

    complete: bool
    """Whether every change is told; else the cache must still be listed as if none were."""

    def changes(self) -> Iterator[frozenset[str] | None]:
        """Names for `Adapter.changes`, blocking between, ten times a second at most; None: anything may have changed.

        Ends after `stop`. CacheUnavailable when some were lost.
        """

    def stop(self) -> None:
        """End `changes`; from any thread, more than once."""

    def close(self) -> None:
        """Release everything, after `changes` has ended."""


class Adapter(ABC):
    """One open cache of one format, read and changed through one vocabulary.

    Used by one thread from `open` to `close`, so it needs no locks; only `interrupt` may be called by
    another. Every method may block; none computes what the model or a service computes. Driver errors
    leave as `model.errors`, never raw. Looking changes nothing in the cache.
    """

    capabilities: Capabilities
    """What *this* open cache allows (read-only file, rights, reason); true after `open`."""
    sources: Mapping[str, Source] = {}
    """Where each column's figures come from; a column that is absent is recorded."""
    batch_size: int = 500
    """How many entries `remove` is given at once."""
    fitted_batches: tuple[int, int] | None = None
    """Fewest and most entries, where the size of a batch is fitted to the time it takes; None: always `batch_size`."""
    returns_entries: str = ""
    """A sentence for plans where a running application may hold its own copy in memory, else ""."""
    no_undo: str = ""
    """Why undo is not possible although removing is; "" where it is possible."""
    frees_at_once: bool = True
    """Whether what is removed gives its bytes back at once, and not only when the cache is compacted."""
    warnings: tuple[str, ...] = ()
    """Sentences for every plan on this open cache: what may go otherwise than one would think."""
    largest_copy: int | None = None
    """The size from which on an entry is not copied for undo and `remove` refuses it; None without a limit."""

    @classmethod
    @abstractmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "Adapter":
        """Open an existing cache, never create one; CacheUnavailable or WrongFormat with a hint.

        With `writable` false no method of this object changes the cache, whatever is asked.
        """

    @abstractmethod
    def scan(self) -> "Generator[Batch, None, ScanEnd]":
        """Yield all entries in batches (the first soon, at most 10,000 rows), metadata only, no id twice.

        Returns `ScanEnd()` when the listing is complete, else with the reason why not. Closing the
        generator ends the scan and releases what it holds.
        """

    @abstractmethod
    def read(self, entry_id: "EntryId", max_bytes: int | None = None) -> "Payload":
        """The stored bytes of one entry, each piece cut at `max_bytes`; EntryNotFound when it is gone."""

    @abstractmethod
    def close(self) -> None:
        """Release everything. Safe to call twice."""

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> "Batch":
        """The entries with these keys (in every namespace when None). Default: a scan."""
        from cache_studio.adapters.defaults import lookup_by_scan

        return lookup_by_scan(self, keys, namespace)

    def fill(self, ids: Sequence["EntryId"]) -> "Batch":
        """The same entries with every pending column completed; entries that are gone are left out."""
        raise UnsupportedAction("Nothing is pending in this format.")

    def changes(self, names: Collection[str]) -> "tuple[Batch, list[EntryId]] | None":
        """What changed names mean: entries new or rewritten, and ids that are gone.

        They are the watcher's file names, or those of `announcements`. None (the default) means that
        only a new scan can tell.
        """
        return None

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> Sequence[Removal]:
        """Remove one batch, compare-and-remove; an answer for each entry, in order.

        Always in this order: the stamp is still the same; a complete copy is handed to `keep` and is
        durable; the entry is removed only if it still equals that copy. Without `keep` the stamp alone
        is compared and there is no undo.
        """
        raise UnsupportedAction("Entries of this format cannot be removed.")

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Bring copies back exactly; never replaces a newer entry. An answer for each, in order."""
        raise UnsupportedAction("Entries of this format cannot be restored.")

    def present(self, copies: Sequence[EntryCopy]) -> list[bool]:
        """Whether each copy's entry is stored again (or still) as it was copied: recovery after a kill asks."""
        raise UnsupportedAction("Entries of this format cannot be restored.")

    def compactable(self) -> list[Part]:
        """What `compact` would give back, cheap to find out. Default: nothing."""
        return []

    def compact(self) -> list[Part]:
        """Give unused space back, entries untouched; what really was given back."""
        raise UnsupportedAction("There is nothing to compact in this format.")

    def compact_note(self) -> str:
        """What a user should know before compacting (how long the database is held), or ""."""
        return ""

    def measure(self) -> Volume:
        """Volume, reclaimable and capacity now."""
        return Volume(None)

    def counters(self) -> Counters:
        """Hits and misses as the cache itself records them; empty where it does not."""
        return Counters()

    def recorded(self, now: float) -> "Recorded | None":
        """What our runtime counted where only this connection finds it (a server); files are read beside the cache."""
        return None

    def details(self) -> Mapping[str, object]:
        """The format's own figures for `stats` (JSON values), cheap to find out."""
        return {}

    def watched(self) -> tuple[tuple[str, bool], ...]:
        """Folders to watch, each with whether it is watched recursively. Empty: the cache is polled."""
        return ()

    def announcements(self) -> Announcements | None:
        """Subscribe to what the cache itself tells of changes (ability WATCH), for another thread to listen to."""
        return None

    def interrupt(self) -> None:
        """End the call in progress (from another thread); that call raises Cancelled. Default: nothing."""
        return None


class SetsExpiry(ABC):
    """What an adapter is, too, when its cache stores an expiry for each entry that its application obeys.

    Such an adapter has the ability SET_EXPIRY where the cache can be written.
    """

    @abstractmethod
    def set_expiry(self, entries: Sequence[Seen], expires: Sequence[float]) -> list[Renewal]:
        """Give each entry of one batch the moment at which it becomes stale, +inf for never; answers in order.

        Compare-and-change: an entry whose stamp is another one by now keeps the application's expiry. Nothing but
        the expiry changes, in the way the application itself would change it. What undoes it is the same call
        with the moments of before.
        """


class Reaches(ABC):
    """What an adapter is, too, when its cache says before a listing ends how far that goes."""

    @abstractmethod
    def reach(self) -> "Reach | None":
        """How far the scan under way goes, without asking the cache anew; None where that is not allowed."""


class Announces(ABC):
    """What an adapter is, too, when its cache can be told to announce changes and misses to whoever listens.

    That changes a setting of what the cache lives in, so it is done only when somebody asks for it, and taken back.
    """

    @abstractmethod
    def announcer(self) -> str:
        """What has the setting: the same text for all caches that share it."""

    @abstractmethod
    def announcing(self) -> tuple[str, str]:
        """The setting as it is, and as it has to be (the same where nothing is missing).

        UnsupportedAction, with what somebody may do by hand, where it may not be asked.
        """

    @abstractmethod
    def announce(self, before: str, after: str) -> bool:
        """Set it to `after` where it still is `before`; False, and nothing is done, where it is something else by now.

        Those who listen begin anew. UnsupportedAction where it may not be changed.
        """


@dataclass(frozen=True, slots=True)
class Format:
    """A format as the registry knows it; `adapter` and `access` are `"module:Class"`, imported when needed."""

    name: str
    title: str
    """One line for `formats` and the attach dialog."""
    options: tuple[Option, ...]
    recognise: "Callable[[Sight], Recognition]"
    """Reads the bounded look alone, never the cache; runs in a child process."""
    adapter: str
    access: str = ""
    schemes: tuple[str, ...] = ()
    """URL schemes that this format opens; empty for paths."""
    marks: tuple[str, ...] = ()
    """Names by which discovery finds where to look closer, no proof of anything; without any it is never found so.

    `*.db`: a file of that ending. `*/cache.db`: a folder that holds something of that name. `*/*.djcache`: a folder
    that holds files of that ending. `.cachier`: a file or folder of that name. HASHED: a folder that holds names of 32
    hex digits or more.
    """
    abilities: frozenset[Ability] = frozenset({Ability.READ})
    """The most that an open, writable cache of this format allows; one that may be changed less says why."""
    home: Callable[[str], str] = str
    """The one path of a cache, whichever of its folders and files the target names; its recorder lies beside it."""

    def adapter_class(self) -> type[Adapter]:
        """Import the adapter."""
        adapter: type[Adapter] = _imported(self.adapter)
        return adapter

    def access_class(self) -> "type[KeyAccess]":
        """Import the key access; UnsupportedAction when the format has none."""
        if not self.access:
            raise UnsupportedAction(f"A runtime cache cannot be kept as {self.name}.")
        access: type[KeyAccess] = _imported(self.access)
        return access


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def pack_id(entry_id: "EntryId") -> bytes:
    """An id as bytes: what `EntryCopy.id` holds."""
    import msgpack  # the runtime imports this module, and packs no ids

    packed: bytes = msgpack.packb(entry_id, unicode_errors="surrogateescape")
    return packed


def unpack_id(packed: bytes) -> "EntryId":
    """The id that `pack_id` packed."""
    import msgpack

    entry_id: EntryId = msgpack.unpackb(packed, unicode_errors="surrogateescape", use_list=False)
    return entry_id


def require_found(found: object, key: str) -> None:
    """Raise EntryNotFound unless something was found."""
    if not found:
        raise EntryNotFound(f"There is no entry “{key}”.", "It may have been removed meanwhile; refresh the list.")
