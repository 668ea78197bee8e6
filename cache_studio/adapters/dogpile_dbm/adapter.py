"""The studio's side of dogpile-dbm.

dogpile.cache opens the dbm anew for every call and holds `<file>.rw.lock` meanwhile, shared for reading and alone for
writing. So do we: nothing of the dbm lives in the application's memory, and what is removed stays removed.
"""

import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgpack

from cache_studio.adapters.base import EntryCopy, Keep, Kept, pack_id
from cache_studio.adapters.dbm_files.adapter import CHANGES, HEAD, DbmAdapter, stamp_of_value
from cache_studio.adapters.dbm_files.dumb import BLOCK, DATA, INDEX, Place, read_value, write_index
from cache_studio.adapters.files import Folder, write_all
from cache_studio.adapters.mapping import FieldMap
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.errors import CacheStudioError, CacheUnavailable
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Payload, Piece
from cache_studio.model.seeing import Fate, Removal, Restoration, Return, Seen, Source
from cache_studio.model.times import parse_time

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module there, nothing on Windows

LOCK = ".rw.lock"
SECONDS = 2.0
"""How long we wait for the lock."""
_BETWEEN = 0.01
_NO_LOCK = (
    f"There is no lock file “…{LOCK}” beside it: the application may be writing at any moment without telling us."
)
_NO_ENTRY = "This value was not written by dogpile.cache."


