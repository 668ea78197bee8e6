"""What a test must not leave behind: threads, child processes, windows.

Each kind is a pair: a snapshot before the test, and the names of what is there after it and was not before.
Things that are on their way out get a short grace; it is spent in joining them.
"""

from __future__ import annotations

import gc
import multiprocessing.resource_tracker
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path

GRACE_SECONDS = 2.0
lasting: set[int] = set()
"""Process ids of children that serve many tests; what such a child has started is looked for like our own."""


def running_threads() -> set[threading.Thread]:
    """Threads that Python started (a QThread is not one: the windows that own it are looked for)."""
    return {thread for thread in threading.enumerate() if not isinstance(thread, threading._DummyThread)}


def left_threads(before: set[threading.Thread]) -> list[str]:
    """Names of threads that still run after the grace."""
    deadline = time.monotonic() + GRACE_SECONDS
    late = running_threads() - before
    for thread in late:
        thread.join(max(0.0, deadline - time.monotonic()))
    return sorted(f"thread {thread.name!r}" for thread in late if thread.is_alive())


def child_processes() -> set[int]:
    """Process ids of this process's children and of those of the lasting ones; empty where there is no /proc."""
    pids = _children("self")
    for pid in pids & lasting:
        pids |= _children(str(pid))
    # multiprocessing keeps this one for the rest of our life, by design
    return pids - lasting - {getattr(multiprocessing.resource_tracker._resource_tracker, "_pid", None)}


def _children(process: str) -> set[int]:
    pids: set[int] = set()
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            pids.update(map(int, children.read_text().split()))
        except OSError:  # that thread ended meanwhile; its children are listed with another
            continue
    return pids


def left_processes(before: set[int]) -> list[str]:
    """Command lines of children that still run after the grace; they are ended here, for the next test."""
    deadline = time.monotonic() + GRACE_SECONDS
    return sorted(_end(pid) for pid in child_processes() - before if not ends_before(pid, deadline))


def ends_before(pid: int, deadline: float) -> bool:
    """Whether this process is gone, or goes before the deadline (monotonic seconds); Linux only."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        watch = select.poll()
        watch.register(handle, select.POLLIN)
        return bool(watch.poll(max(0.0, deadline - time.monotonic()) * 1000))
    finally:
        os.close(handle)


def _end(pid: int) -> str:
    name = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    os.kill(pid, signal.SIGKILL)
    return f"process {pid} ({name[:200]})"


def windows() -> set[int]:
    """Addresses of Qt's windows without a parent; empty while no test has loaded Qt."""
    return set(_windows())


def left_windows(before: set[int]) -> list[str]:
    """Class and title of windows that are still there once deletions are done and cycles are collected."""
    if not set(_windows()) - before:
        return []
    from PySide6.QtCore import QCoreApplication, QEvent

    gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    return sorted(name for address, name in _windows().items() if address not in before)


def _windows() -> dict[int, str]:
    if "PySide6.QtWidgets" not in sys.modules:
        return {}
    import shiboken6
    from PySide6.QtWidgets import QApplication

    return {
        shiboken6.getCppPointer(widget)[0]: f"window {type(widget).__name__} {widget.windowTitle()!r}"
        for widget in QApplication.topLevelWidgets()
        # Qt itself keeps the last tool tip
        if widget.parent() is None and widget.metaObject().className() != "QTipLabel"
    }
