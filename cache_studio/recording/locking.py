"""Files beside a cache that several processes write, one at a time. The lock is on the file itself."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def open_locked(path: Path, mode: int | None) -> BinaryIO:
    """The file that lies at `path` now, unbuffered, held alone until `unlock` or its close.

    `mode` are its rights where it is missing and made; None: it must be there. Raises OSError.
    """
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | (0 if mode is None else os.O_CREAT)
    while True:
        file = open(os.open(path, flags, 0 if mode is None else mode), "r+b", buffering=0)  # noqa: SIM115 - handed out
        try:
            _lock(file)
            if is_at(file, path):
                return file
        except BaseException:  # not handed out: must not stay open
            file.close()
            raise
        file.close()


@contextmanager
def held(path: Path, mode: int | None) -> Iterator[BinaryIO]:
    """The same for as long as the block lasts; closed at its end."""
    with open_locked(path, mode) as file:
        try:
            yield file
        finally:
            unlock(file)  # a child forked meanwhile has the file open, and a close here would leave it the lock


def is_at(file: BinaryIO, path: Path) -> bool:
    """Whether this open file is still the one at `path`."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def set_aside(path: Path) -> None:
    """Rename what lies there and is none of ours to `<name>.broken`: others may have it open. Raises OSError."""
    os.replace(path, path.with_name(path.name + ".broken"))


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(1 << 40)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        file.seek(0)

    def try_lock(file: BinaryIO) -> bool:
        """Hold this open file alone until `unlock`; False while somebody else does."""
        file.seek(1 << 40)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def unlock(file: BinaryIO) -> None:
        """Let others have it."""
        file.seek(1 << 40)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def try_lock(file: BinaryIO) -> bool:
        """Hold this open file alone until `unlock`; False while somebody else does."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(file: BinaryIO) -> None:
        """Let others have it."""
        fcntl.flock(file, fcntl.LOCK_UN)
