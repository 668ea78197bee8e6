"""The studio's side of dbm, which is only looked at."""

import os
import time
import zlib
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import ClassVar

from cache_studio.adapters.base import Adapter, require_found
from cache_studio.adapters.dbm_files.dumb import DATA, INDEX, Index, Place, base_of, read_index, read_value
from cache_studio.adapters.defaults import join
from cache_studio.adapters.files import Folder, NoRegularFile, unavailable
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import Batch, ScanEnd, make_batch
from cache_studio.model.errors import WrongFormat
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Payload, Piece
from cache_studio.model.seeing import Volume
from cache_studio.model.targets import Target

HEAD = 4_096
"""Bytes of a value that its stamp is made of."""
BATCH = 1_000
CHANGES = (Ability.REMOVE, Ability.UNDO, Ability.COMPACT)
SHORT = "The data end before this value does."
_PATIENCE = 20
_BETWEEN = 0.02
_REASON = (
    "An application that has this dbm open holds its whole index in memory and writes it back when it closes:"
    " what is removed would return, so this format is only looked at."
)


class DbmAdapter(Adapter):
    """The keys of a dbm.dumb. An id is the key's bytes; no times are recorded."""

    before: ClassVar[int] = 0
    """How many bytes may stand before the value itself."""

    def __init__(self, folder: Folder, base: str) -> None:
        self._folder = folder
        self._base = base
        self.capabilities = Capabilities.of((Ability.READ, Ability.WATCH, *CHANGES)).without(CHANGES, _REASON)

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "DbmAdapter":
        """Open the files of a dbm.dumb, whichever of them is named."""
        path = base_of(os.path.abspath(target.location) if "\0" not in target.location else target.location)
        folder = Folder.open(os.path.dirname(path))
        try:
            return cls.of(folder, os.path.basename(path), options, writable=writable)
        except BaseException as error:
            folder.close()
            if isinstance(error, NoRegularFile | ValueError):
                raise WrongFormat("This is no dbm.", "Give the path of its .dir or .dat file.") from None
            if isinstance(error, OSError):
                raise _unopened(path, target.location, error) from error
            raise

    @classmethod
    def of(cls, folder: Folder, base: str, options: Mapping[str, OptionValue], *, writable: bool) -> "DbmAdapter":
        """The dbm of that name in a folder. OSError, NoRegularFile."""
        adapter = cls(folder, base)
        adapter.index()
        return adapter

    def close(self) -> None:
        """Let go of the folder."""
        self._folder.close()

    def index(self) -> Index:
        """The keys now; an application that is writing them takes the file away for a moment."""
        for attempt in range(_PATIENCE):
            try:
                content = self._folder.read(self._base + INDEX)[0]
            except FileNotFoundError:
                there = attempt < _PATIENCE - 1
                with suppress(FileNotFoundError):
                    self._folder.status(self._base + DATA)
                    if there:
                        time.sleep(_BETWEEN)
                        continue
                raise
            found = read_index(content)
            if found.broken and not found.places:
                raise ValueError("no line of an index")
            return found
        raise FileNotFoundError(self._base + INDEX)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Held while index and values are read together."""
        yield

    @contextmanager
    def data(self) -> Iterator[int]:
        """The file of values, open for reading."""
        descriptor, _status = self._folder.open_file(self._base + DATA)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        """Keys in the order of the index."""
        with self._errors(), self.reading(), self.data() as data:
            found = self.index()
            items = list(found.places.items())
            batches = [self.batch(data, items[start : start + BATCH]) for start in range(0, len(items), BATCH)]
        yield from batches
        if found.broken:
            return ScanEnd(False, f"{found.broken} lines of the index cannot be read.")
        return ScanEnd()

    def batch(self, data: int, items: Sequence[tuple[bytes, Place]]) -> Batch:
        """The columns of these keys."""
        heads = [read_value(data, place, HEAD) for _key, place in items]
        end = os.fstat(data).st_size
        return make_batch(
            [key for key, _place in items],
            [key.decode("utf-8", "surrogateescape") for key, _place in items],
            [stamp_of_value(place, head) for (_key, place), head in zip(items, heads, strict=True)],
            size=[place.size for _key, place in items],
            problems={row: SHORT for row, (_key, place) in enumerate(items) if place.position + place.size > end},
        )

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By the index."""
        if namespace:
            return join([])
        with self._errors(), self.reading(), self.data() as data:
            places = self.index().places
            names = [key.encode("utf-8", "surrogateescape") for key in keys]
            items = [(name, places[name]) for name in names if name in places]
            return self.batch(data, items) if items else join([])

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The value."""
        assert isinstance(entry_id, bytes)
        with self._errors(), self.reading(), self.data() as data:
            place = self.index().places.get(entry_id)
            require_found(place is not None, entry_id.decode("utf-8", "backslashreplace"))
            assert place is not None
            limit = place.size if max_bytes is None else min(place.size, max_bytes + self.before)
            content = read_value(data, place, limit)
        short = len(content) < limit
        return self.payload(content, place.size, SHORT if short else "", max_bytes)

    def payload(self, content: bytes, total: int, problem: str, max_bytes: int | None) -> Payload:
        """The pieces of a value."""
        return Payload((Piece("value", content[:max_bytes], total, "", problem),))

    def measure(self) -> Volume:
        """The lengths of both files."""
        with self._errors():
            names = (self._base + DATA, self._base + INDEX)
            return Volume(sum(self._folder.status(name).st_size for name in names))

    def watched(self) -> tuple[tuple[str, bool], ...]:
        """The folder."""
        return ((self._folder.path, False),)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (NoRegularFile, ValueError):
            raise WrongFormat("This is no dbm any more.", "Attach it again.") from None
        except OSError as error:
            raise unavailable(os.path.join(self._folder.path, self._base + INDEX), error) from error


def stamp_of_value(place: Place, head: bytes) -> Stamp:
    """Place, length and beginning: a value of the same length is written over the old one."""
    return (place.position, place.size, zlib.crc32(head))


def _unopened(path: str, location: str, error: OSError) -> Exception:
    """Why there is no index: nothing is there, or another kind of dbm, for which a module is needed."""
    if not isinstance(error, FileNotFoundError):
        return unavailable(location, error)
    import dbm

    kind = dbm.whichdb(path)
    if kind in ("dbm.gnu", "dbm.ndbm"):
        return WrongFormat(f"“{location}” is a {kind} database, which cannot be opened here.", "Copy it to a dbm.dumb.")
    return unavailable(location, error)
