"""The runtime's side of multi-level: the disk level of its caches."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress

from cache_studio.adapters.file_access import FileAccess, Parts, empty_key
from cache_studio.adapters.files import Folder
from cache_studio.adapters.key_access import Held, Known
from cache_studio.adapters.multi_level.layout import (
    DEEPEST,
    FOLDER,
    SIGNATURE,
    STORED,
    STORED_NAMESPACE,
    SUFFIX,
    decode,
    encode,
    file_name,
    folder_parts,
    key_of,
    namespace_of,
    own_expiry,
    tags_of,
)
from cache_studio.decoding.pickled.header import pickle_header
from cache_studio.model.errors import BadRequest
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target
from cache_studio.model.times import number_of


class MultiLevelAccess(FileAccess):
    """One pickle of builtins a key, in the folder of its namespace; the layout records no hits and no access."""

    keeps_last_moment = True

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> "MultiLevelAccess":
        """Open or create the `l3` folder in the target (or the target itself where it is one)."""
        location = os.path.abspath(target.location)
        is_level = os.path.basename(location) == FOLDER
        return cls(cls.create_root(location if is_level else os.path.join(location, FOLDER)))

    def parts(self, key: str, namespace: str) -> Parts:
        """The file of the key in the folder of its namespace."""
        if not key:
            raise empty_key()
        folders = folder_parts(namespace)
        if len(folders) > DEEPEST:
            raise BadRequest(f"A namespace has at most {DEEPEST} parts between “/”.", "Use a shorter one.")
        return (*folders, file_name(key))

    def encode(self, key: str, namespace: str, held: Held) -> bytes:
        """The pickle."""
        return encode(key, namespace, held)

    def decode(self, content: bytes, key: str) -> Held | None:
        """The entry; None for a value that is an object, which only running it would bring back."""
        found = decode(content)
        return found[1] if found is not None and found[0] in (key, "") else None

    def files(self) -> Iterator[Parts]:
        """Every `*.cache` below."""
        return _files(self._root, ())

    def known_in(self, parts: Parts, content: bytes) -> Known | None:
        """Key, namespace, size, times and tags."""
        header = pickle_header(content, STORED)
        created = number_of(header.fields.get(SIGNATURE["created"]))
        if header.problem or created != created:
            return None
        stored = header.fields.get(STORED_NAMESPACE)
        # Only what is stored says a part that its folder's name cannot hold.
        is_right = isinstance(stored, str) and folder_parts(stored) == parts[:-1]
        return Known(
            key=key_of(parts[-1], header.fields),
            namespace=str(stored) if is_right else namespace_of("/".join(parts[:-1])),
            size=len(content),
            created=created,
            expires=own_expiry(created, header.fields),
            tags=tags_of(header.fields),
        )


def _files(folder: Folder, parents: Parts) -> Iterator[Parts]:
    for entry in folder.walk():
        if entry.is_dir(follow_symlinks=False):
            if len(parents) < DEEPEST:
                # A folder that vanished or may not be read holds nothing that could be listed.
                with suppress(OSError), folder.below(entry.name) as below:
                    yield from _files(below, (*parents, entry.name))
        elif entry.name.endswith(SUFFIX):
            yield (*parents, entry.name)
