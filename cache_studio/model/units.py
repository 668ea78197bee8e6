"""Sizes and durations as people write and read them. kB, MB and GB are 1000-based everywhere."""

import math
import re

from cache_studio.model.errors import BadRequest

SIZE_UNITS = {"b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
"""Units of size in bytes, as the selection language and options write them."""
DURATION_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
"""Units of duration in seconds."""

_NUMBER = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*$")
NOT_RECORDED = "not recorded"
"""What stands in place of an unknown figure, in window and tables."""


def parse_size(text: str) -> int:
    """Bytes of `"100kb"`, `"1.5 MB"` or `"512"`; raises BadRequest."""
    return int(_parse(text, SIZE_UNITS, "size", "100kb, 5mb or 1gb"))


def parse_duration(text: str) -> float:
    """Seconds of `"90s"`, `"24h"`, `"7d"` or a bare number of seconds; raises BadRequest."""
    return _parse(text, DURATION_UNITS, "duration", "30s, 5m, 24h or 7d")


def _parse(text: str, units: dict[str, int] | dict[str, float], what: str, examples: str) -> float:
    match = _NUMBER.match(text)
    unit = match.group(2).lower() if match else ""
    if match is None or (unit and unit not in units):
        raise BadRequest(f"“{text}” is no {what}.", f"Write it like {examples}.")
    number = float(match.group(1)) * (units[unit] if unit else 1)
    if not math.isfinite(number):
        raise BadRequest(f"“{text[:40]}” is too large for a {what}.", f"Write it like {examples}.")
    return number


def format_size(size: float | None) -> str:
    """`"8.4 kB"`; unknown (None or NaN) is "not recorded"."""
    if size is None or size != size:
        return NOT_RECORDED
    if abs(size) < 1000:
        return f"{size:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if abs(size) < 999.5 or unit == "TB":
            break
    return f"{size:.0f} {unit}" if abs(size) >= 99.95 else f"{size:.1f} {unit}"


def format_count(count: float | None) -> str:
    """Thousands separated by commas; unknown is "not recorded"."""
    return NOT_RECORDED if count is None or count != count else f"{count:,.0f}"


def format_age(seconds: float | None) -> str:
    """A coarse duration of one unit: `"9 s"`, `"4 min"`, `"23 h"`, `"11 d"`; never negative."""
    if seconds is None or not math.isfinite(seconds):
        return NOT_RECORDED
    seconds = max(0.0, seconds)
    for limit, divisor, unit in ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // divisor)} {unit}"
    return f"{int(seconds // 86_400):,} d"


def format_ttl(seconds: float | None) -> str:
    """What is left, in at most two units: `"42 min 08 s"`, `"18 h 12 min"`, `"3 d 4 h"`; stale ones say so."""
    if seconds is None or seconds != seconds:
        return NOT_RECORDED
    if seconds == float("inf"):
        return "forever"
    if seconds <= 0:
        return f"stale {format_age(-seconds)}"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
