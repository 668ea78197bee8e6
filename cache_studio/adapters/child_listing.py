"""A long listing carried on by a child process, so that the window's interpreter stays free."""

import queue
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Set
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeAlias

from cache_studio import precedence
from cache_studio.adapters.batch_frames import TOLD, batch_from
from cache_studio.adapters.defaults import without
from cache_studio.isolation import Limits, stream
from cache_studio.model.columns import Batch
from cache_studio.model.identity import EntryId

Listing: TypeAlias = Generator[Batch, None, list[str]]
"""Batches, no id twice, and at the end what could not be listed."""

_AHEAD = 2
"""Frames that wait for us; the child waits then."""
NONE_HERE = -1
"""The most entries that are listed here: the child is asked at once."""
_LIMITS = Limits(seconds=3_600, memory=2_000_000_000)
"""A cache of millions on a slow disk takes its time; `stop` ends it."""


class ChildListing:
    """Frames of a function in a child, received by a thread while the caller still does something else.

    A context manager: leaving it ends the child. `stop` may be called from any thread.
    """

    def __init__(self, function: str, *arguments: object) -> None:
        self._frames: queue.Queue[dict[str, Any] | Exception | None] = queue.Queue(_AHEAD)
        self._stop = threading.Event()
        self._closed = False
        self._thread = threading.Thread(
            target=self._receive, args=(function, arguments), name="child listing", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._closed = True
        self.stop()
        while self._thread.is_alive():
            self._drop_waiting()
            self._thread.join(0.01)

    def stop(self) -> None:
        """End the child; who waits for its batches gets Cancelled."""
        self._stop.set()

    @property
    def is_there(self) -> bool:
        """Whether the first batch has come, so that the child is quicker from here on than who asks."""
        return not self._frames.empty()

    def batches(self) -> Listing:
        """All batches in turn. What the child's function raised, or Cancelled after `stop`."""
        lost: list[str] = []
        while (frame := self._frames.get()) is not None:
            if isinstance(frame, Exception):
                raise frame
            if TOLD in frame:
                lost = frame[TOLD]
            else:
                yield batch_from(frame)
        return lost

    def _receive(self, function: str, arguments: tuple[object, ...]) -> None:
        end: Exception | None = None
        try:
            for frame in stream(function, *arguments, limits=_LIMITS, stop=self._stop):
                assert isinstance(frame, dict)
                self._frames.put(frame)
                precedence.let_pass()  # unpacking the next one holds the interpreter
                if self._closed:
                    return
        except Exception as error:  # whatever it is belongs to who asked for the batches
            end = error
        self._frames.put(end)

    def _drop_waiting(self) -> None:
        try:
            while True:
                self._frames.get_nowait()
        except queue.Empty:
            return


class ChildListings:
    """The listings of one adapter that children carry on. `stop` may be called from any thread."""

    def __init__(self) -> None:
        self._running: list[ChildListing] = []

    def stop(self) -> None:
        """End the children that list."""
        for child in list(self._running):
            child.stop()

    def carry_on(
        self, here: Listing, most_here: int, elsewhere: Callable[[Collection[EntryId]], ChildListing]
    ) -> Listing:
        """The listing `here`, as far as it is short: where it has more than `most_here` a child lists all but those.

        Until the child's first batch has come, the listing goes on here. Closing it ends the child.
        """
        seen: set[EntryId] = set()
        lost = yield from _shown_until(lambda: len(seen) > most_here, here, seen)
        if lost is not None:
            return lost
        with self._running_now(elsewhere(seen)) as child:
            lost = yield from _shown_until(lambda: child.is_there, here, seen)
            if lost is not None:
                return lost
            here.close()
            return (yield from _all_but(seen, child.batches()))

    @contextmanager
    def _running_now(self, child: ChildListing) -> Iterator[ChildListing]:
        with child:
            self._running.append(child)
            try:
                yield child
            finally:
                self._running.remove(child)


def _shown_until(
    is_enough: Callable[[], bool], listing: Listing, seen: set[EntryId]
) -> Generator[Batch, None, list[str] | None]:
    """What it yields and its answer; None where it goes on and was only left. The ids are added to `seen`."""
    while not is_enough():
        try:
            batch = next(listing)
        except StopIteration as end:
            return _lost(end)
        seen.update(batch.ids)
        yield batch
    return None


def _lost(end: StopIteration) -> list[str]:
    lost: list[str] = end.value
    return lost


def _all_but(seen: Set[EntryId], listing: Listing) -> Listing:
    while True:
        try:
            batch = next(listing)
        except StopIteration as end:
            return _lost(end)
        yield without(batch, seen)
