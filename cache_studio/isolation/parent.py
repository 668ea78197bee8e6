"""The outside of a child: starts it, asks, watches time and the wish to stop, ends it."""

import contextlib
import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from cache_studio.isolation import wire
from cache_studio.model import errors

PREFIXES = ("cache_studio.",)
"""Where a function may live; a child is started with this list and refuses all others."""
_STOP_INTERVAL = 0.02
_LONGEST_WAIT = 3600.0  # a limit of infinity is more than a wait may be given


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may take: `seconds` of waiting for the child, `memory` in bytes of address space.

    Memory counts above what the child has at its start, modules that the function imports included. Where the
    platform has no RLIMIT_AS (Windows) or does not keep to it (macOS), memory is not limited.
    """

    seconds: float = 5.0
    memory: int = 1_000_000_000


DEFAULT_LIMITS = Limits()


def call(
    function: str, *arguments: object, limits: Limits = DEFAULT_LIMITS, stop: threading.Event | None = None
) -> object:
    """What `function(*arguments)` returns, run in a child of its own.

    A CacheStudioError is raised again with its class, message and hint; LimitExceeded and Cancelled when the child
    was ended for its limits or by `stop`; RuntimeError with the child's traceback for anything else.
    """
    with _ready.child() as child:
        return child.call(function, arguments, limits, stop)


def stream(
    function: str, *arguments: object, limits: Limits = DEFAULT_LIMITS, stop: threading.Event | None = None
) -> Iterator[object]:
    """What the generator `function(*arguments)` yields in a child of its own, one frame each; raises as `call`.

    `limits.seconds` is the whole time spent waiting for the child; what the caller does between two batches does not
    count. Closing the iterator ends the child.
    """
    with _ready.child() as child:
        yield from child.stream(function, arguments, limits, stop)


def keep_ready(function: str) -> None:
    """Have one child waiting from now on that has called `function`, which loads what most calls need.

    The next `call` or `stream` takes it and does not wait for its start; behind it, the child waits again.
    """
    _ready.keep(function)


def end_ready() -> None:
    """End the child that waits; from now on a call starts its own."""
    _ready.end()


class Worker:
    """A warm child that serves calls one after another, from any thread; started when first needed.

    After a call that was ended from outside, or that ran out of memory, the next call gets a new child.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def call(
        self,
        function: str,
        *arguments: object,
        limits: Limits = DEFAULT_LIMITS,
        stop: threading.Event | None = None,
    ) -> object:
        """As the function `call`; the time spent waiting for another thread's call does not count."""
        self._enter(stop)
        try:
            if self._child is None or not self._child.alive:
                self._end_child()
                self._child = _Child()
            return self._child.call(function, arguments, limits, stop)
        except BaseException as error:
            # An error the function raised leaves the child in order; all else may have left it in the middle.
            if not isinstance(error, errors.CacheStudioError) or not (self._child and self._child.alive):
                self._end_child()
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the child, after the call in progress; a later call would start another."""
        with self._lock:
            self._end_child()

    def _enter(self, stop: threading.Event | None) -> None:
        while not self._lock.acquire(timeout=-1 if stop is None else _STOP_INTERVAL):
            if stop is not None and stop.is_set():
                raise errors.Cancelled()

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None


class _Child:
    """One child process and its two pipes; not for several threads."""

    def __init__(self) -> None:
        command, environment = _command()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self.alive = True
        self._has_answered = False
        self._unread = 0

    @property
    def is_idle(self) -> bool:
        """Whether it has answered all that it was asked, so that it can be asked again."""
        return self._has_answered and self.alive

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended by itself."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process now; safe from another thread."""
        self.alive = False
        self._process.kill()

    def close(self) -> None:
        """End the process and free all that belongs to it."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what could not be written any more
                    pipe.close()

    def prepare(self, function: str) -> None:
        """Have it call this; what comes of it shows in the calls that follow."""
        self._ask(function, (), False, DEFAULT_LIMITS)
        self._unread += 1

    def call(
        self, function: str, arguments: tuple[object, ...], limits: Limits, stop: threading.Event | None
    ) -> object:
        with _Watch(self, limits.seconds, stop) as watch:
            self._ask(function, arguments, False, limits)
            return self._answer(watch)[1]

    def stream(
        self, function: str, arguments: tuple[object, ...], limits: Limits, stop: threading.Event | None
    ) -> Iterator[object]:
        left = limits.seconds
        asked = False
        while True:
            began = time.monotonic()
            with _Watch(self, left, stop) as watch:
                if not asked:
                    self._ask(function, arguments, True, limits)
                    asked = True
                answer = self._answer(watch)
            left -= time.monotonic() - began
            if answer[0] == wire.END:
                return
            yield answer[1]

    def _ask(self, function: str, arguments: tuple[object, ...], streamed: bool, limits: Limits) -> None:
        assert self._process.stdin is not None
        self._has_answered = False
        with contextlib.suppress(BrokenPipeError):  # the answer will say why it died
            wire.write_frame(self._process.stdin, [function, list(arguments), streamed, limits.memory])

    def _answer(self, watch: "_Watch") -> list[object]:
        assert self._process.stdout is not None
        try:
            while self._unread:
                wire.read_frame(self._process.stdout)
                self._unread -= 1
            answer = wire.read_frame(self._process.stdout)
        except EOFError:
            raise self._why_dead(watch) from None
        assert isinstance(answer, list)
        kind, *rest = answer
        self._has_answered = kind != wire.BATCH
        if kind == wire.ERROR:
            raise _raised_again(*rest)
        if kind == wire.MEMORY:
            self.kill()
            raise _too_much_memory()
        if kind == wire.BUG:
            raise RuntimeError(f"In the child process:\n{rest[0]}")
        return answer

    def _why_dead(self, watch: "_Watch") -> Exception:
        status = self._process.wait()
        self.alive = False
        if watch.reason is not None:
            return watch.reason
        if status == -getattr(signal, "SIGKILL", 9):  # not ours: the system's, when memory runs out
            return _too_much_memory()
        return RuntimeError(f"The child process ended by itself with status {status}.")


class _Ready:
    """The child that waits to be asked, where one is kept; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._function = ""
        self._waiting: _Child | None = None

    def keep(self, function: str) -> None:
        with self._lock:
            self._function = function
            if self._waiting is None:
                self._waiting = _Child()
                self._waiting.prepare(function)

    def end(self) -> None:
        with self._lock:
            self._function = ""
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.close()

    @contextlib.contextmanager
    def child(self) -> "Iterator[_Child]":
        """The one that waits, else a new one. Behind the block it waits again if it is in order, else it is ended."""
        with self._lock:
            waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.is_running:
            waiting.close()
            waiting = None
        child = waiting or _Child()
        try:
            yield child
        finally:
            if not self._takes_back(child):
                child.close()

    def _takes_back(self, child: "_Child") -> bool:
        """Starting another one would take a core from what follows, and half a second."""
        with self._lock:
            if not self._function or self._waiting is not None or not child.is_idle:
                return False
            self._waiting = child
            return True


