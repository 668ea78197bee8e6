"""A small file beside a cache that says whether anybody removed or replaced anything.

It holds a random token. Who keeps entries in memory looks at it now and then and believes its memory as long
as the token stays; who removes or replaces what is stored makes a new one (a *bump*).
"""

import errno
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cache_studio.recording.locking import held, set_aside

MAGIC = b"CSGENERA"
TOKEN_SIZE = 16
_WHOLE = len(MAGIC) + TOKEN_SIZE
_RIGHTS = 0o666
"""Whoever may write the cache has to be able to bump; the umask takes away the rest."""
_log = logging.getLogger(__name__)


class Generation:
    """The token of one cache, as one process sees it; for any number of threads. Never raises, keeps nothing open."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """`create`: make the file where it is missing, now and whenever it was deleted."""
        self._path = path
        self._create = create
        self._last: bytes | None = None
        self._warned = False
        if create:
            self.look()

    @property
    def is_used(self) -> bool:
        """Whether any process keeps entries in memory above this cache."""
        return self._path.exists()

    def look(self) -> bytes:
        """The present token. Where there is none to be read, one that differs from every other."""
        found = _read(self._path)
        if not found and self._create:
            found = self._made()
        token = found or secrets.token_bytes(TOKEN_SIZE)
        self._last = token
        return token

    def bump(self) -> bytes | None:
        """Make a new token; the new one if nobody else had made one since this object looked last, else None.

        None where no token could be made, too: what `look` answered before then stays what is known here.
        """
        try:
            with self._held() as (file, before):
                made = _write_new(file)
                if before != self._last:
                    return None
                # Still locked: the next thread to bump has to find this here.
                self._last = made
                return made
        except OSError as error:
            if self._create or not isinstance(error, FileNotFoundError):
                self._warn(error)
            return None

    def _made(self) -> bytes:
        """The token after the file was made, by us or by somebody at the same time; b"" where it cannot be."""
        try:
            with self._held() as (file, token):
                return token or _write_new(file)
        except OSError as error:
            self._warn(error)
            return b""

    @contextmanager
    def _held(self) -> Iterator[tuple[BinaryIO, bytes]]:
        """The file, held alone, and the token in it or b"". What is none of ours is not written."""
        while True:
            with held(self._path, _RIGHTS if self._create else None) as file:
                data = file.read(_WHOLE + 1)
                if MAGIC.startswith(data[: len(MAGIC)]):
                    yield file, _token_of(data)
                    return
                if not self._create:
                    raise OSError(errno.EINVAL, "this is no generation number")
                set_aside(self._path)

    def _warn(self, error: OSError) -> None:
        level = logging.DEBUG if self._warned else logging.WARNING
        self._warned = True
        _log.log(level, "Removals cannot be told through %s: %s", self._path, error)


def bump_where_used(path: Path) -> None:
    """Tell the applications that keep entries of this cache in memory, if there are any. Never raises."""
    if _read(path):
        Generation(path, create=False).bump()


def _read(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError:
        return b""
    try:
        return _token_of(os.read(descriptor, _WHOLE + 1))
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _token_of(data: bytes) -> bytes:
    """The token, or b"" when this is no generation number."""
    return data[len(MAGIC) :] if len(data) == _WHOLE and data.startswith(MAGIC) else b""


def _write_new(file: BinaryIO) -> bytes:
    made = secrets.token_bytes(TOKEN_SIZE)
    file.seek(0)
    file.write(MAGIC + made)
    file.truncate(_WHOLE)
    return made
