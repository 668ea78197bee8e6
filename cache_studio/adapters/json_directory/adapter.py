"""The studio's side of json-directory."""

import math
import os
import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cache_studio.adapters.base import require_found
from cache_studio.adapters.defaults import join, lookup_by_scan
from cache_studio.adapters.file_entries import NOT_A_FILE, FileEntries
from cache_studio.adapters.files import HIDDEN, Folder, NoRegularFile, read_up_to, stamp_of
from cache_studio.adapters.json_directory.fields import JsonFields
from cache_studio.adapters.json_directory.layout import (
    DEFAULT_TTL,
    SIGNATURE,
    SUFFIX,
    entry_key,
    entry_tags,
    entry_text,
    file_name,
    wanted_fields,
)
from cache_studio.adapters.json_directory.recognise import SAMPLES, Sample, guess, head_fields
from cache_studio.adapters.mapping import MAPPING_OPTIONS, ROLES, FieldMap
from cache_studio.isolation import Limits, call
from cache_studio.model.columns import Batch, EntryId, ScanEnd, Stamp, make_batch
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.options import OptionValue, read_options
from cache_studio.model.payload import Fact
from cache_studio.model.seeing import Source
from cache_studio.model.targets import Target
from cache_studio.model.times import format_iso, parse_time

FIRST_BATCH = 500
BATCH = 5_000
HEAD = 65_536
"""Bytes of a file that are read; a longer file is read on only where a wanted field is not among them."""
READ_AT_ONCE = 4_000_000
"""Up to this length a whole file is read here: more would hold the interpreter for over 20 ms."""
HALF_WRITTEN = 2.0
"""Seconds since its last change in which a broken file may be one that is just being written."""
SECOND_LOOK = 0.2
"""Seconds after which such a file is read again."""
_EMPTY = "The file is empty."
_BROKEN = "The file is no complete JSON object."
_PENDING = ("created", "accessed", "expires", "hits", "tags")


@dataclass(frozen=True, slots=True)
class _Look:
    """One file as it was found."""

    name: str
    status: os.stat_result
    entry: Mapping[str, object]
    problem: str = ""
    pending: bool = False

    @property
    def is_being_written(self) -> bool:
        return self.problem in (_EMPTY, _BROKEN) and time.time() - self.status.st_mtime < HALF_WRITTEN


