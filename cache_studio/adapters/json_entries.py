"""The studio's side of every format that keeps all entries in one JSON file."""

import math
import os
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

import msgpack
import numpy as np

from cache_studio.adapters import json_rows
from cache_studio.adapters.base import Adapter, EntryCopy, Keep, Kept
from cache_studio.adapters.defaults import without
from cache_studio.adapters.files import CHUNK, HIDDEN, Folder, NoRegularFile, stamp_of, unavailable
from cache_studio.adapters.json_edits import Located, Name, Place, Removed, cut_out, put_in, take_out
from cache_studio.adapters.json_frames import Expiry, batch_of
from cache_studio.adapters.json_lock import locked_where_used
from cache_studio.adapters.json_rewrite import Edit, publish
from cache_studio.adapters.json_spans import pointer_parts
from cache_studio.adapters.mapping import FieldMap
from cache_studio.isolation import Limits, call, stream
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import Batch, Floats, ScanEnd
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, Cancelled, EntryNotFound, WrongFormat
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Payload, Piece
from cache_studio.model.seeing import Fate, Part, Removal, Restoration, Return, Seen, Source, Volume
from cache_studio.model.targets import Target

READ_HERE = 1_000_000
"""Up to this length a file is read in this process: walking it holds the interpreter for a few milliseconds."""
LEFTOVER = 60.0
"""Seconds after which a temporary file belongs to no write in progress."""
COPIES_AT_ONCE = 16_000_000
"""Bytes of copies that are handed over together."""
_CHANGES = (Ability.REMOVE, Ability.UNDO, Ability.COMPACT)
_ROWS = "cache_studio.adapters.json_rows:"


