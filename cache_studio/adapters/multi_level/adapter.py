"""The studio's side of multi-level."""

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from msgspec.structs import replace

from cache_studio.adapters.file_listing import DEEPEST, EMPTY, FileListing, Look, Parsed
from cache_studio.adapters.files import Folder, NoRegularFile, read_up_to, stamp_of
from cache_studio.adapters.mapped_expiry import with_set_expiry
from cache_studio.adapters.mapping import FieldMap
from cache_studio.adapters.multi_level.layout import (
    FOLDER,
    SIGNATURE,
    SUFFIX,
    created_at,
    file_name,
    first_stale,
    folder_parts,
    key_of,
    namespace_of,
    operation_of,
    tags_of,
)
from cache_studio.adapters.multi_level.recognise import SAMPLES, guess, sample
from cache_studio.decoding.pickled.header import pickle_header
from cache_studio.isolation import Limits, call
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.errors import CacheStudioError, CacheUnavailable
from cache_studio.model.options import OptionValue
from cache_studio.model.seeing import Part, Source
from cache_studio.model.targets import Target

READ_AT_ONCE = 64_000
"""Files up to this length are read while listing; the fields of a longer one lie behind its value."""
READ_HERE = 4_000_000
"""Files up to this length are read in this process, longer ones in a child."""
_EMPTY_FOLDERS = "empty folders"
NOT_WRITTEN = "The TTL of an entry lies inside its pickle, which is looked at and never written anew."


class MultiLevelAdapter(FileListing):
    """One pickle an entry; its times and tags come from within, its key and namespace from its place."""

    hint = "pickle"
    suffix = SUFFIX
    nested = True
    pending_columns = ("created", "expires", "tags", "problem")
    sources = {"expires": Source.DERIVED}

    def __init__(self, root: Folder, own_namespace: str, fields: FieldMap, *, writable: bool) -> None:
        self._own_namespace = own_namespace
        self._fields = fields
        self._wanted = (*fields.fields.values(), "key")
        super().__init__(root, writable=writable)
        self.capabilities = with_set_expiry(self.capabilities, NOT_WRITTEN)

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "MultiLevelAdapter":
        """Open the cache's folder, its `l3` folder or one namespace's folder."""
        root, own_namespace = _root(os.path.abspath(target.location))
        try:
            return cls(root, own_namespace, chosen_fields(root, options), writable=writable)
        except BaseException:
            root.close()
            raise

    def child_listing(self) -> tuple[str, Sequence[object]]:
        """`list_files` on the same folder with the same fields."""
        fields = self._fields
        mapping = (dict(fields.fields), fields.ttl, fields.unit, fields.zone)
        return LIST_FILES, (os.fsencode(self._root.path), self._own_namespace, mapping)

    def likely_id(self, key: str, namespace: str | None) -> str | None:
        """The file of that name, where the namespace is known."""
        if namespace is None or (self._own_namespace and namespace != self._own_namespace):
            return None
        folders = () if self._own_namespace else folder_parts(namespace)
        return "/".join((*folders, file_name(key)))

    def parse(self, descriptor: int, status: os.stat_result) -> Parsed:
        """The header of a short file; nothing of it is run."""
        if status.st_size > READ_AT_ONCE:
            return Parsed({}, pending=True)
        return header_of(read_up_to(descriptor, status.st_size), self._wanted)

    def read_on(self, look: Look) -> Look:
        """The header of a long file."""
        if look.status.st_size > READ_HERE:
            place = os.fsencode(os.path.join(self._root.path, look.id))
            try:
                found = call(READ_HEADER, place, list(self._wanted), limits=Limits(30, 4_000_000_000))
            except CacheStudioError as error:
                return replace(look, parsed=Parsed({}, error.message))
            assert isinstance(found, list)
            fields = {name: tuple(value) if isinstance(value, list) else value for name, value in found[0].items()}
            return replace(look, parsed=Parsed(fields, found[1]))
        parts = look.id.split("/")
        try:
            with self._root.holding(parts) as folder:
                content, status = folder.read(parts[-1])
        except (OSError, NoRegularFile):
            return replace(look, parsed=Parsed({}, "It cannot be read."))
        return Look(look.id, status, header_of(content, self._wanted))

    def columns(self, looks: Sequence[Look], pending: Sequence[str] = ()) -> Batch:
        """Key, namespace and operation from the place, times and tags from the content."""
        fields = [look.parsed.fields for look in looks]
        titles = [self._title(look.id, found) for look, found in zip(looks, fields, strict=True)]
        created = [created_at(found, self._fields) for found in fields]
        tags = self._fields.fields.get("tags")
        return make_batch(
            [look.id for look in looks],
            [key for key, _namespace in titles],
            [stamp_of(look.status) for look in looks],
            namespaces=[namespace for _key, namespace in titles],
            types=[operation_of(key) for key, _namespace in titles],
            tags=None if tags is None else [tags_of(found, tags) for found in fields],
            problems={row: look.parsed.problem for row, look in enumerate(looks) if look.parsed.problem},
            pending=pending,
            size=[look.status.st_size for look in looks],
            created=created,
            expires=[first_stale(made, found, self._fields) for made, found in zip(created, fields, strict=True)],
        )

    def title_of(self, entry_id: str) -> tuple[str, str]:
        """Key and namespace of a file."""
        look = self.look(entry_id) if entry_id.rpartition("/")[2].startswith("%") else None
        return self._title(entry_id, {} if look is None else look.parsed.fields)

    def _title(self, entry_id: str, fields: Mapping[str, object]) -> tuple[str, str]:
        parent, _, name = entry_id.rpartition("/")
        return key_of(name, fields), namespace_of(parent) or self._own_namespace

    def folder_names(self) -> list[str]:
        """The folders below the root, deepest first."""
        return list(_folders(self._root, "", DEEPEST))

    def compactable(self) -> list[Part]:
        """Leftover files, and folders of namespaces that hold nothing any more."""
        names = set(self.folder_names())
        for name in sorted(names):
            if self._holds_files(name):
                names -= {name, *(name[:cut] for cut, letter in enumerate(name) if letter == "/")}
        return super().compactable() + ([Part(_EMPTY_FOLDERS, len(names), 0)] if names else [])

    def compact(self) -> list[Part]:
        """Remove them. A folder that got an entry this moment stays: the system removes only empty ones."""
        self.capabilities.require(Ability.COMPACT)
        parts = super().compact()
        removed = 0
        for name in self.folder_names():
            with suppress(OSError), self._root.holding(name.split("/")) as folder:
                folder.remove_folder(name.rpartition("/")[2])
                removed += 1
        return parts + ([Part(_EMPTY_FOLDERS, removed, 0)] if removed else [])

    def _holds_files(self, name: str) -> bool:
        with suppress(OSError), self._root.holding([*name.split("/"), ""]) as folder:
            return bool(folder.hidden_names()) or any(not e.is_dir(follow_symlinks=False) for e in folder.walk())
        return True

    def details(self) -> Mapping[str, object]:
        """What the disk level alone can say."""
        return {"level": "disk", "namespace_folders": len(self.folder_names())}


