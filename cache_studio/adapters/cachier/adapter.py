"""The studio's side of cachier, which is only looked at."""

import math
import os
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from typing import Any

from cache_studio.adapters.base import Adapter, require_found
from cache_studio.adapters.cachier.layout import is_name, looks_like_entries, read_entries, split_name
from cache_studio.adapters.cachier.value_pickle import value_pickle
from cache_studio.adapters.files import Folder, NoRegularFile, stamp_of, unavailable
from cache_studio.adapters.mapping import FieldMap
from cache_studio.isolation import Limits, call
from cache_studio.model.capabilities import Ability, Capabilities
from cache_studio.model.columns import Batch, ScanEnd, make_batch
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, EntryNotFound, WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Payload, Piece
from cache_studio.model.seeing import Source, Volume
from cache_studio.model.targets import Target

READ_HERE = 60_000
"""Files up to this length are read in this process: a pickle of that length takes some milliseconds."""
_HEAD = 2_000
_REASON = (
    "cachier keeps the entries of a function in one pickle of the program's own objects, which only the program can"
    " write: this format is only looked at."
)


class CachierAdapter(Adapter):
    """The files of a folder, or one of them. An entry's id is its file's name and its key."""

    sources = {"expires": Source.DERIVED}

    def __init__(self, root: Folder, only: str, ttl: float | None) -> None:
        self._root = root
        self._only = only
        self._ttl = ttl
        changes = (Ability.REMOVE, Ability.UNDO, Ability.COMPACT)
        self.capabilities = Capabilities.of((Ability.READ, Ability.WATCH, *changes)).without(changes, _REASON)

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "CachierAdapter":
        """Open cachier's folder or one of its files."""
        path = os.path.abspath(target.location) if "\0" not in target.location else target.location
        only = "" if os.path.isdir(path) or not os.path.exists(path) else os.path.basename(path)
        root = Folder.open(os.path.dirname(path) if only else path)
        adapter = cls(root, only, FieldMap.of(options).ttl)
        if only or any(adapter._names()):
            return adapter
        root.close()
        raise WrongFormat(
            f"“{target.location}” holds no entries of cachier.", "Give cachier's folder or one file of it."
        )

    def close(self) -> None:
        """Let go of the folder."""
        self._root.close()

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        """A batch a file."""
        self._root.require_in_place()
        for name in self._names():
            batch = self._batch(name)
            if batch is not None:
                yield batch
        return ScanEnd()

    def _names(self) -> Iterator[str]:
        """The files that are cachier's: by their beginning, or by a name that nothing else has."""
        if self._only:
            yield self._only
            return
        for name in sorted(entry.name for entry in self._root.walk() if is_name(entry.name)):
            try:
                head = self._root.read(name, _HEAD)[0]
            except (OSError, NoRegularFile):
                continue
            if looks_like_entries(head) or split_name(name)[1]:
                yield name

    def _batch(self, name: str) -> Batch | None:
        function, key = split_name(name)
        try:
            status = self._root.status(name)
            rows, alone, problem = self._call("rows_in", status.st_size, name)
        except (FileNotFoundError, EntryNotFound):
            return None
        except OSError as error:
            raise unavailable(name, error) from error
        except CacheStudioError as error:
            rows, alone, problem = [], True, error.message
        if problem and (alone or not rows):
            rows = [[key or function, math.nan, False]]
        count = len(rows)
        created = [float(row[1]) for row in rows]
        if count == 0:
            return None
        return make_batch(
            [(name, row[0]) for row in rows],
            [row[0] for row in rows],
            [self._stamp(status, row, alone) for row in rows],
            namespaces=function if key or not alone else function.rpartition("_")[0] or function,
            types=["calculating" if row[2] else "" for row in rows],
            problems=dict.fromkeys(range(count), f"The pickle is broken: {problem}") if problem else {},
            size=[status.st_size if alone else math.nan] * count,
            created=created,
            expires=[math.nan if self._ttl is None else math.nextafter(c + self._ttl, math.inf) for c in created],
        )

    @staticmethod
    def _stamp(status: os.stat_result, row: Sequence[Any], alone: bool) -> tuple[int, ...]:
        if alone or row[1] != row[1]:
            return stamp_of(status)
        return (int(row[1] * 1e6), int(row[2]), 0)

    def changes(self, names: Collection[str]) -> tuple[Batch, list[EntryId]] | None:
        """Only a new scan can tell which entries of a file are gone."""
        return None

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The value, written again as a pickle of its own: in the file it lies among others."""
        assert isinstance(entry_id, tuple)
        name, key = (str(part) for part in entry_id)
        try:
            found = self._call("value_in", self._root.status(name).st_size, name, key, max_bytes)
        except FileNotFoundError:
            found = None
        except OSError as error:
            raise CacheUnavailable(f"The entry cannot be read: {error.strerror}.", "Refresh the list.") from error
        require_found(found, key)
        data, total, problem = found
        return Payload((Piece("value", data, total, "pickle", problem),))

    def measure(self) -> Volume:
        """The lengths of cachier's files."""
        total = 0
        for name in self._names():
            try:
                total += self._root.status(name).st_size
            except OSError:
                continue
        return Volume(total)

    def details(self) -> Mapping[str, object]:
        """How many files there are."""
        return {"files": sum(1 for _name in self._names()), "ttl_seconds": self._ttl}

    def watched(self) -> tuple[tuple[str, bool], ...]:
        """The folder."""
        return ((self._root.path, False),)

    def _call(self, function: str, size: int, *arguments: object) -> Any:
        place = os.fsencode(self._root.path)
        if size <= READ_HERE:
            return {"rows_in": rows_in, "value_in": value_in}[function](place, *arguments)  # type: ignore[operator]  # two signatures, as the child has them
        return call(f"{__name__}:{function}", place, *arguments, limits=Limits(30, 4_000_000_000))


def rows_in(folder: bytes, name: str) -> list[Any]:
    """Key, creation and being calculated of each entry; whether there can be but one; what is wrong."""
    reading = read_entries(_content(folder, name), name)
    rows = [[entry.key, entry.created, entry.calculating] for entry in reading.entries]
    return [rows, reading.alone, reading.problem]


def value_in(folder: bytes, name: str, key: str, max_bytes: int | None) -> list[Any] | None:
    """The value's pickle cut at `max_bytes`, its length, and why it cannot be written; None where it is gone."""
    content = _content(folder, name)
    reading = read_entries(content, name)
    found = next((entry for entry in reading.entries if entry.key == key), None)
    if found is None:
        return [content[:max_bytes], len(content), reading.problem] if reading.problem else None
    try:
        data = value_pickle(found.value)
    except ValueError as error:
        return [b"", 0, str(error)]
    return [data[:max_bytes], len(data), ""]


def _content(folder: bytes, name: str) -> bytes:
    with Folder.open(os.fsdecode(folder)) as root:
        try:
            return root.read(name)[0]
        except NoRegularFile:
            raise CacheStudioError("This is a link or a special file; it is not opened.") from None
        except FileNotFoundError:
            raise EntryNotFound("The file is gone.", "Refresh the list.") from None
        except OSError as error:
            raise CacheUnavailable(f"The file cannot be read: {error.strerror}.", "Refresh the list.") from error
