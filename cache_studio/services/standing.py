"""What is known of an attachment at one moment: a frozen value that both faces draw from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cache_studio.model.capabilities import Capabilities
from cache_studio.model.columns import Reach, View
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.seeing import Counters, Source, Volume
from cache_studio.model.units import format_count


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
    reach: Reach | None = None
    """How far the listing under way goes; None where nothing is listed, or the cache cannot say."""
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
    frees_at_once: bool = True
    warnings: tuple[str, ...] = ()
    no_undo: str = ""
    largest_copy: int | None = None
    compact_note: str = ""
    watched: tuple[tuple[str, bool], ...] = ()
    """Folders and files whose change means that the cache changed, each with whether what lies below counts."""

    @property
    def is_reading(self) -> bool:
        """Whether the cache is being opened or listed for the first time."""
        return self.phase in (Phase.OPENING, Phase.READING)


def reading_words(standing: Standing, say: Callable[[str], str] = str) -> str:
    """How far a listing under way is: what is found, and of how many as far as that is known. `say` translates."""
    found, reach = len(standing.view or ()), standing.reach
    words = say("reading, {n} so far")
    if reach is not None:
        each = say("reading, {n} of about {all}")
        words = each if reach.each else say("reading, {n} found among about {all} keys")
        words = words.replace("{all}", format_count(max(reach.keys, found)))
        if reach.parts:
            node = say(", node {part} of {parts}")
            words += node.replace("{part}", str(reach.part)).replace("{parts}", str(reach.parts))
    return words.replace("{n}", format_count(found))


class News(StrEnum):
    """What a listener is told about."""

    PHASE = "phase"
    VIEW = "view"
    SAMPLE = "sample"
    """Volume and counters were read anew."""