class JsonDirectoryAdapter(FileEntries):
    """One JSON file an entry; which field plays which part is an option, guessed where it is not given.

    An empty folder is taken for the original layout.
    """

    hint = "json"

    def __init__(self, root: Folder, fields: FieldMap, *, writable: bool) -> None:
        super().__init__(root, writable=writable)
        self._fields = fields
        self._reader = JsonFields(wanted_fields(fields))
        if "expires" not in fields.fields:
            self.sources = {"expires": Source.DERIVED}

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "JsonDirectoryAdapter":
        """Open the folder. Field names that no option gives are guessed from a few files."""
        root = Folder.open(os.path.abspath(target.location))
        try:
            return cls(root, chosen_fields(root, options), writable=writable)
        except BaseException:
            root.close()
            raise

    def scan(self) -> Generator[Batch, None, ScanEnd]:
        """Every `*.json` in the folder. A file that looks half-written is read again at the end."""
        looks: list[_Look] = []
        again: list[_Look] = []
        later: list[_Look] = []
        size = FIRST_BATCH
        for entry in self._root.walk():
            if not entry.name.endswith(SUFFIX) or entry.is_dir(follow_symlinks=False):
                continue
            look = self._look(entry.name)
            if look is None:
                continue
            (later if look.pending else again if look.is_being_written else looks).append(look)
            if len(looks) >= size:
                yield self._batch(looks)
                looks, size = [], BATCH
        if looks:
            yield self._batch(looks)
        if again:
            # What was put off is listed as one batch: a writer that stops this often has other troubles.
            yield self._batch(self._second_looks(again))
        if later:
            yield self._batch(later, pending=_PENDING)
        return ScanEnd()

    def fill(self, ids: Sequence[EntryId]) -> Batch:
        """Read the long files whose fields lie behind their value, each in a child process."""
        looks = [look for name in ids if (look := self._look(str(name))) is not None]
        return self._batch([self._read_on(look) if look.pending else look for look in looks])

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By file name where the file carries the key; by a scan for what is not found so."""
        looks = [look for key in keys if (look := self._named(key)) is not None]
        direct = [self._batch(looks)] if looks else []
        rest = set(keys) - {key for batch in direct for key in batch.keys}
        if namespace:
            rest = set(keys)
        if not rest:
            return join(direct)
        return lookup_by_scan(self, keys, namespace)

    def _named(self, key: str) -> _Look | None:
        look = self._look(file_name(key))
        return look if look is not None and self._key(look) == key else None

    def changes(self, names: Collection[str]) -> tuple[Batch, list[EntryId]] | None:
        """New or rewritten files and those that are gone."""
        looks: list[_Look] = []
        gone: list[EntryId] = []
        for name in {self.relative(changed) for changed in names}:
            if "/" in name or not name.endswith(SUFFIX) or name.startswith(HIDDEN):
                continue
            look = self._look(name)
            if look is None:
                gone.append(name)
            else:
                looks.append(look)
        waiting = [look for look in looks if look.is_being_written]
        calm = [look for look in looks if not look.is_being_written]
        return self._batch(calm + (self._second_looks(waiting) if waiting else [])), gone

    def title_of(self, entry_id: str) -> tuple[str, str]:
        """Key and namespace as the file says them."""
        look = self._look(entry_id)
        if look is None:
            return entry_key(entry_id, {}, self._fields), ""
        return self._key(look), entry_text(look.entry, self._fields, "namespace")

    def facts(self, entry_id: str, status: os.stat_result) -> tuple[Fact, ...]:
        """The file's own time where it disagrees: the application's clean-up goes by it."""
        look = self._look(entry_id)
        created = math.nan if look is None else self._fields.moment("created", look.entry)
        if not abs(status.st_mtime - created) > 1:
            return ()
        facts = [Fact("File modified", format_iso(status.st_mtime) or "")]
        if self._fields.ttl is not None and math.isfinite(self._fields.ttl):
            ends = format_iso(status.st_mtime + self._fields.ttl) or ""
            facts.append(Fact("Stale by file time", ends, Source.DERIVED))
        return tuple(facts)

    def details(self) -> Mapping[str, object]:
        """The TTL and which field plays which part."""
        ttl = self._fields.ttl
        finite = ttl is not None and math.isfinite(ttl)
        return {"ttl_seconds": ttl if finite else None, "fields": dict(self._fields.fields)}

    # One file.

    def _look(self, name: str) -> _Look | None:
        """What the file says; None when it is gone."""
        try:
            descriptor, status = self._root.open_file(name)
        except (FileNotFoundError, ValueError):
            return None
        except NoRegularFile:
            return self._unopened(name, NOT_A_FILE)
        except OSError as error:
            return self._unopened(name, f"It cannot be read: {error.strerror}.")
        try:
            return self._read(name, descriptor, status)
        except OSError as error:
            return _Look(name, status, {}, f"It cannot be read: {error.strerror}.")
        finally:
            os.close(descriptor)

    def _unopened(self, name: str, problem: str) -> _Look | None:
        try:
            return _Look(name, self._root.status(name), {}, problem)
        except OSError:
            return None

    def _read(self, name: str, descriptor: int, status: os.stat_result) -> _Look:
        content = os.read(descriptor, HEAD)
        size = status.st_size
        try:
            if size <= len(content):
                return _Look(name, status, self._reader.whole(content))
            entry, all_found = self._reader.head(content)
            if not all_found and size <= READ_AT_ONCE:
                return _Look(name, status, self._reader.whole(content + read_up_to(descriptor, size - len(content))))
            os.lseek(descriptor, -min(size, 64), os.SEEK_END)
            if not os.read(descriptor, 64).rstrip().endswith(b"}"):
                return _Look(name, status, entry, _BROKEN)
            return _Look(name, status, entry, pending=not all_found)
        except ValueError:
            # A broken file may still say its key and time in its head.
            return _Look(name, status, head_fields(content) or {}, _BROKEN if content.strip() else _EMPTY)

    def _read_on(self, look: _Look) -> _Look:
        place = os.path.join(self._root.path, look.name)
        try:
            found = call(READ_FIELDS, os.fsencode(place), sorted(self._reader.names), limits=Limits(30, 4_000_000_000))
        except CacheStudioError as error:
            return _Look(look.name, look.status, look.entry, error.message)
        assert isinstance(found, dict)
        return _Look(look.name, look.status, found)

    def _second_looks(self, looks: list[_Look]) -> list[_Look]:
        time.sleep(SECOND_LOOK)
        return [again for look in looks if (again := self._look(look.name)) is not None]

    def _key(self, look: _Look) -> str:
        return entry_key(look.name, look.entry, self._fields)

    def _batch(self, looks: list[_Look], pending: Sequence[str] = ()) -> Batch:
        fields, entries = self._fields, [look.entry for look in looks]
        created = self._moments("created", entries)
        ttl = fields.ttl if fields.ttl is not None else math.nan
        without = math.inf if ttl == math.inf else math.nan
        if "expires" in fields.fields or "ttl_field" in fields.fields:
            expires = [fields.expiry(entry, made, without) for entry, made in zip(entries, created, strict=True)]
        else:
            expires = [made + ttl if made == made else without for made in created]
        stamps: list[Stamp] = [stamp_of(look.status) for look in looks]
        return make_batch(
            [look.name for look in looks],
            [self._key(look) for look in looks],
            stamps,
            namespaces=[entry_text(entry, fields, "namespace") for entry in entries]
            if "namespace" in fields.fields
            else "",
            tags=[entry_tags(entry, fields) for entry in entries] if "tags" in fields.fields else None,
            problems={row: look.problem for row, look in enumerate(looks) if look.problem},
            pending=pending,
            size=[look.status.st_size for look in looks],
            created=created,
            accessed=self._moments("accessed", entries),
            expires=expires,
            hits=[fields.number("hits", entry) for entry in entries],
        )

    def _moments(self, role: str, entries: list[Mapping[str, object]]) -> list[float]:
        name = self._fields.fields.get(role)
        if name is None:
            return [math.nan] * len(entries)
        unit, zone = self._fields.unit, self._fields.zone
        return [parse_time(entry.get(name), unit, zone) for entry in entries]


READ_FIELDS = f"{__name__}:read_fields"


def read_fields(path: bytes, names: list[str]) -> dict[str, object]:
    """These fields of a long file; runs in a child process. CacheStudioError when it is broken."""
    folder, name = os.path.split(os.fsdecode(path))
    with Folder.open(folder) as root:
        try:
            return dict(JsonFields(names).whole(root.read(name)[0]))
        except FileNotFoundError:
            require_found(None, name)
            raise
        except (OSError, ValueError, NoRegularFile):
            raise CacheStudioError(_BROKEN) from None


def chosen_fields(root: Folder, options: Mapping[str, OptionValue]) -> FieldMap:
    """The mapping of the options; where these name no field, the guess, with what else they say laid over it."""
    given = FieldMap.of(options)
    if any(options.get(role.name) for role in ROLES):
        return given
    samples = list(_samples(root))
    guesses = guess(samples, time.time()) if samples else {**SIGNATURE, "ttl": DEFAULT_TTL}
    guessed = FieldMap.of(read_options(MAPPING_OPTIONS, guesses))
    return FieldMap(
        guessed.fields,
        guessed.ttl if given.ttl is None else given.ttl,
        guessed.unit if given.unit == "auto" else given.unit,
        guessed.zone if given.zone == "local" else given.zone,
    )


def _samples(root: Folder) -> Iterator[Sample]:
    found = 0
    for entry in root.walk():
        if found == SAMPLES:
            return
        if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
            try:
                fields = head_fields(root.read(entry.name, HEAD)[0])
            except (OSError, NoRegularFile):
                continue
            if fields is not None:
                found += 1
                yield entry.name, fields
