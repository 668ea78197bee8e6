"""Where hits and misses come from: the recorder first, then the cache itself, then what two listings show."""

from collections.abc import Mapping

from cache_studio.adapters.base import Adapter, Format
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import BadRequest
from cache_studio.model.seeing import Counters, Scope, Source
from cache_studio.model.targets import Target
from cache_studio.recording.places import recorder_path
from cache_studio.recording.reader import Counts, Recorded, read_recorder
from cache_studio.services.catalog import Catalog


def read_recorded(adapter: Adapter, target: Target, format: Format, now: float) -> Recorded | None:
    """What the application's own runtime counted in the recorder beside the cache; None where there is none."""
    if target.is_url:
        return adapter.recorded(now)
    try:
        return read_recorder(recorder_path(format.home(target.location)), now)
    except BadRequest:
        return None


def read_counters(adapter: Adapter, recorded: Recorded | None, catalog: Catalog) -> Counters:
    """Hits and misses with their source; empty where nothing can be known (systems.md, "from outside").

    Sampled is a lower bound: an entry whose last access moved between two listings was hit at least once, a
    new or rewritten one was missed once.
    """
    if recorded is not None:
        totals = recorded.totals
        return Counters(totals.hits, totals.misses, Source.RECORDED, Scope.CACHE, recorded.epoch)
    own = adapter.counters()
    if own.source is not None:
        return own
    if adapter.capabilities.can(Ability.ACCESS_TIMES) and catalog.read + catalog.stored:
        return Counters(catalog.read, catalog.stored, Source.SAMPLED, Scope.CACHE)
    return Counters()


def recorded_details(recorded: Recorded | None) -> Mapping[str, object]:
    """What `stats` says of the recorder: evictions, expirations, mean lookup time, namespaces and levels."""
    if recorded is None:
        return {}
    return {
        "recorder": {
            **_counts(recorded.totals),
            "processes": len(recorded.pids),
            "namespaces": {name: _counts(counts) for name, counts in recorded.namespaces.items() if name},
            "levels": {
                name: {
                    **(_counts(recorded.levels[name]) if name in recorded.levels else {}),
                    **({"entries": fill.entries, "bytes": fill.bytes} if (fill := recorded.fills.get(name)) else {}),
                }
                for name in sorted({*recorded.levels, *recorded.fills})
            },
        }
    }


def _counts(counts: Counts) -> dict[str, object]:
    lookups = counts.hits + counts.misses
    return {
        "hits": counts.hits,
        "misses": counts.misses,
        "evictions": counts.evictions,
        "expirations": counts.expirations,
        "stored": counts.puts,
        "mean_lookup_ms": round(counts.seconds / lookups * 1000, 4) if lookups and counts.seconds else None,
    }
