"""A disk that begins to fail: calls of the system answer with an error, at random or always, for one block.

libfiu (Debian: fiu-utils), where it is installed and was preloaded, sits below everything in the process, SQLite too.
It does not know the calls that name a file relative to an open folder; those fail by functions put in the place of
`os`'s, which also stand in for libfiu where it is missing. A full disk is a small one in memory where the user may
mount one, else a limit on the length of files.
"""

from __future__ import annotations

import ctypes
import errno
import os
import random
import resource
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

PRELOAD = Path("/usr/lib/fiu/fiu_posix_preload.so")
POINTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "write": (("posix/io/rw/write", "posix/io/rw/pwrite"), ("write",)),
    "short write": (("posix/io/rw/write/reduce",), ()),
    "read": (("posix/io/rw/read", "posix/io/rw/pread"), ("read",)),
    "fsync": (("posix/io/sync/fsync", "posix/io/sync/fdatasync"), ("fsync",)),
    "open": (("posix/io/oc/open",), ("open",)),
    "rename": (("posix/io/dir/rename",), ("rename", "replace", "link")),
    "remove": (("posix/io/dir/unlink",), ("unlink",)),
    "truncate": (("posix/io/rw/ftruncate",), ()),
}
"""A kind of failure: libfiu's names for it, and the functions of `os`."""
RELATIVE = ("dir_fd", "src_dir_fd", "dst_dir_fd")
_ERRORS = (errno.EIO, errno.ENOSPC)
_NEW_NAMESPACE = 0x00020000  # CLONE_NEWNS of linux/sched.h


def with_libfiu() -> bool:
    """Whether libfiu was preloaded into this process."""
    return str(PRELOAD) in os.environ.get("LD_PRELOAD", "")


@dataclass(frozen=True)
class Fault:
    """What fails, how often (1.0: always), and the seed of the chance."""

    kinds: tuple[str, ...]
    probability: float
    seed: int
    error: int = errno.EIO

    @classmethod
    def by(cls, chance: random.Random) -> Fault:
        """One or two kinds, rarely or often."""
        kinds = tuple(chance.sample(sorted(POINTS), chance.choice((1, 1, 2))))
        return cls(kinds, chance.choice((0.01, 0.03, 0.1, 0.3)), chance.randrange(1 << 30), chance.choice(_ERRORS))

    @contextmanager
    def on(self) -> Iterator[None]:
        """Let it fail, in this process."""
        with ExitStack() as stack:
            chance = random.Random(self.seed)
            for kind in self.kinds:
                names, functions = POINTS[kind]
                for function in functions:
                    stack.enter_context(patch.object(os, function, self._failing(getattr(os, function), chance)))
                if with_libfiu():
                    stack.enter_context(self._below(names))
            yield

    def _failing(self, whole: Callable[..., Any], chance: random.Random) -> Callable[..., Any]:
        below = with_libfiu()

        def call(*arguments: Any, **named: Any) -> Any:
            reached = not below or any(named.get(name) is not None for name in RELATIVE)
            if reached and chance.random() < self.probability:
                raise OSError(self.error, os.strerror(self.error))
            return whole(*arguments, **named)

        return call

    @contextmanager
    def _below(self, names: tuple[str, ...]) -> Iterator[None]:
        library = ctypes.CDLL("libfiu.so.0")
        enable = library.fiu_enable_random
        enable.argtypes = (ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_float)
        library.fiu_set_prng_seed(ctypes.c_uint(self.seed))
        for name in names:
            enable(name.encode(), 1, self.error, 0, self.probability)
        try:
            yield
        finally:
            for name in names:
                library.fiu_disable(name.encode())


@dataclass(frozen=True)
class FullDisk:
    """A disk with so many bytes left: the small one that holds `folder`, or a limit where `small` is false."""

    folder: Path
    left: int
    small: bool

    @contextmanager
    def on(self) -> Iterator[None]:
        """Let it be full, in this process; the small one for all."""
        if not self.small:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.left, resource.RLIM_INFINITY))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            return
        filler = self.folder / "filler"
        status = os.statvfs(self.folder)
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, status.f_bavail * status.f_frsize - self.left))
        try:
            yield
        finally:
            filler.unlink()


def mount_small_disk(folder: Path, megabytes: int) -> bool:
    """Mount a disk in memory there, for this process and its children alone; False where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NAMESPACE) != 0:
        return False
    private = 1 << 18 | 1 << 14  # MS_PRIVATE, MS_REC: nobody else sees it
    if libc.mount(b"none", b"/", None, ctypes.c_ulong(private), None) != 0:
        return False
    options = f"size={megabytes}m".encode()
    return bool(libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", ctypes.c_ulong(0), options) == 0)
