"""The lock that the runtime holds beside a JSON file while it rewrites it; the studio respects it where it is used."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cache_studio.model.errors import CacheUnavailable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module there, nothing on Windows

LOCK_SUFFIX = ".lock"
LOCK_WAIT = 10.0
"""Seconds to wait for another process that writes; a rewrite takes far less."""


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock of the file `path`, made where it is missing; CacheUnavailable when it is not given back."""
    if fcntl is None:
        with _locked_by_name(path + LOCK_SUFFIX):
            yield
        return
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path + LOCK_SUFFIX, flags, 0o666)
    try:
        _wait(lambda: _flock(descriptor), path)
        yield
    finally:
        os.close(descriptor)  # and with it the lock


@contextmanager
def locked_where_used(path: str) -> Iterator[None]:
    """The same where an application uses the lock; nothing elsewhere: a foreign cache gets no file of ours."""
    if os.path.isfile(path + LOCK_SUFFIX) and fcntl is not None:
        with locked(path):
            yield
    else:
        yield


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _locked_by_name(path: str) -> Iterator[None]:
    """Where there is no flock, the name itself is the lock; one that a killed process left is taken after LOCK_WAIT."""

    def taken() -> bool:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        except (FileExistsError, PermissionError):
            try:
                if time.time() - os.stat(path).st_mtime > LOCK_WAIT / 2:
                    os.unlink(path)
            except OSError:
                pass  # another process was quicker
            return False
        return True

    _wait(taken, path)
    try:
        yield
    finally:
        os.unlink(path)


def _wait(take: Callable[[], bool], path: str) -> None:
    deadline = time.monotonic() + LOCK_WAIT
    pause = 0.001
    while not take():
        if time.monotonic() > deadline:
            raise CacheUnavailable(f"“{path}” stays locked.", "Another process holds the cache for too long.")
        time.sleep(pause)
        pause = min(0.05, pause * 2)
