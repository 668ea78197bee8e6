"""How our processes keep memory, and that what was freed goes back to the system.

The C library keeps it otherwise, hundreds of megabytes after a big listing.
"""

import ctypes
import gc
import os
import weakref
from typing import Any

WORTH_IT = 50_000
"""Entries of a listing from which on it is asked: it takes milliseconds."""

BIG = 1_000_000
"""Bytes: a block from this length on is asked of the system by itself, and goes back to it as soon as it is freed."""
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENA_MAX = -3, -1, -8
"""Of `mallopt`, see mallopt(3)."""
_KEPT_AT_THE_END = 16_000_000


COLLECT_AFTER = (5_000, 10, 1_000)
"""Python's default looks through everything that is loaded every few seconds: half a second at 100,000 entries."""


def arrange() -> None:
    """One heap for all threads, big blocks outside of it, and rare looks for rings; call it before there are threads.

    Else glibc has a heap for each thread and, once a big block was freed, puts those of up to 32 MB on them: of what a
    cache took, 40 % stay when it is gone. It also gives the end of its heap back after each page of rows and asks for
    it again at the next one: that, and the collector, took a third of a child's time that lists a table. Of the heap
    nothing changes where the C library is another one.
    """
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    option = None if os.name == "nt" else getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        for name, value in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, BIG), (_TRIM_THRESHOLD, _KEPT_AT_THE_END)):
            option(name, value)


def give_back() -> None:
    """Ask the C library to return what is free. Nothing happens where it cannot be asked (it is not glibc)."""
    trim = None if os.name == "nt" else getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))


def give_back_of(gone: weakref.ref[Any]) -> None:
    """The same after something was let go: a cache that was detached.

    The collector is asked only where something refers to it still: it holds up all threads while it looks.
    """
    if gone() is not None:
        gc.collect()
    give_back()
