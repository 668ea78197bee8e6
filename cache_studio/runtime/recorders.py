"""Where a running cache counts: the recorder beside it, or nowhere when it was switched off."""

import logging
from pathlib import Path
from typing import Protocol

from cache_studio.adapters.base import Format
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.targets import Target
from cache_studio.recording.places import recorder_path
from cache_studio.recording.writer import EXPIRED, Event, RecorderWriter

WHOLE = ""
"""The level under which the recorder counts lookups of the cache as a whole."""
DISK = "disk"
"""The stored level of a cache."""
_log = logging.getLogger(__name__)


class Recorder(Protocol):
    """Counts what a cache does; never raises and never makes it wait."""

    def looked_up(self, namespace: str, hit: bool, seconds: float, expired: bool) -> None:
        """One `get`; `expired` when it met a stale entry."""

    def stored(self, namespace: str) -> None:
        """One `put`."""

    def evicted(self, namespace: str) -> None:
        """One entry removed for room."""

    def filled(self, entries: int, size: int) -> None:
        """How many entries and bytes are stored now."""

    def flush(self) -> None:
        """Write the counts now."""

    def close(self) -> None:
        """Write the last counts. Safe to call twice."""


class Silent:
    """Counts nothing."""

    def looked_up(self, namespace: str, hit: bool, seconds: float, expired: bool) -> None:
        """Nothing."""

    def stored(self, namespace: str) -> None:
        """Nothing."""

    def evicted(self, namespace: str) -> None:
        """Nothing."""

    def filled(self, entries: int, size: int) -> None:
        """Nothing."""

    def flush(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class InFile:
    """Counts in the recorder file beside the cache."""

    def __init__(self, path: Path) -> None:
        """Create or join the recorder; CacheUnavailable when its folder cannot be written."""
        self._writer = RecorderWriter(path)

    def looked_up(self, namespace: str, hit: bool, seconds: float, expired: bool) -> None:
        """One `get`; `expired` when it met a stale entry."""
        self._writer.count(namespace, WHOLE, hit, seconds, EXPIRED if expired else "")

    def stored(self, namespace: str) -> None:
        """One `put`."""
        self._writer.happened(namespace, WHOLE, Event.PUT)

    def evicted(self, namespace: str) -> None:
        """One entry removed for room."""
        self._writer.happened(namespace, WHOLE, Event.EVICTION)

    def filled(self, entries: int, size: int) -> None:
        """How many entries and bytes are stored now, the same for every process."""
        self._writer.set_level(DISK, entries, size, shared=True)

    def flush(self) -> None:
        """Write the counts now."""
        self._writer.flush()

    def close(self) -> None:
        """Write the last counts. Safe to call twice."""
        self._writer.close()


def open_recorder(target: Target, format: Format) -> Recorder:
    """The recorder of a target. Where none can be written the cache works all the same, and the log says why."""
    if target.is_url:
        return Silent()
    try:
        return InFile(recorder_path(format.home(target.location)))
    except CacheStudioError as error:
        _log.warning("%s %s", error.message, error.hint)
        return Silent()
