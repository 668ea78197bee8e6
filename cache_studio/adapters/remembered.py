"""What the last listing of a big folder found, so that a file which did not change is not read again.

A file is taken as it was when inode, time of change and length are as they were, and that time lay some seconds
before it was read: who writes twice within the clock's grain would not be noticed else.
"""

import os
import secrets
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO

import msgpack
import numpy as np

from cache_studio import __version__
from cache_studio.adapters.batch_frames import batch_from, frame_of
from cache_studio.adapters.defaults import take
from cache_studio.config.paths import listings_folder, private_folder
from cache_studio.model.columns import Batch
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.identity import EntryId

SETTLED = 2.0
"""Seconds since a file's last change after which what was read of it is remembered."""
MOST_FOLDERS = 20
"""Listings that are kept; the oldest goes first."""
LARGEST = 200_000_000
"""Bytes of one listing; of a bigger one nothing is remembered."""
_MOMENT = 1
"""Which column of a stamp is the time of the last change, in nanoseconds."""


class Remembered:
    """The listing of one folder, read in one way: `of` says both, as what msgpack carries."""

    def __init__(self, of: Sequence[object]) -> None:
        # Local times would mean other moments in another zone, and another version may read a file otherwise.
        head = [__version__, time.tzname, time.timezone, time.altzone, *of]
        self._head = msgpack.packb(head, unicode_errors="surrogatepass")
        self._path = listings_folder() / f"{sha256(self._head).hexdigest()}.listing"

    @property
    def is_there(self) -> bool:
        """Whether something is remembered."""
        return os.path.exists(self._path)  # False, too, where we may not look

    def batches(self) -> Iterator[Batch]:
        """What was found; nothing where nothing is remembered. It ends where the file is broken."""
        try:
            with self._path.open("rb") as file:
                parts = msgpack.Unpacker(
                    file, raw=False, strict_map_key=False, unicode_errors="surrogatepass", max_buffer_size=LARGEST
                )
                if next(parts, None) != self._head:
                    return
                for frame in parts:
                    batch = batch_from(frame)
                    if not _fits(batch):
                        return
                    yield batch
        except (OSError, ValueError, LookupError, TypeError, AttributeError, msgpack.UnpackException):
            return

    def carried_over(
        self, unchanged: Callable[[Batch], list[int]], rest: Callable[[Set[EntryId]], Iterable[Batch]]
    ) -> Generator[Batch, None, None]:
        """A listing: what is remembered and, as `unchanged` says of its rows, still so; then the `rest` but those.

        What was new in it is remembered, too, when it comes to its end.
        """
        known: set[EntryId] = set()
        waiting: list[Batch] = []
        for batch in self.batches():
            rows = unchanged(batch)
            if rows:
                waiting.append(batch if len(rows) == len(batch) else take(batch, rows))
                known.update(waiting[-1].ids)
                yield waiting[-1]
        with ExitStack() as stack:
            remembering: Remembering | None = None
            for batch in rest(known):
                yield batch
                waiting.append(batch)
                if remembering is None:
                    remembering = stack.enter_context(self.renewed())
                while waiting:
                    remembering.add(waiting.pop(0))

    @contextmanager
    def renewed(self) -> "Iterator[Remembering]":
        """Remember what is added within the block, if that comes to its end; else, and on a full disk, as before."""
        try:
            file, name = _fresh(self._path)
        except (OSError, CacheStudioError):
            yield Remembering(None)
            return
        try:
            with file:
                found = Remembering(file)
                found.write(self._head)
                yield found
            if found.is_whole:
                os.replace(name, self._path)
                _forget_oldest(self._path.parent)
        finally:
            with suppress(OSError):
                name.unlink(missing_ok=True)


class Remembering:
    """A listing that is being written down; a disk that fails is no reason to end it."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self._file = file
        self._left = LARGEST

    @property
    def is_whole(self) -> bool:
        """Whether everything could be written."""
        return self._file is not None

    def add(self, batch: Batch) -> None:
        """Write down what is settled, complete and without a problem."""
        moments = batch.stamps[:, _MOMENT]
        certain = (moments < (time.time() - SETTLED) * 1e9) & (batch.pending == 0)
        certain[list(batch.problems)] = False
        rows = np.flatnonzero(certain).tolist()
        if rows and self._file is not None:
            frame = frame_of(batch if len(rows) == len(batch) else take(batch, rows))
            self.write(frame)

    def write(self, part: object) -> None:
        """One value of msgpack."""
        if self._file is None:
            return
        data = msgpack.packb(part, unicode_errors="surrogatepass")
        self._left -= len(data)
        try:
            if self._left >= 0:
                self._file.write(data)
                return
        except OSError:
            pass
        self._file = None


def _fits(batch: Batch) -> bool:
    """Whether each column has a cell for each entry."""
    columns = (batch.keys, batch.namespaces, batch.types, batch.pending, batch.tags or batch.ids)
    return {len(column) for column in (*columns, *batch.numbers.values())} <= {len(batch)}


def _fresh(path: Path) -> tuple[IO[bytes], Path]:
    folder = private_folder(path.parent)
    name = folder / f"{path.stem}.{secrets.token_hex(4)}.new"
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    return os.fdopen(descriptor, "wb"), name


def _forget_oldest(folder: Path) -> None:
    """Listings beyond those that are kept, and what a killed process left of one."""
    found: list[tuple[float, Path]] = []
    for place in folder.iterdir():
        with suppress(OSError):
            found.append((place.stat().st_mtime, place))
    found.sort(key=lambda one: one[0], reverse=True)
    hour_ago = time.time() - 3_600
    kept = [place for moment, place in found if place.suffix == ".listing" or moment > hour_ago][:MOST_FOLDERS]
    for _moment, place in found:
        if place not in kept:
            with suppress(OSError):
                place.unlink()
