"""One attached cache: its thread opens, lists, watches over and closes it, and serves what the user asks for.

Everything that touches the adapter happens on that thread. What others see is `standing`, a frozen value
that is replaced, never changed. Between two batches of a listing the thread answers calls.
"""

import logging
import math
import time
from collections.abc import Callable, Collection, Generator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from cache_studio import heap
from cache_studio.adapters.base import Adapter, Format, Reaches
from cache_studio.model.columns import Batch, ScanEnd
from cache_studio.model.environments import Environment
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, Cancelled
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue, read_options
from cache_studio.model.targets import Target
from cache_studio.services.agenda import Agenda, Step
from cache_studio.services.catalog import Catalog
from cache_studio.services.gauge import Gauge
from cache_studio.services.standing import News, Phase, Standing
from cache_studio.services.worker import Running, Worker

T = TypeVar("T")
P = TypeVar("P")

PUBLISH_EVERY = 0.1
"""Seconds between two views while a listing runs: ten refreshes a second."""
RETRY_EVERY = 5.0
"""Seconds between two tries to reach a cache that is unreachable."""
FILL_AT_ONCE = 200
"""Entries whose pending figures are read in one step."""
FAULT_HINT = "Please report it; Refresh tries again."

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """What to attach: everything that a profile remembers, and the password of this session."""

    name: str
    target: Target
    format: Format
    writable: bool = True
    target_hit_rate: float = 0.6
    sample_every: float = 2.0
    """Seconds between two readings of volume and counters; inf for none (a command)."""
    keep_password: bool = False
    """Whether the password belongs in the system's keyring, too."""
    environment: Environment = Environment.NONE

    @property
    def options(self) -> dict[str, OptionValue]:
        """The read options of the format; BadRequest for a wrong one."""
        return read_options(self.format.options, self.target.options)


Listener = Callable[["Attachment", News], None]
"""Told on the attachment's thread; must return at once."""


