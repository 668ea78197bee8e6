"""Freed memory goes back to the system: the C library keeps it otherwise, hundreds of megabytes after a big listing."""

import ctypes
import gc
import os

WORTH_IT = 50_000
"""Entries of a listing from which on it is asked: it takes milliseconds."""


def give_back() -> None:
    """Ask the C library to return what is free. Nothing happens where it cannot be asked (it is not glibc)."""
    trim = None if os.name == "nt" else getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))


def collect_and_give_back() -> None:
    """The same, and what only refers to itself is freed before: a cache that was detached."""
    gc.collect()
    give_back()
