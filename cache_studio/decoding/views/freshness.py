"""Age and freshness of a stored response by its own headers: RFC 9111, sections 4.2 and 5.2.

No heuristics: a response that names no lifetime has none that is recorded. `now` is an argument.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cache_studio.decoding.views.reading import http_date
from cache_studio.decoding.views.shapes import Validity

FRESH, STALE, VALIDATE, UNKNOWN = "fresh", "stale", "validate", "unknown"
"""States: VALIDATE must be asked about before each use (no-cache)."""
_DIRECTIVE = re.compile(r'([^\s,;="]{1,80})\s*(?:=\s*("[^"]{0,400}"?|[^\s,]{0,400}))?')
_MOST_DIRECTIVES = 200
_LONGEST = 8_000
_FOR_EVER = float(2**31)
"""What a cache takes for a lifetime that is too long to be counted (section 1.2.2)."""
_RULES = (
    "no-store", "no-cache", "private", "public", "must-revalidate", "proxy-revalidate", "must-understand", "immutable",
    "stale-while-revalidate", "stale-if-error",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Freshness:
    """At one moment: `age`, `lifetime` and `left` in seconds, NaN where not recorded; `left` is negative when stale.

    `by` names the header that gives the lifetime, `shared_left` is for shared caches where `s-maxage` differs.
    """

    state: str
    age: float
    lifetime: float
    left: float
    by: str
    shared_left: float


def validity_of(headers: Sequence[tuple[str, str]], received: float) -> Validity:
    """What the headers say; the first of several counts."""
    remarks: list[str] = []
    directives = _directives(_values(headers, "cache-control"))
    return Validity(
        date=_date(headers, "date", remarks),
        age=_age(headers, remarks),
        received=received if math.isfinite(received) else math.nan,
        expires=_expires(headers),
        max_age=_seconds(directives, "max-age", remarks),
        s_maxage=_seconds(directives, "s-maxage", remarks),
        rules=tuple(_rule(name, directives[name]) for name in _RULES if name in directives),
        remarks=tuple(remarks),
    )


def freshness_at(validity: Validity, now: float) -> Freshness:
    """Age, lifetime and state for a private cache such as an application's own."""
    age = age_at(validity, now)
    lifetime, by = _lifetime(validity)
    left = lifetime - age
    if math.isnan(left) and math.isfinite(validity.expires):  # a moment, but nothing to count an age from
        left, by = validity.expires - now, "Expires"
    state = UNKNOWN if math.isnan(left) else FRESH if left > 0 else STALE
    if any(rule.partition("=")[0] == "no-cache" for rule in validity.rules):
        state = VALIDATE
    return Freshness(state, age, lifetime, left, by, validity.s_maxage - age)


def age_at(validity: Validity, now: float) -> float:
    """The current age (section 4.2.3), never negative; NaN where neither Date nor the time of storing is recorded.

    How long the request took is recorded by nobody and counts as nothing. Where the time of storing is not recorded,
    the response is taken to be as old as its Date says.
    """
    told = max(0.0, _or_nothing(validity.age))
    if math.isfinite(validity.received):
        apparent = max(0.0, _or_nothing(validity.received - validity.date))
        return max(apparent, told) + max(0.0, now - validity.received)
    if math.isfinite(validity.date):
        return max(now - validity.date, told)
    return math.nan


def _or_nothing(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _lifetime(validity: Validity) -> tuple[float, str]:
    if not math.isnan(validity.max_age):
        return validity.max_age, "max-age"
    if math.isnan(validity.expires):
        return math.nan, ""
    if math.isinf(validity.expires):
        return 0.0, "Expires"
    since = validity.received if math.isnan(validity.date) else validity.date
    return max(0.0, validity.expires - since) if math.isfinite(since) else math.nan, "Expires"


def _values(headers: Sequence[tuple[str, str]], name: str) -> Iterable[str]:
    return (value for found, value in headers if found.lower() == name)


def _directives(values: Iterable[str]) -> dict[str, str | None]:
    """Name and argument of each directive, the first of doubles."""
    found: dict[str, str | None] = {}
    line = ",".join(values)[:_LONGEST]
    for number, match in enumerate(_DIRECTIVE.finditer(line)):
        if number >= _MOST_DIRECTIVES:
            break
        argument = match.group(2)
        found.setdefault(match.group(1).lower(), None if argument is None else argument.strip('"'))
    return found


def _rule(name: str, argument: str | None) -> str:
    return name if not argument else f"{name}={argument[:80]}"


def _seconds(directives: dict[str, str | None], name: str, remarks: list[str]) -> float:
    if name not in directives:
        return math.nan
    argument = directives[name] or ""
    if not (argument.isascii() and argument.isdigit()):
        remarks.append(f"{name} is no number of seconds: such a response is taken for stale.")
        return 0.0
    return min(_FOR_EVER, float(argument[:20]))


def _date(headers: Sequence[tuple[str, str]], name: str, remarks: list[str]) -> float:
    value = next(iter(_values(headers, name)), None)
    if value is None:
        return math.nan
    found = http_date(value)
    if math.isnan(found):
        remarks.append(f"{name.capitalize()} is no date and counts as not recorded.")
    return found


def _expires(headers: Sequence[tuple[str, str]]) -> float:
    value = next(iter(_values(headers, "expires")), None)
    if value is None:
        return math.nan
    found = http_date(value)
    return -math.inf if math.isnan(found) else found


def _age(headers: Sequence[tuple[str, str]], remarks: list[str]) -> float:
    value = next(iter(_values(headers, "age")), None)
    if value is None:
        return math.nan
    first = value.partition(",")[0].strip()
    if first.isascii() and first.isdigit():
        return min(_FOR_EVER, float(first[:20]))
    remarks.append("Age is no number of seconds and does not count.")
    return math.nan
