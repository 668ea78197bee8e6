"""The studio's side of json-directory."""

import math
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from cache_studio.adapters.base import SetsExpiry, require_found
from cache_studio.adapters.file_listing import EMPTY, FileListing, Look, Parsed, stamps_of
from cache_studio.adapters.files import Folder, NoRegularFile, read_up_to
from cache_studio.adapters.json_directory.expiry import BROKEN, ExpiryEdit, expiry_edit
from cache_studio.adapters.json_directory.layout import (
    DEFAULT_TTL,
    SIGNATURE,
    SUFFIX,
    entry_key,
    entry_keys,
    entry_tags,
    entry_text,
    extra_field,
    file_name,
    named_fields,
    own_expiry,
    tags_field,
    wanted_fields,
)
from cache_studio.adapters.json_directory.recognise import SAMPLES, Sample, guess, head_fields
from cache_studio.adapters.json_fields import JsonFields
from cache_studio.adapters.json_rewrite import Edit, publish
from cache_studio.adapters.mapped_expiry import MappedExpiry, with_set_expiry
from cache_studio.adapters.mapping import MAPPING_OPTIONS, ROLES, FieldMap
from cache_studio.adapters.remembered import Remembered
from cache_studio.adapters.time_columns import moments
from cache_studio.isolation import Limits, call
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, Floats, make_batch
from cache_studio.model.errors import CacheStudioError, CacheUnavailable
from cache_studio.model.identity import Stamp
from cache_studio.model.options import OptionValue, read_options
from cache_studio.model.payload import Fact
from cache_studio.model.seeing import Renewal, Renewed, Seen, Source
from cache_studio.model.targets import Target
from cache_studio.model.times import format_iso

HEAD = 65_536
"""Bytes of a file that are read; a longer file is read on only where a wanted field is not among them."""
READ_AT_ONCE = 4_000_000
"""Up to this length a whole file is read here: more would hold the interpreter for over 20 ms."""


