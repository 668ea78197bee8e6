"""Memory that was freed goes back to the system."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref

import psutil
import pytest

from cache_studio import heap


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps freed memory so that it can be asked for it")
def test_freed_memory_goes_back() -> None:
    if "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""):
        pytest.skip("another C library")
    process = psutil.Process()
    kept = []
    pieces = [bytes(2_000) for _ in range(100_000)]  # larger than Python's own blocks, smaller than a page map
    kept.append(bytes(2_000))  # what stands above them on the heap would hold them all
    before = process.memory_info().rss
    del pieces
    heap.give_back()
    assert before - process.memory_info().rss > 100_000_000
    assert kept


_IN_A_THREAD = """
import threading, psutil
from cache_studio import heap
heap.arrange()
kept = []
def work():
    big = bytearray(30_000_000)
    del big  # glibc takes blocks of this length onto its heaps from now on
    kept.append(bytes(2_000))
    pieces = [b"x" * 200_000 for _ in range(250)]
    del pieces
before = psutil.Process().memory_info().rss
thread = threading.Thread(target=work)
thread.start()
thread.join()
heap.give_back()
print(psutil.Process().memory_info().rss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has a heap for each thread")
def test_what_a_thread_freed_goes_back_too() -> None:
    if "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""):
        pytest.skip("another C library")
    grown = int(subprocess.run([sys.executable, "-c", _IN_A_THREAD], capture_output=True, check=True).stdout)
    assert grown < 20_000_000


def test_giving_back_can_be_asked_anywhere() -> None:
    heap.give_back()


class Big:
    """Something that weak references can be had of."""


def test_what_refers_to_itself_is_found_where_it_was_let_go() -> None:
    big = Big()
    vars(big)["me"] = big
    gone = weakref.ref(big)
    gc.disable()
    try:
        del big
        assert gone() is not None
        heap.give_back_of(gone)
        assert gone() is None
    finally:
        gc.enable()
