"""A big folder listed by a child process, so that the window's interpreter stays free."""

import queue
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from cache_studio.adapters.batch_frames import batch_from
from cache_studio.isolation import Limits, stream
from cache_studio.model.columns import Batch

_AHEAD = 2
"""Frames that wait for us; the child waits then."""
_LIMITS = Limits(seconds=3_600, memory=2_000_000_000)
"""A folder of millions on a slow disk takes its time; `stop` ends it."""


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

    def batches(self) -> Iterator[Batch]:
        """All batches in turn. What the child's function raised, or Cancelled after `stop`."""
        while (frame := self._frames.get()) is not None:
            if isinstance(frame, Exception):
                raise frame
            yield batch_from(frame)

    def _receive(self, function: str, arguments: tuple[object, ...]) -> None:
        end: Exception | None = None
        try:
            for frame in stream(function, *arguments, limits=_LIMITS, stop=self._stop):
                assert isinstance(frame, dict)
                self._frames.put(frame)
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