class JsonAdapter(Adapter):
    """One JSON file whose members, elements or lines are the entries. Removing rewrites the file once a batch."""

    batch_size = 100_000
    """One rewrite costs the whole file, so many entries go in one."""
    entries_are_objects: ClassVar[bool] = False
    """Whether an entry that is no object is broken."""
    after_ttl: ClassVar[bool] = False
    """Whether an entry is stale only after its TTL has passed, not at its end."""
    without_created: ClassVar[float] = math.nan
    """Expiry of an entry that has a TTL but no creation time."""

    def __init__(self, folder: Folder, name: str, options: Mapping[str, OptionValue], writable: bool) -> None:
        self._folder = folder
        self._name = name
        self._path = os.path.join(folder.path, name)
        self.fields = FieldMap.of(options)
        self._spec = {
            "pointer": list(pointer_parts(str(options.get("at") or ""))),
            "lines": options.get("shape") == "lines",
            "fields": dict(self.fields.fields),
            "unit": self.fields.unit,
            "zone": self.fields.zone,
            "objects": self.entries_are_objects,
        }
        self._seen: dict[EntryId, tuple[int, int, int]] = {}  # where each entry stood: start, start of value, end
        self._seen_identity: Stamp | None = None
        self._expiries: list[Floats] | None = None  # of the last listing
        self._expiry = Expiry(self.fields.ttl, self.after_ttl, self.without_created)
        if "expires" not in self.fields.fields:
            self.sources = {"expires": Source.DERIVED}
        self._stop = threading.Event()
        self.capabilities = _abilities(folder, self._path, self.fields, writable)

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "JsonAdapter":
        """Open an existing file; a link at the target itself is followed, once."""
        path = os.path.realpath(target.location) if "\0" not in target.location else target.location
        if os.path.isdir(path):
            raise WrongFormat(f"“{target.location}” is a folder.", "Give the path of a JSON file.")
        folder = Folder.open(os.path.dirname(path))
        try:
            descriptor, _ = folder.open_file(os.path.basename(path))
            os.close(descriptor)
            return cls(folder, os.path.basename(path), options, writable)
        except (NoRegularFile, ValueError):
            folder.close()
            raise WrongFormat("This is no regular file.", "Give the path of a JSON file.") from None
        except OSError as error:
            folder.close()
            raise unavailable(target.location, error) from error

    def close(self) -> None:
        """Let go of the folder."""
        self._folder.close()

    def interrupt(self) -> None:
        """End the child that reads for us."""
        self._stop.set()

    # Reading ----------------------------------------------------------------------------------------------------

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        """Entries in the order of the file; a broken file lists what stands before the fault."""
        head = self._head()
        shown: frozenset[EntryId] = frozenset()
        if head is not None:
            first = batch_of(head, self._expiry)
            shown = frozenset(first.ids)
            yield first
        seen: dict[EntryId, tuple[int, int, int]] = {}
        expiries: list[Floats] = []
        self._stop.clear()
        reason = ""
        with file_errors(self._path):
            for frame in self._frames():
                self._seen, self._seen_identity = seen, tuple(frame["identity"])
                reason = frame.get("end", "")
                if frame["keys"]:
                    batch = batch_of(frame, self._expiry)
                    places = np.frombuffer(frame["places"], np.int64).reshape(-1, 2)
                    ends = places[:, 0] + batch.stamps[:, 0]
                    seen.update(zip(batch.ids, zip(*places.T.tolist(), ends.tolist(), strict=True), strict=True))
                    expiries.append(batch.numbers["expires"])
                    same = head is not None and head["identity"] == frame["identity"]
                    rest = without(batch, shown) if same else batch
                    if len(rest):
                        yield rest
        self._expiries = expiries
        return ScanEnd() if not reason else ScanEnd(False, reason)

    def _head(self) -> dict[str, Any] | None:
        """The first entries of a big file: they are here before a child is."""
        with file_errors(self._path):
            if self._status().st_size <= READ_HERE:
                return None
            return json_rows.head_rows(self._path, self._spec, READ_HERE)

    def _frames(self) -> Iterator[dict[str, Any]]:
        size = self._status().st_size
        if size <= READ_HERE:
            yield from json_rows.rows(self._path, self._spec)
            return
        frames: Iterator[Any] = stream(_ROWS + "rows", self._path, self._spec, limits=limits_for(size), stop=self._stop)
        yield from frames

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The mapped value as text or JSON, and the whole entry as it stands in the file."""
        with file_errors(self._path):
            for _ in range(3):  # again where the file was replaced between finding and reading
                start, value, end, identity = self._span(entry_id)
                field = self.fields.fields.get("value", "")
                whole, inner = self._call("extract", end - start, start + value, end - start - value, field, max_bytes)
                if stamp_of(self._status()) == identity:
                    break
        entry = Piece("entry" if inner else "value", *whole)
        return Payload((Piece("value", *inner), entry) if inner else (entry,))

    def _span(self, entry_id: EntryId) -> tuple[int, int, int, Stamp]:
        """Start, offset of the value in it, and end of an entry, and the version of the file for which they hold."""
        identity = self._seen_identity
        if identity is not None and identity == stamp_of(self._status()) and entry_id in self._seen:
            return (*self._seen[entry_id], identity)
        located = self._locate(self._name, {name_of(entry_id): None})
        place = located.places.get(name_of(entry_id))
        if place is None:
            raise EntryNotFound(f"There is no entry “{key_of(entry_id)}” any more.", "Refresh the list.")
        if located.identity != identity:
            self._seen, self._seen_identity = {}, located.identity
        self._seen[entry_id] = (place.start, place.value, place.end)
        return (*self._seen[entry_id], located.identity)

    def _status(self) -> os.stat_result:
        return self._folder.status(self._name)

    def _call(self, function: str, work: int, *arguments: object) -> Any:
        """Run a function of json_rows on the file: here where `work` bytes are few, else in a child."""
        if work <= READ_HERE:
            return getattr(json_rows, function)(self._path, *arguments)
        self._stop.clear()
        return call(_ROWS + function, self._path, *arguments, limits=limits_for(work), stop=self._stop)

    # Changing ---------------------------------------------------------------------------------------------------

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """Cut the spans of these entries out of the file, all in one rewrite."""
        self.capabilities.require(Ability.REMOVE)
        stamps = {name_of(entry.id): tuple(entry.stamp) for entry in entries}
        fates: dict[Name, tuple[Fate, int]] = {}

        def chosen_in(located: Located) -> list[Place]:
            chosen = []
            for name, stamp in stamps.items():
                place = located.places.get(name)
                if place is None:
                    fates[name] = (Fate.GONE, 0)
                elif place.stamp != stamp:
                    fates[name] = (Fate.CHANGED, 0)
                else:
                    fates[name] = (Fate.REMOVED, place.end - place.start)
                    chosen.append(place)
            return chosen

        first: list[tuple[Stamp, Sequence[Edit]]] = []

        def plan(version: str) -> tuple[Stamp, Sequence[Edit]]:
            if first:
                return first.pop()
            located = self._locate(version, stamps)
            return located.identity, cut_out(located, chosen_in(located))

        with file_errors(self._path):
            located = self._locate(self._name, stamps)
            chosen = chosen_in(located)
            if keep is not None and chosen:
                self._hand_over(located, chosen, keep)
            first.append((located.identity, cut_out(located, chosen)))
            said: list[str] = []
            displaced = partial(_keep_version, self._folder, self._name, keep, said)
            with locked_where_used(self._path):
                publish(self._folder, self._name, plan, displaced)
        return [Removal(entry.id, *fates[name_of(entry.id)], " ".join(said)) for entry in entries]

    def _hand_over(self, located: Located, chosen: Sequence[Place], keep: Keep) -> None:
        descriptor, status = self._folder.open_file(self._name)
        try:
            if stamp_of(status) != located.identity:
                raise CacheUnavailable("The file was written while it was read.", "Try again; nothing was removed.")
            waiting: list[EntryCopy] = []
            held = 0
            for removed in take_out(located, chosen, lambda start, end: _bytes(descriptor, start, end)):
                if json_rows.stamp_of_span(removed.text) != removed.stamp:
                    raise CacheUnavailable("The file was written while it was read.", "Try again; nothing was removed.")
                waiting.append(_entry_copy(self.fields, removed, located.kind))
                held += len(removed.text)
                if held >= COPIES_AT_ONCE:
                    keep.copies(waiting)
                    waiting, held = [], 0
            if waiting:
                keep.copies(waiting)
        finally:
            os.close(descriptor)

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Put the exact bytes back, each entry behind the one it stood behind, all in one rewrite."""
        self.capabilities.require(Ability.UNDO)
        removed = [Removed.unpack(copy.data) for copy in copies]
        answers: list[Restoration] = []

        def plan(version: str) -> tuple[Stamp, Sequence[Edit]]:
            located = self._locate(version, _names(removed))
            answers[:] = [_restoration(copy, located) for copy in removed]
            absent = [copy for copy in removed if copy.name not in located.places]
            return located.identity, put_in(located, absent)

        try:
            with file_errors(self._path), locked_where_used(self._path):
                publish(self._folder, self._name, plan)
        except Cancelled:
            raise
        except CacheStudioError as error:
            return [Restoration(Return.FAILED, f"{error.message} {error.hint}".strip()) for _ in copies]
        return answers

    def present(self, copies: Sequence[EntryCopy]) -> list[bool]:
        """Whether the same bytes stand under the same name."""
        removed = [Removed.unpack(copy.data) for copy in copies]
        with file_errors(self._path):
            located = self._locate(self._name, _names(removed))
        places = [located.places.get(copy.name) for copy in removed]
        return [place is not None and place.stamp == copy.stamp for place, copy in zip(places, removed, strict=True)]

    def _locate(self, version: str, names: Mapping[Name, object]) -> Located:
        path = os.path.join(self._folder.path, version)
        wanted = [list(name) for name in names]
        size = self._folder.status(version).st_size
        if size <= READ_HERE:
            return Located.of(json_rows.locate(path, self._spec, wanted))
        self._stop.clear()
        answer = call(_ROWS + "locate", path, self._spec, wanted, limits=limits_for(size), stop=self._stop)
        assert isinstance(answer, dict)
        return Located.of(answer)

    # Figures ----------------------------------------------------------------------------------------------------

    def _leftovers(self) -> list[tuple[str, int]]:
        """Temporary files that a killed writer left: the application's `<name>.tmp` and our own."""
        found = []
        with file_errors(self._path):
            for name in (self._name + ".tmp", *self._folder.hidden_names()):
                try:
                    status = self._folder.status(name)
                except FileNotFoundError:
                    continue
                ours = name.startswith(HIDDEN) and name.endswith(".new")
                if (ours or name.endswith(".tmp")) and time.time() - status.st_mtime > LEFTOVER:
                    found.append((name, status.st_size))
        return found

    def compactable(self) -> list[Part]:
        """Temporary files that nobody writes any more."""
        return _parts(self._leftovers())

    def compact(self) -> list[Part]:
        """Remove them."""
        self.capabilities.require(Ability.COMPACT)
        gone = []
        for name, size in self._leftovers():
            with file_errors(self._path):
                self._folder.unlink(name)
            gone.append((name, size))
        return _parts(gone)

    def measure(self) -> Volume:
        """The file's length, and what leftover files take."""
        with file_errors(self._path):
            size = self._status().st_size
        return Volume(size, sum(length for _, length in self._leftovers()), capacity_entries=self.capacity_entries())

    def details(self) -> Mapping[str, object]:
        """File, its size in KB, and how many entries the last listing had and how many of them are stale now."""
        listed = self._expiries
        total = None if listed is None else sum(map(len, listed))
        stale = None if listed is None else sum(int(np.count_nonzero(column <= time.time())) for column in listed)
        with file_errors(self._path):
            size = self._status().st_size
        active = None if total is None or stale is None else total - stale
        return {"file": self._path, "size_kb": size / 1000, "total": total, "expired": stale, "active": active}

    def capacity_entries(self) -> int | None:
        """How many entries the cache itself keeps, None where it has no limit that is known."""
        return None

    def watched(self) -> tuple[tuple[str, bool], ...]:
        """The folder: the file is replaced by rename."""
        return ((self._folder.path, False),)