class Attachment:
    """An attached cache. `start` it, look at `standing`, `call` its adapter, `close` it."""

    def __init__(self, place: Place, listener: Listener = lambda attachment, news: None) -> None:
        self.place = place
        self.standing = Standing(Phase.OPENING, time.time())
        self._listener = listener
        self._catalog = Catalog()
        self._gauge = Gauge(place.target, place.format)
        self._adapter: Adapter | None = None
        self._scan: Generator[Batch, None, ScanEnd] | None = None
        self._scan_seconds = 0.0
        self._paused = self._unpublished = False
        self._wanted_ids: list[EntryId] = []
        self._agenda = Agenda(place.sample_every)
        self._open_at = self._publish_at = 0.0
        self._waiting: list[Future[Standing]] = []
        self._worker = Worker(f"attachment {place.name}", self._step, self._end)

    def start(self) -> "Attachment":
        """Begin to open and list the cache."""
        self._worker.start()
        return self

    def close(self, deadline: float = 5.0) -> bool:
        """Detach; a call in progress is interrupted. Whether the thread ended in time."""
        self._worker.end()
        self.interrupt()
        return self._worker.close(deadline)

    def call(self, work: Callable[[Adapter], T]) -> "Future[T]":
        """Do something short with the adapter, on its thread, before the listing continues."""
        return self._worker.call(lambda: work(self._opened()))

    def run(
        self, steps: "Callable[[Adapter], Generator[P, None, T]]", on_progress: Callable[[P], None]
    ) -> Running[P, T]:
        """Do something long with the adapter, step by step, stoppable."""

        def on_thread() -> Generator[P, None, T]:
            return (yield from steps(self._opened()))

        return self._worker.run(on_thread(), on_progress)

    @property
    def is_acting(self) -> bool:
        """Whether something long that was asked of it (`run`) has not ended."""
        return self._worker.is_at_length

    def listed(self) -> "Future[Standing]":
        """Done when a listing has ended and nothing is pending; fails when the cache cannot be reached now."""
        future: Future[Standing] = Future()

        def told(done: "Future[None]") -> None:
            if done.exception() is not None:
                future.set_exception(_detached())

        self._worker.call(lambda: self._await(future)).add_done_callback(told)
        return future

    def refresh(self) -> None:
        """List anew as soon as possible (also tries an unreachable cache again)."""
        self._agenda.refresh()
        self._open_at = 0.0
        self._worker.wake()

    def poll(self, every: float) -> None:
        """List a cache without watched folders anew after so many seconds, or later where a listing is dear."""
        self._agenda.poll_every = every
        self._worker.wake()

    def note_changes(self, names: Collection[str] | None) -> None:
        """These changed (files that a watcher saw, or what the cache itself told); None when it cannot be said."""
        self._agenda.note(names)
        self._worker.wake()

    def want(self, ids: list[EntryId]) -> None:
        """Complete the pending figures of these entries first: they are on the screen."""
        self._wanted_ids = ids
        self._worker.wake()

    def pause(self, paused: bool) -> None:
        """Stop (or resume) to follow the cache; figures keep their time."""
        self._paused = paused
        self._worker.wake()

    def forget(self, ids: Collection[EntryId]) -> None:
        """These entries were removed by us. On the attachment's thread only."""
        self._catalog.forget(ids)
        self._gauge.expect_change()
        self._publish(News.VIEW)

    def interrupt(self) -> None:
        """End the adapter call in progress; a listing under way stays partial."""
        adapter = self._adapter
        if adapter is not None:
            adapter.interrupt()

    # -- on the attachment's thread ---------------------------------------------------------------------------

    def _await(self, future: "Future[Standing]") -> None:
        self._open_at = 0.0
        self._waiting.append(future)

    def _opened(self) -> Adapter:
        if self._adapter is None:
            self._open()
        assert self._adapter is not None
        return self._adapter

    def _open(self) -> None:
        place = self.place
        self._adapter = place.format.adapter_class().open(place.target, place.options, writable=place.writable)
        self._agenda.polled = not self._adapter.watched()
        self._agenda.refresh()
        self._set_phase(Phase.READING)

    def _step(self) -> float | None:
        try:
            if self._adapter is None:
                return self._try_open()
            if self._scan is not None:
                return self._scan_step(self._scan)
            return self._follow(self._adapter)
        except Cancelled:
            return self._stop_scan()
        except CacheStudioError as error:
            self._lose(error, error, RETRY_EVERY)
            return RETRY_EVERY
        except Exception as bug:  # ours: it must be told, and neither end the thread nor leave anybody waiting
            _log.exception("Following “%s” failed.", self.place.name)
            fault = CacheStudioError("This cache cannot be followed any more: a fault of Cache Studio.", FAULT_HINT)
            self._lose(bug, fault, math.inf)
            return None

    def _stop_scan(self) -> float | None:
        if self._worker.ending:
            return None
        if self._scan is not None:
            self._end_scan(ScanEnd(False, "The listing was stopped; refresh to list all entries."))
        return 0

    def _try_open(self) -> float | None:
        left = self._open_at - time.monotonic()
        if left > 0:
            return None if math.isinf(left) else left
        self._open()
        return 0

    def _follow(self, adapter: Adapter) -> float | None:
        match self._agenda.next(self._paused):
            case Step.SCAN:
                self._begin_scan(adapter)
                return 0
            case Step.CHANGES:
                self._apply(adapter, self._agenda.take_names())
                return 0
        if self._fill(adapter):
            return 0
        if self._unpublished:
            return self._publish_when_due()
        self._answer_waiting()
        if self._agenda.next(self._paused) is Step.SAMPLE:
            self._sample(adapter)
        self._set_phase(Phase.PAUSED if self._paused else Phase.LIVE)
        return self._agenda.delay(self._paused)

    def _begin_scan(self, adapter: Adapter) -> None:
        self._agenda.scan_begins()
        self._scan_seconds = 0.0
        self._scan = adapter.scan()
        self._catalog.begin_listing()

    def _scan_step(self, scan: Generator[Batch, None, ScanEnd]) -> float:
        began = time.monotonic()
        try:
            batch = next(scan)
        except StopIteration as stop:
            self._end_scan(stop.value or ScanEnd())
            return 0
        self._catalog.add(batch)
        self._scan_seconds += time.monotonic() - began
        self._publish_if_due()
        return 0

    def _end_scan(self, end: ScanEnd) -> None:
        self._scan = None
        self._gauge.expect_change()
        self._catalog.end_listing(end.complete)
        self._agenda.scan_ended(self._scan_seconds)
        self.standing = replace(self.standing, partial="" if end.complete else end.reason, error=None)
        self._publish(News.VIEW)
        if len(self._catalog) >= heap.WORTH_IT:
            heap.give_back()

    def _apply(self, adapter: Adapter, names: set[str]) -> None:
        self._gauge.note_change()
        found = adapter.changes(names)
        if found is None:
            self._agenda.note(None)
            return
        batch, gone = found
        self._catalog.add(batch)
        self._catalog.forget(gone)
        self._publish_if_due()

    def _fill(self, adapter: Adapter) -> bool:
        wanted, self._wanted_ids = self._wanted_ids, []
        ids = self._catalog.still_pending(wanted)[:FILL_AT_ONCE] or self._catalog.pending_ids(FILL_AT_ONCE)
        if not ids:
            return False
        self._catalog.fill(adapter.fill(ids))
        self._catalog.skip_pending(ids)
        if self._catalog.pending_ids(1):
            self._publish_if_due()
        else:
            self._publish(News.VIEW)
        return True

    def _sample(self, adapter: Adapter) -> None:
        self.standing = self._gauge.read(adapter, self._catalog, self.standing)
        self._agenda.sampled()
        self._listener(self, News.SAMPLE)

    def _answer_waiting(self) -> None:
        if self._waiting and self._adapter is not None:
            self._gauge.expect_change()
            self.standing = self._gauge.read(self._adapter, self._catalog, self.standing)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            future.set_result(self.standing)

    def _publish_if_due(self) -> None:
        self._unpublished = True
        if time.monotonic() >= self._publish_at:
            self._publish(News.VIEW)

    def _publish_when_due(self) -> float:
        left = self._publish_at - time.monotonic()
        if left <= 0:
            self._publish(News.VIEW)
        return max(0.0, left)

    def _publish(self, news: News) -> None:
        self._publish_at = time.monotonic() + PUBLISH_EVERY
        self._unpublished = False
        adapter = self._adapter if self._scan is not None else None
        reach = adapter.reach() if isinstance(adapter, Reaches) else None
        self.standing = replace(self.standing, view=self._catalog.view(), reach=reach, at=time.time())
        self._listener(self, news)

    def _set_phase(self, phase: Phase) -> None:
        if self.standing.phase is phase:
            return
        adapter = self._adapter
        if adapter is not None:
            self.standing = replace(
                self.standing,
                capabilities=adapter.capabilities,
                sources=adapter.sources,
                returns_entries=adapter.returns_entries,
                frees_at_once=adapter.frees_at_once,
                warnings=adapter.warnings,
                no_undo=adapter.no_undo,
                largest_copy=adapter.largest_copy,
                compact_note=adapter.compact_note(),
                watched=adapter.watched(),
            )
        self.standing = replace(self.standing, phase=phase, error=None if adapter else self.standing.error)
        self._listener(self, News.PHASE)

    def _lose(self, cause: Exception, error: CacheStudioError, retry: float) -> None:
        self._release()
        self._open_at = time.monotonic() + retry
        waiting, self._waiting = self._waiting, []
        self.standing = replace(self.standing, phase=Phase.UNREACHABLE, error=error, at=time.time())
        self._listener(self, News.PHASE)
        for future in waiting:
            future.set_exception(cause)

    def _release(self) -> None:
        scan, self._scan = self._scan, None
        adapter, self._adapter = self._adapter, None
        # What is lost already may not be able to say goodbye: that is no news.
        with suppress(CacheStudioError):
            if scan is not None:
                scan.close()
        with suppress(CacheStudioError):
            if adapter is not None:
                adapter.close()

    def _end(self) -> None:
        self._release()
        for future in self._waiting:
            future.set_exception(_detached())
        self.standing = replace(self.standing, phase=Phase.CLOSED)
        self._listener(self, News.PHASE)


def _detached() -> CacheUnavailable:
    return CacheUnavailable("The cache is detached.")
