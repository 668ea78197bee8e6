"""Reads what is known of a cache beside its entries: volume, counters, details. A dear volume is read seldom."""

import time
from dataclasses import replace

from cache_studio.adapters.base import Adapter, Format
from cache_studio.model.seeing import Volume
from cache_studio.model.targets import Target
from cache_studio.services.catalog import Catalog
from cache_studio.services.figures import read_counters, read_recorded, recorded_details
from cache_studio.services.standing import Standing

VOLUME_REST = 30.0
"""A volume is read again after so many times what reading it took: of a folder all files are looked at."""
QUIET_REST = 10.0
"""Seconds between two readings of the volume of a cache that is watched, while nothing in it is seen to change."""


class Gauge:
    """Of one attachment; used on its thread."""

    def __init__(self, target: Target, format: Format) -> None:
        self._target, self._format = target, format
        self._volume_at = self._quiet_until = 0.0

    def expect_change(self) -> None:
        """Read the volume with the next figures, whatever it takes."""
        self._volume_at = self._quiet_until = 0.0

    def note_change(self) -> None:
        """Something changed: read the volume as soon as what it takes allows."""
        self._quiet_until = 0.0

    def read(self, adapter: Adapter, catalog: Catalog, before: Standing) -> Standing:
        """The standing with the figures of now; the volume stays as it was where its time has not come."""
        now = time.time()
        recorded = read_recorded(adapter, self._target, self._format, now)
        return replace(
            before,
            at=now,
            volume=self._volume(adapter, before.volume),
            warnings=adapter.warnings,
            counters=read_counters(adapter, recorded, catalog),
            details={**adapter.details(), **recorded_details(recorded)},
            stored=catalog.stored,
            removed=catalog.removed,
        )

    def _volume(self, adapter: Adapter, before: Volume) -> Volume:
        began = time.monotonic()
        if began < max(self._volume_at, self._quiet_until):
            return before
        volume = adapter.measure()
        ended = time.monotonic()
        self._volume_at = ended + VOLUME_REST * (ended - began)
        self._quiet_until = ended + QUIET_REST if adapter.watched() else 0.0
        return volume