class DogpileDbmAdapter(DbmAdapter):
    """A dbm.dumb of dogpile.cache; the region's expiration time is the option `ttl`."""

    sources = {"expires": Source.DERIVED}
    before = HEAD

    def __init__(self, folder: Folder, base: str, ttl: float | None, *, writable: bool) -> None:
        super().__init__(folder, base)
        self._ttl = ttl
        allowed = (Ability.READ, Ability.WATCH, Ability.REMOVE, Ability.UNDO)
        self.capabilities = Capabilities.of(allowed)
        reason = self._why_not(writable)
        if reason:
            self.capabilities = self.capabilities.without(CHANGES, reason)

    @classmethod
    def of(
        cls, folder: Folder, base: str, options: Mapping[str, OptionValue], *, writable: bool
    ) -> "DogpileDbmAdapter":
        """The dbm of that name in a folder."""
        adapter = cls(folder, base, FieldMap.of(options).ttl, writable=writable)
        adapter.index()
        return adapter

    def _why_not(self, writable: bool) -> str:
        path = os.path.join(self._folder.path, self._base)
        if not writable:
            return "Attached read-only."
        if fcntl is None or not os.path.isfile(path + LOCK):
            return _NO_LOCK
        if not (os.access(self._folder.path, os.W_OK) and os.access(path + INDEX, os.W_OK)):
            return f"The files of “{path}” may not be written."
        return ""

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The application's lock, shared; without it where there is none or it is not free in time."""
        with self._locked(alone=False):
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._locked(alone=True) as has_it:
            if not has_it:
                raise CacheUnavailable("The application is writing.", "Try again in a moment; nothing was changed.")
            yield

    @contextmanager
    def _locked(self, *, alone: bool) -> Iterator[bool]:
        try:
            descriptor, _status = self._folder.open_file(self._base + LOCK)
        except OSError:
            yield False
            return
        try:
            yield _take(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH) if fcntl is not None else False
        finally:
            os.close(descriptor)  # gives the lock back

    # Listing and reading.

    def batch(self, data: int, items: Sequence[tuple[bytes, Place]]) -> Batch:
        """The columns of these keys, their creation from what stands before the value."""
        plain = super().batch(data, items)
        created = [_created(read_value(data, place, HEAD)) for _key, place in items]
        ttl = self._ttl
        odd = {row: _NO_ENTRY for row, moment in enumerate(created) if math.isnan(moment)}
        return make_batch(
            plain.ids,
            plain.keys,
            plain.stamps,
            size=plain.numbers["size"],
            problems={**odd, **plain.problems},
            created=created,
            expires=[math.nan if ttl is None else math.nextafter(moment + ttl, math.inf) for moment in created],
        )

    def payload(self, content: bytes, total: int, problem: str, max_bytes: int | None) -> Payload:
        """The value behind the first `|`, and what stands before it."""
        metadata, bar, value = content.partition(b"|")
        if not bar or not metadata.startswith(b"{"):
            return super().payload(content, total, problem, max_bytes)
        before = len(metadata) + 1
        first = Piece("value", value[:max_bytes], total - before, "pickle" if value[:1] == b"\x80" else "", problem)
        return Payload((first, Piece("metadata", metadata[:max_bytes], len(metadata), "json")))

    # Changing.

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """Compare-and-remove of lines of the index; the blocks of the values stay unused, as with the application."""
        self.capabilities.require(Ability.REMOVE)
        with self._errors(), self.reading(), self.data() as data:
            places = self.index().places
            answers = {seen.id: _compared(data, places, seen) for seen in entries}
            values = {seen.id: read_value(data, places[_key(seen)]) for seen in entries if answers[seen.id] is None}
            copies = [self._copy(bytes_of(name), places[bytes_of(name)], value) for name, value in values.items()]
        if keep is not None and copies:
            keep.copies(copies)
        with self._errors(), self._writing(), self.data() as data:
            places = self.index().places
            for seen in entries:
                if answers[seen.id] is None:
                    answers[seen.id] = _compared(data, places, seen, values[seen.id]) or Fate.REMOVED
            gone = {bytes_of(name) for name, fate in answers.items() if fate is Fate.REMOVED}
            if gone:
                self._write({key: place for key, place in places.items() if key not in gone})
        return [Removal(seen.id, answers[seen.id] or Fate.FAILED) for seen in entries]

    def _copy(self, name: bytes, place: Place, value: bytes) -> EntryCopy:
        data = msgpack.packb((1, name, place.position, value))
        return EntryCopy(name.decode("utf-8", "surrogateescape"), "", place.size, data, pack_id(name))

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Put the lines back, each value where it lies still or at the end of the data."""
        self.capabilities.require(Ability.UNDO)
        try:
            with self._errors(), self._writing():
                places = dict(self.index().places)
                answers = [self._put_back(copy, places) for copy in copies]
                self._write(places)
                return answers
        except CacheStudioError as error:
            return [Restoration(Return.FAILED, error.message) for _copy in copies]

    def _put_back(self, copy: EntryCopy, places: dict[bytes, Place]) -> Restoration:
        name, position, value = _unpacked(copy)
        with self.data() as data:
            if name in places:
                same = read_value(data, places[name]) == value
                return Restoration(Return.RESTORED if same else Return.NEWER_KEPT)
            place = Place(position, len(value))
            free = all(other.end <= place.position or place.end <= other.position for other in places.values())
            if not free or read_value(data, place) != value:
                place = self._append(value)
        places[name] = place
        return Restoration(Return.RESTORED)

    def _append(self, value: bytes) -> Place:
        length = self._folder.status(self._base + DATA).st_size
        position = -(-length // BLOCK) * BLOCK
        flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self._folder.at(self._base + DATA), flags, dir_fd=self._folder.descriptor)
        try:
            write_all(descriptor, b"\0" * (position - length) + value)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return Place(position, len(value))

    def _write(self, places: Mapping[bytes, Place]) -> None:
        mode = self._folder.status(self._base + INDEX).st_mode & 0o777
        self._folder.replace(self._base + INDEX, write_index(places))
        os.chmod(self._folder.at(self._base + INDEX), mode, dir_fd=self._folder.descriptor)
        self._folder.settle()

    def present(self, copies: Sequence[EntryCopy]) -> list[bool]:
        """Whether each key has the value that was copied."""
        with self._errors(), self.reading(), self.data() as data:
            places = self.index().places
            found = [_unpacked(copy) for copy in copies]
            return [name in places and read_value(data, places[name]) == value for name, _position, value in found]


def bytes_of(entry_id: object) -> bytes:
    """An id of this format."""
    assert isinstance(entry_id, bytes)
    return entry_id


def _key(seen: Seen) -> bytes:
    return bytes_of(seen.id)


def _compared(data: int, places: Mapping[bytes, Place], seen: Seen, value: bytes | None = None) -> Fate | None:
    """None where the entry is the one that was seen, and still has that value."""
    place = places.get(_key(seen))
    if place is None:
        return Fate.GONE
    if stamp_of_value(place, read_value(data, place, HEAD)) != tuple(seen.stamp):
        return Fate.CHANGED
    return None if value is None or read_value(data, place) == value else Fate.CHANGED


def _unpacked(copy: EntryCopy) -> tuple[bytes, int, bytes]:
    try:
        _version, name, position, value = msgpack.unpackb(copy.data)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise CacheStudioError("The copy of this entry is damaged.", "It cannot be restored.") from error
    return name, position, value


def _created(head: bytes) -> float:
    metadata, bar, _value = head.partition(b"|")
    try:
        found = json.loads(metadata) if bar else None
    except (ValueError, RecursionError):
        return math.nan
    return parse_time(found.get("ct"), "seconds") if isinstance(found, dict) else math.nan


def _take(descriptor: int, kind: int) -> bool:
    end = time.monotonic() + SECONDS
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(_BETWEEN)
        except OSError:
            return False  # a filesystem without locks