def _entry_copy(fields: FieldMap, removed: Removed, kind: str) -> EntryCopy:
    field = fields.fields.get("namespace")
    namespace = json_rows.text_of(removed.text, kind, field) if field else ""
    name = msgpack.packb(removed.name, unicode_errors="surrogateescape")
    return EntryCopy(key_of(removed.name), namespace, len(removed.text), removed.pack(), name)


def _keep_version(folder: Folder, name: str, keep: Keep | None, said: list[str], version: str) -> None:
    """Keep a version of the file `name` that was displaced, and note what is to be said of it."""
    if keep is None:
        return
    descriptor, status = folder.open_file(version)
    try:
        said.append(keep.version(descriptor, status.st_size, name))
    finally:
        os.close(descriptor)


def _abilities(folder: Folder, path: str, fields: FieldMap, writable: bool) -> Capabilities:
    able = Capabilities.of({Ability.READ, Ability.WATCH, *_CHANGES})
    if "accessed" in fields.fields:
        able = Capabilities.of({*able.allowed, Ability.ACCESS_TIMES})
    if not writable:
        return able.without(_CHANGES, "Attached read-only.")
    if not os.access(folder.path, os.W_OK | os.X_OK):
        return able.without(_CHANGES, "The folder of the file may not be written.")
    if not os.access(path, os.W_OK):
        return able.without(_CHANGES, "The file may not be written.")
    return able