class JsonDirectoryAdapter(FileListing, SetsExpiry):
    """One JSON file an entry; which field plays which part is an option, guessed where it is not given.

    An empty folder is taken for the original layout.
    """

    hint = "json"
    suffix = SUFFIX
    pending_columns = ("created", "accessed", "expires", "hits", "tags")

    def __init__(self, root: Folder, fields: FieldMap, *, writable: bool) -> None:
        super().__init__(root, writable=writable)
        self._fields = fields
        self._reader = JsonFields(named_fields(fields), wanted_fields(fields))
        self._own_expiry = extra_field("expires", fields)
        if "expires" not in fields.fields:
            self.sources = {"expires": Source.DERIVED}
        self.capabilities = with_set_expiry(self.capabilities, MappedExpiry(fields).why_not)

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "JsonDirectoryAdapter":
        """Open the folder. Field names that no option gives are guessed from a few files."""
        root = Folder.open(os.path.abspath(target.location))
        try:
            return cls(root, chosen_fields(root, options), writable=writable)
        except BaseException:
            root.close()
            raise

    def child_listing(self) -> tuple[str, Sequence[object]]:
        """`list_files` on the same folder with the same fields."""
        return LIST_FILES, (os.fsencode(self._root.path), self._mapping())

    def remembered(self) -> Remembered:
        """By the fields of today; a file is told by its stamp."""
        return Remembered(["json-directory", os.fsencode(self._root.path), self._identity(), *self._mapping()])

    def _mapping(self) -> tuple[dict[str, str], float | None, str, str]:
        """The fields as they go to a child."""
        fields = self._fields
        return dict(fields.fields), fields.ttl, fields.unit, fields.zone

    def likely_id(self, key: str, namespace: str | None) -> str | None:
        """The file of that name, where namespaces are no field: a second file may carry the same key there."""
        return None if namespace else file_name(key)

    def title_of(self, entry_id: str) -> tuple[str, str]:
        """Key and namespace as the file says them."""
        look = self.look(entry_id)
        entry = {} if look is None else look.parsed.fields
        return entry_key(entry_id, entry, self._fields), entry_text(entry, self._fields, "namespace")

    def facts(self, entry_id: str, status: os.stat_result) -> tuple[Fact, ...]:
        """The file's own time where it disagrees: the application's clean-up goes by it."""
        look = self.look(entry_id)
        created = math.nan if look is None else self._fields.moment("created", look.parsed.fields)
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

    def parse(self, descriptor: int, status: os.stat_result) -> Parsed:
        """The wanted fields; of a long file only from its head, where they stand there."""
        size = status.st_size
        content = os.read(descriptor, min(size, HEAD) + 1)
        try:
            if size <= len(content):
                return Parsed(self._reader.whole(content))
            entry, all_found = self._reader.head(content)
            if not all_found and size <= READ_AT_ONCE:
                return Parsed(self._reader.whole(content + read_up_to(descriptor, size - len(content))))
            os.lseek(descriptor, -min(size, 64), os.SEEK_END)
            if not os.read(descriptor, 64).rstrip().endswith(b"}"):
                return Parsed(entry, BROKEN)
            return Parsed(entry, pending=not all_found)
        except ValueError:
            # A broken file may still say its key and time in its head.
            return Parsed(head_fields(content) or {}, BROKEN if content.strip() else EMPTY)

    def read_on(self, look: Look) -> Look:
        """The fields of a long file, read in a child process: that would hold the interpreter."""
        place = os.fsencode(os.path.join(self._root.path, look.id))
        try:
            found = call(READ_FIELDS, place, sorted(self._reader.names), limits=Limits(30, 4_000_000_000))
        except CacheStudioError as error:
            return replace(look, parsed=Parsed(look.parsed.fields, error.message))
        assert isinstance(found, dict)
        return replace(look, parsed=Parsed(found))

    def set_expiry(self, entries: Sequence[Seen], expires: Sequence[float]) -> list[Renewal]:
        """Rewrite each file that is still the one that was seen, but for the one field."""
        self.capabilities.require(Ability.SET_EXPIRY)
        return [self._renew(entry, moment) for entry, moment in zip(entries, expires, strict=True)]

    def _renew(self, entry: Seen, moment: float) -> Renewal:
        name, found = str(entry.id), ExpiryEdit(())

        def plan(version: str) -> tuple[Stamp, Sequence[Edit]]:
            nonlocal found
            found = self._expiry_edit(version, moment)
            return found.stamp, found.edits if found.stamp == tuple(entry.stamp) else ()

        try:
            publish(self._root, name, plan)
        except FileNotFoundError:
            return Renewal(entry.id, Renewed.GONE)
        except (OSError, NoRegularFile, CacheUnavailable) as error:
            words = error.message if isinstance(error, CacheUnavailable) else "It cannot be written."
            return Renewal(entry.id, Renewed.FAILED, reason=words)
        if found.stamp != tuple(entry.stamp):
            return Renewal(entry.id, Renewed.CHANGED)
        fate = Renewed.FAILED if found.edit is None else Renewed.SET
        return Renewal(entry.id, fate, found.listed, found.reason)

    def _expiry_edit(self, name: str, moment: float) -> ExpiryEdit:
        if self._root.status(name).st_size <= READ_AT_ONCE:
            return expiry_edit(self._root, name, self._fields, moment)
        given = (os.fsencode(self._root.path), name, self._mapping(), moment)
        answer: Any = call(EXPIRY_EDIT, *given, limits=Limits(30, 4_000_000_000))
        stamp, edit, listed, reason = answer
        return ExpiryEdit(tuple(stamp), None if edit is None else tuple(edit), listed, reason)

    def columns(self, looks: Sequence[Look], pending: Sequence[str] = ()) -> Batch:
        """Key, times, hits, tags and namespace as far as the options name a field for them."""
        fields = self._fields
        ids = [look.id for look in looks]
        stamps = stamps_of(looks)
        entries = [look.parsed.fields for look in looks]
        created = self._moments("created", entries)
        return make_batch(
            ids,
            entry_keys(ids, entries, fields),
            stamps,
            namespaces=[entry_text(entry, fields, "namespace") for entry in entries]
            if "namespace" in fields.fields
            else "",
            tags=self._tags(entries),
            problems={row: look.parsed.problem for row, look in enumerate(looks) if look.parsed.problem},
            pending=pending,
            size=stamps[:, 2].astype(np.float64),
            created=created,
            accessed=self._moments("accessed", entries),
            expires=self._expiries(entries, created),
            hits=[fields.number("hits", entry) for entry in entries] if "hits" in fields.fields else _nothing(looks),
        )

    def _tags(self, entries: Sequence[Mapping[str, object]]) -> list[tuple[str, ...]] | None:
        fields, name = self._fields, tags_field(self._fields)
        is_mapped = "tags" in fields.fields
        if not is_mapped and not _rows_with(name, entries):
            return None
        tags = [entry_tags(entry, fields) for entry in entries]
        return tags if is_mapped or any(tags) else None

    def _expiries(self, entries: Sequence[Mapping[str, object]], created: Floats) -> Floats | list[float]:
        fields = self._fields
        ttl = math.nan if fields.ttl is None else fields.ttl
        without = math.inf if ttl == math.inf else math.nan
        if "expires" in fields.fields or "ttl_field" in fields.fields:
            made = created.tolist()
            return [fields.expiry(entry, moment, without) for entry, moment in zip(entries, made, strict=True)]
        found = np.where(np.isnan(created), without, created + ttl)
        for row in _rows_with(self._own_expiry, entries):
            found[row] = own_expiry(entries[row], self._own_expiry)
        return found

    def _moments(self, role: str, entries: Sequence[Mapping[str, object]]) -> Floats:
        name = self._fields.fields.get(role)
        if name is None:
            return _nothing(entries)
        return moments([entry.get(name) for entry in entries], self._fields.unit, self._fields.zone)


def _nothing(rows: Sequence[object]) -> Floats:
    return np.full(len(rows), math.nan)


def _rows_with(name: str, entries: Sequence[Mapping[str, object]]) -> list[int]:
    return [row for row, entry in enumerate(entries) if name in entry]


LIST_FILES = f"{__name__}:list_files"
READ_FIELDS = f"{__name__}:read_fields"
EXPIRY_EDIT = f"{expiry_edit.__module__}:expiry_edit_in"


def list_files(
    path: bytes,
    mapping: tuple[Mapping[str, str], float | None, str, str],
    identity: Sequence[int],
    listed: Collection[str],
) -> Iterator[dict[str, Any]]:
    """`FileListing.frames` of this folder; runs in a child process."""
    with Folder.open(os.fsdecode(path)) as root:
        adapter = JsonDirectoryAdapter(root, FieldMap(*mapping), writable=False)
        yield from adapter.frames(identity, listed)


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
            raise CacheStudioError(BROKEN) from None


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
