"""One attachment, one thread: quick calls go first, long work advances step by step between them."""

import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Generic, TypeVar

from cache_studio import precedence
from cache_studio.model.errors import CacheUnavailable, Cancelled

T = TypeVar("T")
P = TypeVar("P")


class Running(Generic[P, T]):
    """Long work in progress on a worker: its future, its progress, and a way to stop it after the current step."""

    def __init__(self, steps: Generator[P, None, T], on_progress: Callable[[P], None]) -> None:
        self.future: Future[T] = Future()
        self.future.set_running_or_notify_cancel()  # it is ended by `stop` alone, never by cancelling the future
        self._steps = steps
        self._on_progress = on_progress
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ask it to end after the current step; the work itself decides what it answers then."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether it was asked to end."""
        return self._stopped.is_set()

    def advance(self) -> bool:
        """Do one step; whether more is to do. Called by the worker only."""
        if self.stopped:
            # Thrown into the work, so that it can settle what it did and answer with that.
            try:
                self._steps.throw(Cancelled())
            except StopIteration as end:
                self.future.set_result(end.value)
            except BaseException as error:
                self.future.set_exception(error)
            return False
        try:
            self._on_progress(next(self._steps))
        except StopIteration as end:
            self.future.set_result(end.value)
        except BaseException as error:  # whatever it is belongs to whoever waits for the future
            self._steps.close()
            self.future.set_exception(error)
        else:
            return True
        return False


class Worker:
    """A thread that serves one attachment.

    `background` is called whenever nothing else is to do; it does one small step and answers in how many
    seconds it wants to be called again (0 at once, None when woken).
    """

    def __init__(self, name: str, background: Callable[[], float | None], on_end: Callable[[], None]) -> None:
        self._background = background
        self._on_end = on_end
        self._calls: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._long: deque[Running[Any, Any]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._woken = False
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def call(self, work: Callable[[], T]) -> Future[T]:
        """Do something short on the thread, before any long work continues."""
        future: Future[T] = Future()
        with self._changed:
            if self._closing:
                future.set_exception(CacheUnavailable("The cache is detached."))
            else:
                self._calls.append((work, future))
                self._changed.notify()
        return future

    def run(self, steps: Generator[P, None, T], on_progress: Callable[[P], None]) -> Running[P, T]:
        """Do something long, one step at a time; several run one after another."""
        running = Running(steps, on_progress)
        with self._changed:
            if self._closing:
                running.future.set_exception(CacheUnavailable("The cache is detached."))
            else:
                self._long.append(running)
                self._changed.notify()
        return running

    def wake(self) -> None:
        """Let `background` be called now."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def end(self) -> None:
        """End after the current step, long work stopped."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    @property
    def is_at_length(self) -> bool:
        """Whether something long is under way or waits for its turn."""
        return bool(self._long)

    @property
    def ending(self) -> bool:
        """Whether it was told to end."""
        return self._closing

    def close(self, deadline: float = 5.0) -> bool:
        """`end` and wait; whether the thread ended within `deadline` seconds."""
        self.end()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(deadline)
        return not self._thread.is_alive()

    def _loop(self) -> None:
        while self._turn():
            pass
        for running in self._long:
            running.stop()
            running.advance()
        for _, future in self._calls:
            future.set_exception(CacheUnavailable("The cache is detached."))
        on_end, self._background, self._on_end = self._on_end, lambda: None, lambda: None
        on_end()  # and who is served is freed without a look by the collector, which holds everybody up

    def _turn(self) -> bool:
        with self._changed:
            call = self._calls.popleft() if self._calls else None
            if call is None and self._closing:
                return False
            running = self._long[0] if call is None and self._long else None
            self._woken = self._woken and (call is not None or running is not None)
        if call is not None:
            self._answer(*call)
        else:
            precedence.let_pass()
            self._advance(running)
        return True

    def _advance(self, running: Running[Any, Any] | None) -> None:
        if running is None:
            self._idle(self._background())
        elif not running.advance():
            self._long.popleft()

    def _idle(self, delay: float | None) -> None:
        with self._changed:
            if delay != 0 and not (self._calls or self._long or self._closing or self._woken):
                self._changed.wait(delay)

    @staticmethod
    def _answer(work: Callable[[], Any], future: Future[Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(work())
        except BaseException as error:  # whatever it is belongs to whoever waits for the future
            with suppress(Exception):
                future.set_exception(error)
