"""The adapter of Django's FileBasedCache."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import md5
from typing import Any

from cache_studio.adapters.django_files import NAME, SUFFIX
from cache_studio.adapters.django_files.layout import head_for, head_of
from cache_studio.adapters.django_keys import made_key
from cache_studio.adapters.files import Folder
from cache_studio.adapters.headed_files import Head, HeadedFiles
from cache_studio.model.errors import WrongFormat
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target

LIST_FILES = f"{__name__}:list_files"


class DjangoFilesAdapter(HeadedFiles):
    """A file an entry: its expiry, then its value, a compressed pickle."""

    suffix = SUFFIX
    value_hint = "zlib"

    def __init__(self, root: Folder, options: Mapping[str, OptionValue], *, writable: bool) -> None:
        super().__init__(root, writable=writable)
        self._options = options

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "DjangoFilesAdapter":
        """Open the folder; WrongFormat where other files lie there and none of Django's."""
        root = Folder.open(os.path.abspath(target.location))
        try:
            others = False
            for entry in root.walk():
                if NAME.fullmatch(entry.name):
                    break
                others = others or entry.is_file(follow_symlinks=False)
            else:
                if others:
                    raise WrongFormat("None of the files in this folder is of Django's cache.", "Check the path.")
            return cls(root, dict(options), writable=writable)
        except BaseException:
            root.close()
            raise

    def head_of(self, content: bytes) -> Head | None:
        """A pickled moment or None."""
        return head_of(content)

    def head_for(self, moment: float) -> tuple[bytes, float]:
        """The same as Django's touch writes."""
        return head_for(moment), moment

    def is_entry(self, name: str) -> bool:
        """Whether it is the md5 of a key with Django's suffix."""
        return NAME.fullmatch(name) is not None

    def names_of(self, key: str) -> Sequence[str]:
        """The key as the site's code writes it, as Django makes it, and as the hash."""
        made = (made_key(key, self._options), key)
        hashes = [md5(one.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest() for one in made]
        return [f"{one}{SUFFIX}" for one in (key.removesuffix(SUFFIX), *hashes)]

    def child_listing(self) -> tuple[str, Sequence[object]]:
        """`list_files` on the same folder."""
        return LIST_FILES, (os.fsencode(self._root.path),)


def list_files(path: bytes, identity: Sequence[int], listed: Collection[str]) -> Iterator[dict[str, Any]]:
    """`FileListing.frames` of this folder; runs in a child process."""
    with Folder.open(os.fsdecode(path)) as root:
        yield from DjangoFilesAdapter(root, {}, writable=False).frames(identity, listed)