class _Watch:
    """Kills the child at the end of its time or when `stop` is set; a thread as long as the `with` block."""

    def __init__(self, child: _Child, seconds: float, stop: threading.Event | None) -> None:
        self.reason: errors.CacheStudioError | None = None
        self._child = child
        self._seconds = seconds
        self._stop = stop
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="isolation watch", daemon=True)

    def __enter__(self) -> "_Watch":
        if self._stop is not None and self._stop.is_set():
            self._child.kill()
            raise errors.Cancelled()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        end = time.monotonic() + self._seconds
        while not self._done.wait(self._pause(end)):
            if self._stop is not None and self._stop.is_set():
                self.reason = errors.Cancelled()
            elif time.monotonic() >= end:
                self.reason = errors.LimitExceeded(
                    "Stopped: it took longer than it was given.", "The limit protects the application."
                )
            if self.reason is not None:
                self._child.kill()
                return

    def _pause(self, end: float) -> float:
        left = min(max(0.0, end - time.monotonic()), _LONGEST_WAIT)
        return left if self._stop is None else min(left, _STOP_INTERVAL)


def _too_much_memory() -> errors.LimitExceeded:
    return errors.LimitExceeded(
        "Stopped: it took more memory than it was given.", "The limit protects the application."
    )


def _raised_again(kind: str, message: str, hint: str) -> errors.CacheStudioError:
    """The error of the child by the name of its class; a class that the model lacks becomes its base."""
    found = getattr(errors, kind, errors.CacheStudioError)
    error: errors.CacheStudioError = found(message, hint)
    return error


def _command() -> tuple[list[str], dict[str, str]]:
    """How the same program is started as a child, from a checkout, an installed wheel and a bundle."""
    environment = dict(os.environ)
    if getattr(sys, "frozen", False):
        return [sys.executable, "--child", *PREFIXES], environment
    root = str(Path(__file__).parent.parent.parent)
    if root not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        known = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = root if not known else root + os.pathsep + known
    # -P: a folder of caches one happens to stand in must not be a place to import from.
    return [sys.executable, "-P", "-m", "cache_studio", "--child", *PREFIXES], environment


_ready = _Ready()
