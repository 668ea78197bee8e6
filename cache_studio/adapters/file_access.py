"""What the runtime's doors to one-file-an-entry caches share: an open folder, whole files in and out.

Every file is replaced by a rename, so another thread or process reads the old or the new one, never a
part. Only descriptors and names are shared between threads, so nothing here needs a lock.
"""

import os
from abc import abstractmethod
from collections.abc import Iterator

from cache_studio.adapters.files import Folder, NoRegularFile, unavailable
from cache_studio.adapters.key_access import Held, KeyAccess, Known

Place = tuple[str, ...]
"""Names from the cache's folder down to a file."""


class FileAccess(KeyAccess):
    """By key, one file a call. A subclass says where a key lies and how an entry is written."""

    def __init__(self, root: Folder) -> None:
        self._root = root

    @staticmethod
    def create_root(location: str) -> Folder:
        """The folder, made where it is missing."""
        try:
            os.makedirs(location, exist_ok=True)
        except OSError as error:
            raise unavailable(location, error) from error
        return Folder.open(os.path.abspath(location))

    @abstractmethod
    def place(self, key: str, namespace: str) -> Place:
        """Where the file of a key lies."""

    @abstractmethod
    def encode(self, key: str, namespace: str, held: Held) -> bytes:
        """The file of an entry."""

    @abstractmethod
    def decode(self, content: bytes, key: str) -> Held | None:
        """The entry in a file, None when it is broken or another key's."""

    @abstractmethod
    def places(self) -> Iterator[Place]:
        """Every file that may hold an entry."""

    @abstractmethod
    def known_in(self, place: Place, content: bytes) -> Known | None:
        """What eviction needs to know of a file, None when it is broken."""

    def get(self, key: str, namespace: str = "") -> Held | None:
        """The entry; None where there is none, and where its file cannot be read."""
        content = self._read(self.place(key, namespace))
        return None if content is None else self.decode(content, key)

    def put(self, key: str, held: Held, namespace: str = "") -> None:
        """Write the entry; CacheUnavailable when the disk refuses."""
        place = self.place(key, namespace)
        content = self.encode(key, namespace, held)
        try:
            with self._root.holding(place, create=True) as folder:
                folder.replace(place[-1], content)
        except OSError as error:
            raise unavailable(os.path.join(self._root.path, *place), error) from error

    def delete(self, key: str, namespace: str = "") -> bool:
        """Remove the file."""
        place = self.place(key, namespace)
        try:
            with self._root.holding(place) as folder:
                folder.unlink(place[-1])
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise unavailable(os.path.join(self._root.path, *place), error) from error
        return True

    def known(self) -> Iterator[Known]:
        """Every readable entry."""
        for place in self.places():
            content = self._read(place)
            known = None if content is None else self.known_in(place, content)
            if known is not None:
                yield known

    def close(self) -> None:
        """Let go of the folder."""
        self._root.close()

    def _read(self, place: Place) -> bytes | None:
        try:
            with self._root.holding(place) as folder:
                return folder.read(place[-1])[0]
        except (OSError, NoRegularFile):
            return None
