"""The figures of a cache as `stats`, `watch`, snapshots and the Dashboard have them."""

from dataclasses import asdict
from typing import Any

from cache_studio.model.statistics import Totals, by_namespace, total
from cache_studio.model.times import format_iso
from cache_studio.services.attachment import Attachment, Place
from cache_studio.services.standing import Standing


def statistics_object(attachment: Attachment, now: float) -> dict[str, Any]:
    """The JSON object of `stats`; unknown is None. The four states add up to `entries`."""
    return statistics_of(attachment.place, attachment.standing, now)


def statistics_of(place: Place, standing: Standing, now: float) -> dict[str, Any]:
    """The same from a standing."""
    view, volume, counters = standing.view, standing.volume, standing.counters
    totals = Totals(*[0] * 10) if view is None else total(view, now)
    groups = [] if view is None else by_namespace(view, now)
    size = totals.known_size
    return {
        "target": str(place.target),
        "format": place.format.name,
        "entries": totals.entries,
        "fresh": totals.fresh,
        "stale": totals.stale,
        "forever": totals.forever,
        "unknown": totals.unknown,
        "problems": totals.problems,
        "size": size,
        "stale_size": None if size is None else totals.stale_size,
        "volume": size if volume.volume is None else volume.volume,
        "reclaimable": volume.reclaimable,
        "capacity": volume.capacity,
        "hits": counters.hits,
        "misses": counters.misses,
        "hit_rate": None if counters.hit_rate is None else round(counters.hit_rate, 4),
        "hit_rate_source": None if counters.source is None else counters.source.value,
        "hit_rate_scope": None if counters.scope is None else counters.scope.value,
        "target_hit_rate": place.target_hit_rate,
        "target_met": None if counters.hit_rate is None else counters.hit_rate >= place.target_hit_rate,
        "namespaces": [
            {"name": group.name, "entries": group.entries, "size": group.known_size, "stale": group.stale}
            for group in groups
        ],
        "details": dict(standing.details)
        | ({"capacity_entries": volume.capacity_entries} if volume.capacity_entries is not None else {})
        | ({"partial": standing.partial} if standing.partial else {}),
        "capabilities": sorted(ability.value for ability in standing.capabilities.allowed),
    }


def watch_object(attachment: Attachment, now: float) -> dict[str, Any]:
    """One line of `watch`: the statistics with `at`."""
    return {"at": format_iso(now), **statistics_object(attachment, now)}


def outcome_object(outcome: Any) -> dict[str, Any]:
    """The JSON object of an outcome: exactly the fields of its action."""
    fields = asdict(outcome)
    for inner in ("stopped", "reasons"):
        fields.pop(inner, None)
    return fields
