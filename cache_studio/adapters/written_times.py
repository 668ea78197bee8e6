"""A moment or TTL in the form in which a cache writes its own, so that its application reads it."""

import math
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from cache_studio.model.times import MILLISECONDS_FROM, parse_time

_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?P<between>[T ])\d\d:\d\d:\d\d(?:\.(?P<fraction>\d{1,6}))?(?P<zone>[Zz]|[+-]\d\d:\d\d)?"
)
_SLACK = 1e-3
"""Seconds by which a moment may be over a whole second and still be that: what is read is often calculated."""
_WHOLE = re.compile(r"[+-]?\d+")


def moment_like(example: object, moment: float, unit: str, zone: str) -> int | float | str | None:
    """A finite moment written as `example` is: seconds or milliseconds, whole or not, digits or ISO 8601 text.

    Never an earlier moment: where the form is coarser it is the next that the form can say. None where the form is
    not known, or cannot say the moment.
    """
    written = _written(example, moment, unit, zone)
    if written is None:
        return None
    read = parse_time(written, unit, zone)
    return written if -_SLACK <= read - moment <= 1.0 else None


def ttl_like(example: object, seconds: float) -> int | float:
    """Seconds as a number of the kind of `example`; a fraction where that is no number."""
    # A TTL is the difference of two moments, which are known to a microsecond.
    return _whole(seconds) if isinstance(example, int) and not isinstance(example, bool) else round(seconds, 6)


def _written(example: object, moment: float, unit: str, zone: str) -> int | float | str | None:
    if isinstance(example, bool) or not isinstance(example, int | float | str):
        return None
    if isinstance(example, str):
        return _text_like(example.strip(), moment, unit, zone)
    is_milliseconds = unit == "milliseconds" or (unit == "auto" and abs(example) >= MILLISECONDS_FROM)
    number = moment * 1000 if is_milliseconds else moment
    return _whole(number) if isinstance(example, int) else number


def _text_like(example: str, moment: float, unit: str, zone: str) -> str | None:
    found = _ISO.fullmatch(example)
    if found is not None:
        return _iso_like(found, moment, zone)
    try:
        number = _written(int(example) if _WHOLE.fullmatch(example) else float(example), moment, unit, zone)
    except ValueError:
        return None
    return None if number is None else str(number)


def _iso_like(form: re.Match[str], moment: float, zone: str) -> str | None:
    digits = len(form["fraction"] or "")
    scale = 10**digits
    ticks = _whole(moment * scale)
    try:
        at = datetime.fromtimestamp(ticks // scale, _zone_of(form, zone))
    except (ValueError, OverflowError, OSError):
        return None
    text = at.replace(tzinfo=None).isoformat(sep=form["between"])
    if digits:
        text += f".{ticks % scale:0{digits}d}"
    return text + (form["zone"] or "")


def _zone_of(form: re.Match[str], zone: str) -> tzinfo | None:
    """None is local time."""
    offset = form["zone"]
    if offset is None:
        return UTC if zone == "utc" else None
    if offset in "Zz":
        return UTC
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def _whole(number: float) -> int:
    return math.ceil(number - _SLACK)