def _root(location: str) -> tuple[Folder, str]:
    """The folder that holds the namespaces and "", or one namespace's folder and its name."""
    folder = Folder.open(location)
    name = os.path.basename(location)
    if name == FOLDER:
        return folder, ""
    try:
        with folder:
            return folder.below(FOLDER), ""
    except OSError:
        folder = Folder.open(location)
    namespaces = False
    for entry in folder.walk():
        if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
            return folder, namespace_of(name)
        namespaces = namespaces or entry.is_dir(follow_symlinks=False)
    if namespaces:
        return folder, ""
    folder.close()
    raise CacheUnavailable(
        f"“{location}” has no folder “{FOLDER}” and no entries.", "The cache may not have been written yet."
    )


def _folders(folder: Folder, prefix: str, depth: int) -> Iterator[str]:
    for entry in folder.walk() if depth else ():
        if entry.is_dir(follow_symlinks=False):
            with suppress(OSError), folder.below(entry.name) as below:
                yield from _folders(below, f"{prefix}{entry.name}/", depth - 1)
            yield prefix + entry.name


def header_of(content: bytes, wanted: Sequence[str]) -> Parsed:
    """The fields of a pickle, and what is wrong with it. Nothing of it is run."""
    if not content:
        return Parsed({}, EMPTY)
    header = pickle_header(content, wanted)
    if header.problem:
        return Parsed(header.fields, f"The pickle is broken: {header.problem}")
    return Parsed(header.fields)


def chosen_fields(root: Folder, options: Mapping[str, OptionValue]) -> FieldMap:
    """The mapping of the options; where these name no field, the guess from a few files, and the rest laid over it."""
    given = FieldMap.of(options)
    if given.fields:
        return given
    samples = list(islice(_samples(root, DEEPEST), SAMPLES))
    guessed = guess(samples, time.time()) or SIGNATURE
    fields = {role: name for role, name in guessed.items() if role not in ("unit", "ttl_field" if given.ttl else "")}
    unit = guessed.get("unit", given.unit) if given.unit == "auto" else given.unit
    return FieldMap(fields, given.ttl, unit, given.zone)


def _samples(folder: Folder, depth: int) -> Iterator[Mapping[str, object]]:
    folders: list[str] = []
    for entry in folder.walk():
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
        elif entry.name.endswith(SUFFIX):
            with suppress(OSError, NoRegularFile):
                content, status = folder.read(entry.name, READ_AT_ONCE)
                found = sample(content) if status.st_size <= READ_AT_ONCE else None
                if found:
                    yield found
    for name in folders if depth else ():
        with suppress(OSError), folder.below(name) as below:
            yield from _samples(below, depth - 1)


LIST_FILES = f"{__name__}:list_files"
READ_HEADER = f"{__name__}:read_header"


def list_files(
    path: bytes,
    own_namespace: str,
    mapping: tuple[Mapping[str, str], float | None, str, str],
    identity: Sequence[int],
    listed: Collection[str],
) -> Iterator[dict[str, Any]]:
    """`FileListing.frames` of this folder; runs in a child process."""
    with Folder.open(os.fsdecode(path)) as root:
        adapter = MultiLevelAdapter(root, own_namespace, FieldMap(*mapping), writable=False)
        yield from adapter.frames(identity, listed)


def read_header(path: bytes, wanted: list[str]) -> tuple[dict[str, object], str]:
    """Fields and problem of a long file; runs in a child process."""
    folder, name = os.path.split(os.fsdecode(path))
    with Folder.open(folder) as root:
        try:
            parsed = header_of(root.read(name)[0], wanted)
        except (OSError, NoRegularFile):
            raise CacheStudioError("It cannot be read.") from None
    return dict(parsed.fields), parsed.problem
