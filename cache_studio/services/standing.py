"""What is known of an attachment at one moment: a frozen value that both faces draw from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cache_studio.model.capabilities import Capabilities
from cache_studio.model.columns import View
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.seeing import Counters, Source, Volume


class Phase(StrEnum):
    """Where an attachment stands."""

    OPENING = "opening"
    READING = "reading"
    LIVE = "live"
    PAUSED = "paused"
    UNREACHABLE = "unreachable"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Standing:
    """One attachment at one moment. `view` stays the last known one when the cache became unreachable."""

    phase: Phase
    at: float
    """When the figures below were taken, epoch seconds."""
    view: View | None = None
    error: CacheStudioError | None = None
    partial: str = ""
    """Why the listing is not complete, one sentence; "" when it is, or is still being read."""
    capabilities: Capabilities = field(default_factory=lambda: Capabilities.of(()))
    sources: Mapping[str, Source] = field(default_factory=dict)
    volume: Volume = field(default_factory=lambda: Volume(None))
    counters: Counters = field(default_factory=Counters)
    details: Mapping[str, object] = field(default_factory=dict)
    stored: int = 0
    """Entries stored since attaching."""
    removed: int = 0
    """Entries that went since attaching."""
    returns_entries: str = ""
    warnings: tuple[str, ...] = ()
    no_undo: str = ""
    largest_copy: int | None = None
    compact_note: str = ""
    watched: tuple[tuple[str, bool], ...] = ()
    """Folders and files whose change means that the cache changed, each with whether what lies below counts."""


class News(StrEnum):
    """What a listener is told about."""

    PHASE = "phase"
    VIEW = "view"
    SAMPLE = "sample"
    """Volume and counters were read anew."""
