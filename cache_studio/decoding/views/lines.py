"""A view as lines of name, figure and source: what both faces say about it. Names and figures are plain English."""

import datetime
import math
from collections.abc import Mapping
from typing import NamedTuple

from cache_studio.decoding.views.freshness import FRESH, STALE, VALIDATE, Freshness, freshness_at
from cache_studio.decoding.views.shapes import Body, HttpView, LlmView, TableView, Validity
from cache_studio.model.units import NOT_RECORDED, format_age, format_count, format_size, format_ttl

Prices = Mapping[str, Mapping[str, float]]
"""Price per million tokens by model: {"gpt-4o": {"input": 2.5, "output": 10}}."""
RECORDED, DERIVED = "recorded", "derived"
_DATED = (11, 9)
"""Lengths of "-2024-07-18" and "-20240718", which providers put behind the name of a model."""


class Line(NamedTuple):
    """`source` is "" where the figure is not recorded."""

    name: str
    value: str
    source: str = ""


def status_words(view: HttpView) -> str:
    """`"200 OK"`."""
    status = NOT_RECORDED if view.status is None else str(view.status)
    return f"{status} {view.reason}".strip()


def http_lines(view: HttpView, now: float) -> list[Line]:
    """What is known of the time of a response, at one moment."""
    validity, fresh = view.validity, freshness_at(view.validity, now)
    lines = [
        Line("Freshness", freshness_words(fresh), "" if fresh.state not in (FRESH, STALE, VALIDATE) else DERIVED),
        Line("Age", _age_words(validity, fresh), "" if math.isnan(fresh.age) else DERIVED),
        Line("Lifetime", _lifetime_words(validity, fresh), RECORDED if fresh.by else ""),
    ]
    if not math.isnan(validity.s_maxage):
        words = f"{_seconds(validity.s_maxage)} by s-maxage"
        left = fresh.shared_left
        ending = "" if math.isnan(left) else ", fresh" if left > 0 else ", stale"
        lines.append(Line("In shared caches", words + ending, RECORDED))
    if validity.rules:
        lines.append(Line("Cache-Control", ", ".join(validity.rules), RECORDED))
    if not math.isnan(validity.received):
        lines.append(Line("Stored", _moment(validity.received), RECORDED))
    lines.append(Line("Body", body_words(view.body), "" if view.body is None else RECORDED))
    return lines


def http_warnings(view: HttpView) -> tuple[str, ...]:
    """What is wrong or cut in the head of a response."""
    return view.notes + view.validity.remarks


def body_notes(view: HttpView) -> tuple[str, ...]:
    """What was not done to its body."""
    return view.body.notes if view.body else ()


def freshness_words(fresh: Freshness) -> str:
    """`"fresh, 4 min 20 s left"`, `"stale for 3 h"`."""
    if fresh.state == VALIDATE:
        return "to be validated before each use (no-cache)"
    if fresh.state == FRESH:
        return f"fresh, {format_ttl(fresh.left)} left"
    return f"stale for {format_age(-fresh.left)}" if fresh.state == STALE else NOT_RECORDED


def _age_words(validity: Validity, fresh: Freshness) -> str:
    if math.isnan(fresh.age):
        return f"{NOT_RECORDED}: neither Date nor the time of storing"
    return _seconds(fresh.age) + (", by its Date" if math.isnan(validity.received) else "")


def _lifetime_words(validity: Validity, fresh: Freshness) -> str:
    if not fresh.by:
        return f"{NOT_RECORDED}: heuristics are each cache's own"
    if math.isnan(fresh.lifetime) or (fresh.by == "Expires" and math.isfinite(validity.expires)):
        return f"until {_moment(validity.expires)}, by Expires"
    return f"{_seconds(fresh.lifetime)}, by {fresh.by}"


def _seconds(seconds: float) -> str:
    return "0 s" if seconds <= 0 else format_ttl(seconds)


def _moment(moment: float) -> str:
    try:
        found = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return "outside of the calendar"
    return f"{found.day} {found:%b %Y, %H:%M:%S} UTC"


def body_words(body: Body | None) -> str:
    """`"application/json, 1.2 kB (340 B stored)"`."""
    if body is None:
        return f"{NOT_RECORDED} with it"
    kind = body.content_type or "no Content-Type"
    if not body.length and body.decoded.tree is not None:
        return kind
    packed = f" ({format_size(body.stored)} stored)" if body.stored != body.length else ""
    return f"{kind}, {format_size(body.length)}{packed}"


def llm_lines(view: LlmView, prices: Prices) -> list[Line]:
    """Model, tokens and what they cost."""
    cost = cost_of(view, prices)
    lines = [_told("Model", view.model)]
    for name, tokens in (("Input tokens", view.input_tokens), ("Output tokens", view.output_tokens)):
        lines.append(Line(name, format_count(tokens), "" if tokens is None else RECORDED))
    if view.total_tokens is not None and (view.input_tokens is None or view.output_tokens is None):
        lines.append(Line("Tokens", format_count(view.total_tokens), RECORDED))
    lines.append(Line("Cost", f"{cost:.6f}" if math.isfinite(cost) else NOT_RECORDED, _if_known(cost)))
    lines.append(_told("Ended by", view.finish))
    return lines


def _told(name: str, value: str) -> Line:
    return Line(name, value or NOT_RECORDED, RECORDED if value else "")


def _if_known(value: float) -> str:
    return DERIVED if math.isfinite(value) else ""


def cost_of(view: LlmView, prices: Prices) -> float:
    """What the answer cost, in the currency of the prices; NaN where a price or a count of tokens is not known.

    A model with a date behind its name has the price of the model, unless it has one of its own.
    """
    price = prices.get(view.model)
    for length in _DATED:
        digits = view.model[-length:].replace("-", "")
        if price is None and view.model[-length : -length + 1] == "-" and len(digits) == 8 and digits.isdigit():
            price = prices.get(view.model[:-length])
    if price is None or view.input_tokens is None or view.output_tokens is None:
        return math.nan
    each = price.get("input", math.nan), price.get("output", math.nan)
    return (view.input_tokens * each[0] + view.output_tokens * each[1]) / 1_000_000


def table_words(view: TableView) -> str:
    """`"pandas DataFrame, 3 rows, 5 columns"`."""
    if view.kind:
        shape = " × ".join(f"{length:,}" for length in view.shape) or "one value"
        return f"{view.origin}, {shape}, {view.kind}"
    rows = f"{view.rows:,} row{'' if view.rows == 1 else 's'}"
    if len(view.shape) == 1:
        return f"{view.origin}, {rows}"
    return f"{view.origin}, {rows}, {view.columns:,} column{'' if view.columns == 1 else 's'}"