@contextmanager
def file_errors(path: str) -> Iterator[None]:
    """Errors of the file leave as `model.errors`."""
    try:
        yield
    except OSError as error:
        raise unavailable(path, error) from error
    except NoRegularFile:
        raise WrongFormat("This is no regular file any more.", "Attach the cache again.") from None


def name_of(entry_id: EntryId) -> Name:
    """What names the entry, and its how many-th that is."""
    if isinstance(entry_id, tuple):
        base, occurrence = entry_id
        assert isinstance(base, str | bytes)
        assert isinstance(occurrence, int)
        return base, occurrence
    assert isinstance(entry_id, str | bytes)
    return entry_id, 1


def key_of(entry_id: EntryId) -> str:
    """What to call the entry."""
    base = name_of(entry_id)[0]
    return json_rows.shown_key(base)


def _names(copies: Sequence[Removed]) -> dict[Name, None]:
    anchors = {copy.after: None for copy in copies if copy.after is not None}
    return {copy.name: None for copy in copies} | anchors


def _restoration(copy: Removed, located: Located) -> Restoration:
    place = located.places.get(copy.name)
    if place is None or place.stamp == copy.stamp:
        return Restoration(Return.RESTORED)
    return Restoration(Return.NEWER_KEPT, "The application stored a newer value.")


def _parts(files: Sequence[tuple[str, int]]) -> list[Part]:
    return [Part("leftover temporary files", len(files), sum(size for _, size in files))] if files else []


def limits_for(size: int) -> Limits:
    """Time and memory for reading this many bytes: far more than needed, far less than harmful."""
    return Limits(seconds=30.0 + size / 2_000_000, memory=1_000_000_000 + 4 * size)


def _bytes(descriptor: int, start: int, end: int) -> bytes:
    os.lseek(descriptor, start, os.SEEK_SET)
    parts = []
    while start < end and (part := os.read(descriptor, min(CHUNK, end - start))):
        parts.append(part)
        start += len(part)
    return b"".join(parts)
