"""Work off the window's thread, and its answers back on it: the only bridge between the two.

An answer arrives through one queued signal, with its ticket. A newer request of the same name makes the
older one's answer outdated: it is asked to stop and what it still says is dropped.
"""

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

from cache_studio import precedence
from cache_studio.model.errors import CacheStudioError, Cancelled

T = TypeVar("T")
Answer = Callable[[Any], None]
Refusal = Callable[[CacheStudioError], None]
_log = logging.getLogger(__name__)


class Stop(Event):
    """Whether a task shall stop."""

    def between_steps(self) -> bool:
        """The same, after whoever goes first has ended: for the task itself between two steps of long work."""
        precedence.let_pass()
        return self.is_set()


@dataclass
class Ticket:
    """One request on its way."""

    name: str
    stop: Stop
    on_done: Answer
    on_error: Refusal


class Tasks(QObject):
    """Runs functions in threads and hands their results to the window's thread.

    Signals:
        bug_found(BaseException): something failed that is no CacheStudioError; show the report box.
    """

    bug_found = Signal(object)
    _arrived = Signal(object, object)
    _told = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="task")
        self._newest: dict[str, Ticket] = {}
        self._closed = False
        self._arrived.connect(self._on_arrived, Qt.ConnectionType.QueuedConnection)
        self._told.connect(self._on_told, Qt.ConnectionType.QueuedConnection)

    def run(self, name: str, work: Callable[[Stop], T], on_done: Answer, on_error: Refusal) -> Ticket:
        """Run `work(stop)` in a thread; the newest request of a name wins, older answers are dropped.

        `on_done(result)` or `on_error(error)` is called on the window's thread; neither after `close`,
        nor for Cancelled.
        """
        ticket = self._ticket(name, on_done, on_error)
        if not self._closed:
            self._pool.submit(work, ticket.stop).add_done_callback(lambda future: self._arrived.emit(ticket, future))
        return ticket

    def follow(self, name: str, future: "Future[Any]", on_done: Answer, on_error: Refusal) -> Ticket:
        """The same for a future that somebody else completes."""
        ticket = self._ticket(name, on_done, on_error)
        future.add_done_callback(lambda done: None if self._closed else self._arrived.emit(ticket, done))
        return ticket

    def tell(self, call: Callable[[], None]) -> None:
        """Call something on the window's thread, from any thread."""
        if not self._closed:
            self._told.emit(call)

    def is_under_way(self, name: str) -> bool:
        """Whether the answer of a request of this name is still to come."""
        return name in self._newest

    def drop(self, name: str) -> None:
        """Stop the newest request of a name; its answer is not wanted any more."""
        ticket = self._newest.pop(name, None)
        if ticket is not None:
            ticket.stop.set()

    def close(self) -> None:
        """Stop everything and wait for the threads."""
        self._closed = True
        for ticket in self._newest.values():
            ticket.stop.set()
        self._newest.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _ticket(self, name: str, on_done: Answer, on_error: Refusal) -> Ticket:
        self.drop(name)
        ticket = Ticket(name, Stop(), on_done, on_error)
        self._newest[name] = ticket
        return ticket

    def _on_arrived(self, ticket: Ticket, future: "Future[Any]") -> None:
        if self._closed or self._newest.get(ticket.name) is not ticket:
            return
        del self._newest[ticket.name]
        try:
            error = future.exception()
        except CancelledError:
            return
        if error is None:
            with precedence.going_first():
                ticket.on_done(future.result())
        elif isinstance(error, CacheStudioError):
            if not isinstance(error, Cancelled):
                ticket.on_error(error)
        else:
            _log.error("a task failed", exc_info=error)
            self.bug_found.emit(error)

    def _on_told(self, call: Callable[[], None]) -> None:
        if not self._closed:
            with precedence.going_first():
                call()
