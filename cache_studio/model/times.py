"""Moments as caches write them: epoch seconds, milliseconds, ISO 8601 or `YYYY-MM-DD HH:MM:SS`.

Everything becomes UTC epoch seconds. Text without an offset is local time unless the zone says UTC.
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime

UNITS = ("auto", "seconds", "milliseconds", "iso")
"""Choices of the option `unit`; auto decides each value by its form and magnitude."""
ZONES = ("local", "utc")
"""Choices of the option `zone`: what a time without an offset means."""

MILLISECONDS_FROM = 1e11
"""A number of this size or more is milliseconds: as seconds it would lie after the year 5000."""
EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_799.0
"""The years 1 to 9999, which datetime can show."""


def parse_time(value: object, unit: str = "auto", zone: str = "local") -> float:
    """Epoch seconds of `value`, or NaN when it is no readable moment of the years 1 to 9999.

    Numbers and digits in text follow `unit`; other text is ISO 8601 whatever the unit says.
    """
    if isinstance(value, bool) or value is None:
        return math.nan
    if not isinstance(value, int | float | str):
        return math.nan
    try:
        return _from_number(float(value), unit)
    except OverflowError:
        return math.nan
    except ValueError:
        return _from_iso(str(value), zone)


def _from_number(value: float, unit: str) -> float:
    if unit == "milliseconds" or (unit == "auto" and abs(value) >= MILLISECONDS_FROM):
        value /= 1000
    return value if EARLIEST <= value <= LATEST else math.nan


def _from_iso(text: str, zone: str) -> float:
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None and zone == "utc":
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    except (ValueError, OverflowError, OSError):
        return math.nan


def number_of(value: object) -> float:
    """A number as it was read from a cache; NaN for anything else, a truth value or more than a float can hold."""
    try:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:
        return math.nan


def looks_like_times(values: Iterable[object], now: float) -> bool:
    """Whether every value is a moment between the year 2000 and ten years after `now` (guessing a mapping)."""
    moments = [parse_time(value) for value in values]
    return bool(moments) and all(946_684_800 <= moment <= now + 315_360_000 for moment in moments)


def format_iso(moment: float | None) -> str | None:
    """ISO 8601 in UTC with Z, milliseconds only where there are any; None for unknown, NaN or infinite."""
    if moment is None or not EARLIEST <= moment <= LATEST:
        return None
    shown = datetime.fromtimestamp(moment, UTC)
    return shown.isoformat(timespec="milliseconds" if shown.microsecond >= 1000 else "seconds").replace("+00:00", "Z")
