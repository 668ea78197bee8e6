"""What `watch` says of misses below each line of figures."""

from collections.abc import Mapping

from cache_studio.model.units import format_count


def miss_lines(details: Mapping[str, object]) -> list[str]:
    """The reasons with their counts and the seconds per miss; empty where no miss was heard."""
    misses = details.get("misses")
    if not isinstance(misses, Mapping) or not misses.get("count"):
        return []
    reasons = ", ".join(f"{format_count(count)} {reason}" for reason, count in misses["reasons"].items() if count)
    seconds = misses["seconds_per_miss"]
    until = "" if seconds is None else f"; {seconds:.3g} s until the value is stored"
    return [f"misses: {reasons}{until}"]
