"""Watches files and folders and says "changed", nothing more.

One observer of the system for all watches, and one thread that calls back through a throttle. Both end with
the last watch. Events that the system lost (its queue overflowed) become "everything changed"; a folder that
is removed or replaced is watched again as soon as it is back; where the system cannot watch, it is polled.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

from cache_studio.live.throttle import Changed, Throttle

POLL_SECONDS = 2.0
"""How often a folder is looked at where the system cannot watch it."""
PAIR_SECONDS = 0.02
"""How long the first half of a move may wait for the second on Linux; with it waits all that happened after."""
LOOK_SECONDS = 1.0
"""How often each watched folder is asked whether it is still the same."""
_WRITING: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
]
"""Reading is no change: an own look must not cause the next."""
_log = logging.getLogger(__name__)


class Watch:
    """One watched place; made by `Watcher.watch`."""

    def __init__(self, watcher: "Watcher", on_change: Callable[[Changed], None]) -> None:
        self.on_change = on_change
        self.throttle = Throttle()
        self._watcher = watcher

    def took(self, seconds: float) -> None:
        """Say how long a refresh took, so that dear ones come less often."""
        self._watcher.took(self, seconds)

    def stop(self) -> None:
        """End it; no call begins after this. Safe to call twice, and from the callback."""
        self._watcher.stop(self)


@dataclass(eq=False, slots=True)
class _Folder:
    """One folder the system watches, for any number of watches; with each the start that a name must have."""

    path: str
    recursive: bool
    wanted: list[tuple[Watch, str]] = field(default_factory=list)
    identity: tuple[int, int] | None = None
    observer: Any = None
    observed: Any = None


class Watcher:
    """Watches for a whole application. Any thread may use it."""

    def __init__(self) -> None:
        _pair_moves_soon()
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._inbox: deque[tuple[_Folder | None, list[str]]] = deque()
        self._folders: dict[tuple[str, bool], _Folder] = {}
        self._watches: set[Watch] = set()
        self._observers: dict[type, Any] = {}
        self._thread: threading.Thread | None = None
        self._overflow = _Overflow(self)

    def watch(self, places: Iterable[tuple[str, bool]], on_change: Callable[[Changed], None]) -> Watch:
        """Watch these places, each with whether what lies below is watched too.

        A folder is watched whole; of a file (which need not exist) the file and its companions, whose
        names begin with its own. `on_change` is called by a thread of the watcher, at most twenty times a
        second, and only says that something changed.
        """
        watch = Watch(self, on_change)
        with self._lock:
            self._watches.add(watch)
            for place, recursive in places:
                path = os.path.abspath(place)
                if os.path.isdir(path):
                    self._want(path, recursive, watch, "")
                else:
                    self._want(os.path.dirname(path), False, watch, path)
            if self._thread is None:
                logging.getLogger("watchdog").addHandler(self._overflow)
                self._thread = threading.Thread(target=self._run, name="cache-studio watcher", daemon=True)
                self._thread.start()
        return watch

    def stop(self, watch: Watch) -> None:
        """End one watch."""
        with self._lock:
            self._watches.discard(watch)
            for key, folder in list(self._folders.items()):
                folder.wanted = [(other, start) for other, start in folder.wanted if other is not watch]
                if not folder.wanted:
                    self._unobserve(folder)
                    del self._folders[key]
            thread, observers = self._thread, []
            if not self._watches:
                observers = list(self._observers.values())
                self._observers.clear()
                self._thread = None
                logging.getLogger("watchdog").removeHandler(self._overflow)
                self._wake.set()
        for observer in observers:
            observer.stop()
            observer.join()
        if observers and thread is not None and thread is not threading.current_thread():
            thread.join()

    def close(self) -> None:
        """End all watches; leaves no thread."""
        with self._lock:
            watches = list(self._watches)
        for watch in watches:
            self.stop(watch)

    def took(self, watch: Watch, seconds: float) -> None:
        """A refresh of this watch ended now."""
        with self._lock:
            watch.throttle.took(seconds, time.monotonic())

    def _want(self, path: str, recursive: bool, watch: Watch, start: str) -> None:
        folder = self._folders.setdefault((path, recursive), _Folder(path, recursive))
        folder.wanted.append((watch, start))
        if folder.observed is None:
            self._observe(folder)

    def _observe(self, folder: _Folder) -> None:
        """Have the system watch a folder; where it cannot (too many watches), poll it. Missing folders wait."""
        folder.identity = _identity(folder.path)
        if folder.identity is None:
            return
        for kind in (Observer, PollingObserver):
            try:
                observer = self._observer(kind)
                handler = _Handler(self, folder)
                folder.observed = observer.schedule(
                    handler, folder.path, recursive=folder.recursive, event_filter=_WRITING
                )
                folder.observer = observer
                return
            except OSError as error:
                _log.info("%r is not watched by %s: %s", folder.path, kind, error)
        folder.identity = None

    def _unobserve(self, folder: _Folder) -> None:
        if folder.observed is not None:
            folder.observer.unschedule(folder.observed)
        folder.observed = folder.observer = folder.identity = None

    def _observer(self, kind: Any) -> Any:
        if kind not in self._observers:
            observer = kind(timeout=POLL_SECONDS) if kind is PollingObserver else kind()
            observer.start()
            self._observers[kind] = observer
        return self._observers[kind]

    def noticed(self, folder: _Folder | None, names: list[str]) -> None:
        """These names changed; folder None: events were lost.

        Called by the observer's thread, which holds a lock that `stop` needs: so it takes none of ours.
        """
        self._inbox.append((folder, names))
        self._wake.set()

    def _run(self) -> None:
        """The calling thread."""
        next_look = time.monotonic() + LOOK_SECONDS
        while True:
            self._wake.clear()
            with self._lock:
                if self._thread is not threading.current_thread():
                    return
                now = time.monotonic()
                self._sort_in(now)
                if now >= next_look:
                    self._look(now)
                    next_look = now + LOOK_SECONDS
                due = [watch for watch in self._watches if _is_due(watch, now)]
                calls = [(watch, watch.throttle.take(now)) for watch in due]
                times = [at for watch in self._watches if (at := watch.throttle.due_at()) is not None]
            for watch, changed in calls:
                self._call(watch, changed)
            if not calls:
                self._wake.wait(max(0.0, min([next_look, *times]) - now))

    def _sort_in(self, now: float) -> None:
        while self._inbox:
            folder, names = self._inbox.popleft()
            if folder is None:
                for watch in self._watches:
                    watch.throttle.add_everything(now)
                continue
            for name in names:
                for watch, start in folder.wanted:
                    if name.startswith(start):
                        watch.throttle.add(name, now)

    def _call(self, watch: Watch, changed: Changed) -> None:
        with self._lock:
            if watch not in self._watches:
                return
        try:
            watch.on_change(changed)
        except Exception:  # a fault of one listener must not end the watching of all others
            _log.exception("A listener failed")

    def _look(self, now: float) -> None:
        """Watch again what was removed or replaced."""
        for folder in self._folders.values():
            if folder.observed is None or _identity(folder.path) != folder.identity:
                was_there = folder.identity is not None
                self._unobserve(folder)
                self._observe(folder)
                if was_there or folder.identity is not None:
                    for watch, _ in folder.wanted:
                        watch.throttle.add_everything(now)


class _Handler(FileSystemEventHandler):
    """Hands the names of one folder to the watcher."""

    def __init__(self, watcher: Watcher, folder: _Folder) -> None:
        self._watcher = watcher
        self._folder = folder

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Both names of a move, else the one."""
        paths = (event.src_path, event.dest_path)
        self._watcher.noticed(self._folder, [os.fsdecode(path) for path in paths if path])


class _Overflow(logging.Handler):
    """Hears watchdog say that the queue of the system overflowed: no event tells that."""

    def __init__(self, watcher: Watcher) -> None:
        super().__init__(logging.WARNING)
        self._watcher = watcher

    def emit(self, record: logging.LogRecord) -> None:
        """Tell the watcher when it is about lost events."""
        if "overflow" in record.getMessage():
            self._watcher.noticed(None, [])


def _pair_moves_soon() -> None:
    """Have watchdog wait for the second half of a move no longer than `PAIR_SECONDS`.

    Where it looks between the two, it sleeps for its half second even when the other comes at once. That the halves
    belong together is nothing to us: both names changed.
    """
    with suppress(ImportError):  # another system, or another version
        from watchdog.observers.inotify_move_event_grouper import InotifyMoveEventGrouper

        InotifyMoveEventGrouper.delay = PAIR_SECONDS


def _is_due(watch: Watch, now: float) -> bool:
    at = watch.throttle.due_at()
    return at is not None and at <= now


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
