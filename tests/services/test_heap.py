"""Memory that was freed goes back to the system."""

from __future__ import annotations

import os
import sys

import psutil
import pytest

from cache_studio.services import heap


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
    heap.collect_and_give_back()
    assert before - process.memory_info().rss > 100_000_000
    assert kept


def test_giving_back_can_be_asked_anywhere() -> None:
    heap.give_back()
