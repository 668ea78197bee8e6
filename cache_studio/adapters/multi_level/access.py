"""The runtime's side of multi-level: the disk level of its caches."""

import os
from collections.abc import Iterator, Mapping

from cache_studio.adapters.file_access import FileAccess, Place
from cache_studio.adapters.files import Folder
from cache_studio.adapters.key_access import Held, Known
from cache_studio.adapters.multi_level.layout import (
    FOLDER,
    SUFFIX,
    WANTED,
    decode,
    encode,
    file_name,
    folder_parts,
    key_of,
    namespace_of,
    number,
)
from cache_studio.decoding.pickled.header import pickle_header
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target


class MultiLevelAccess(FileAccess):
    """One pickle of builtins a key, in the folder of its namespace; the layout records no hits and no access."""

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue]) -> "MultiLevelAccess":
        """Open or create the `l3` folder in the target (or the target itself where it is one)."""
        location = os.path.abspath(target.location)
        is_level = os.path.basename(location) == FOLDER
        return cls(cls.create_root(location if is_level else os.path.join(location, FOLDER)))

    def place(self, key: str, namespace: str) -> Place:
        """The file of the key in the folder of its namespace."""
        return (*folder_parts(namespace), file_name(key))

    def encode(self, key: str, namespace: str, held: Held) -> bytes:
        """The pickle."""
        return encode(key, namespace, held)

    def decode(self, content: bytes, key: str) -> Held | None:
        """The entry; None for a value that is an object, which only running it would bring back."""
        found = decode(content)
        return None if found is None else found[0]

    def places(self) -> Iterator[Place]:
        """Every `*.cache` below."""
        return _places(self._root, ())

    def known_in(self, place: Place, content: bytes) -> Known | None:
        """Key, namespace, size and times."""
        header = pickle_header(content, WANTED)
        created = number(header.fields.get("created_at"))
        if header.problem or created != created:
            return None
        ttl = header.fields.get("ttl")
        return Known(
            key=key_of(place[-1], header.fields),
            namespace=namespace_of("/".join(place[:-1])),
            size=len(content),
            created=created,
            expires=created + ttl if isinstance(ttl, int | float) else None,
        )


def _places(folder: Folder, parents: Place) -> Iterator[Place]:
    for entry in folder.walk():
        if entry.is_dir(follow_symlinks=False):
            with folder.below(entry.name) as below:
                yield from _places(below, (*parents, entry.name))
        elif entry.name.endswith(SUFFIX):
            yield (*parents, entry.name)
