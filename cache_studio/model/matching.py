"""Evaluates a selection on a view, with three truths: certainly, certainly not, and not recorded.

Kleene's strong logic: a comparison with a value that is not recorded is neither true nor false, also
under `not`; only what is certainly true is selected.
"""

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np

from cache_studio.model.columns import Floats, Mask, View
from cache_studio.model.errors import Cancelled
from cache_studio.model.patterns import Pattern
from cache_studio.model.selection import AllOf, AnyOf, Compare, Flag, Node, Not

CHUNK = 1_000
"""Texts looked at between two questions whether to stop."""
_TOGETHER = 50
"""Texts that are put together to look for a part of them."""
_NUMERIC: dict[str, Callable[[Floats, float], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MISSING = {"size": "size", "age": "created", "ttl": "expiry", "idle": "last access", "hits": "hits"}
_MISSING |= {"tag": "tags", "type": "type", "value": "value", "unread": "access"}
_MISSING |= dict.fromkeys(("stale", "fresh", "forever"), "expiry")


@dataclass(frozen=True, slots=True)
class Truth:
    """Two masks over the rows of a view; a row in neither is certainly not."""

    true: Mask
    unknown: Mask


@dataclass(frozen=True, slots=True)
class Matched:
    """The rows that are certainly selected, and how many were left out for want of which figure."""

    true: Mask
    unknown: Mask
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What is not recorded ("last access") to the number of entries that it kept undecided."""


def match(
    node: Node,
    view: View,
    now: float,
    *,
    values: Mapping[Compare, Truth] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Matched:
    """The entries of `view` that `node` selects at `now` (epoch seconds).

    `values` holds what is known of comparisons with the field `value`; without it they are not known.
    Raises Cancelled as soon as `stop` says so.
    """
    matcher = _Matcher(view, now, values or {}, stop or (lambda: False))
    truth = matcher.truth(node)
    unknown = truth.unknown & view.alive
    left_out = {name: count for name, mask in matcher.missing.items() if (count := int((mask & unknown).sum()))}
    return Matched(truth.true & view.alive, unknown, left_out)


class _Matcher:
    def __init__(self, view: View, now: float, values: Mapping[Compare, Truth], stop: Callable[[], bool]) -> None:
        self._view = view
        self._now = now
        self._values = values
        self._stop = stop
        self.missing: dict[str, Mask] = {}

    def truth(self, node: Node) -> Truth:
        if self._stop():
            raise Cancelled
        match node:
            case Not(inner):
                found = self.truth(inner)
                return Truth(~found.true & ~found.unknown, found.unknown)
            case AllOf(parts):
                return self._all_of(parts)
            case AnyOf(parts):
                return self._any_of(parts)
            case Flag(name):
                return self._noted(name, self._flag(name))
            case Compare():
                return self._noted(node.field, self._compare(node))

    def _all_of(self, parts: tuple[Node, ...]) -> Truth:
        true = np.ones(self._view.n, dtype=np.bool_)
        possible = true.copy()
        for part in parts:
            found = self.truth(part)
            true &= found.true
            possible &= found.true | found.unknown
        return Truth(true, possible & ~true)

    def _any_of(self, parts: tuple[Node, ...]) -> Truth:
        true = np.zeros(self._view.n, dtype=np.bool_)
        possible = true.copy()
        for part in parts:
            found = self.truth(part)
            true |= found.true
            possible |= found.true | found.unknown
        return Truth(true, possible & ~true)

    def _noted(self, name: str, truth: Truth) -> Truth:
        what = _MISSING.get(name)
        if what and truth.unknown.any():
            before = self.missing.get(what)
            self.missing[what] = truth.unknown if before is None else before | truth.unknown
        return truth

    def _flag(self, name: str) -> Truth:
        expires = self._view.numbers["expires"]
        unknown = np.isnan(expires)
        if name == "stale":
            return Truth(expires <= self._now, unknown)
        if name == "fresh":
            return Truth((expires > self._now) & (expires < math.inf), unknown)
        if name == "forever":
            return Truth(expires == math.inf, unknown)
        hits, accessed, created = (self._view.numbers[column] for column in ("hits", "accessed", "created"))
        by_hits, by_access = ~np.isnan(hits), ~np.isnan(accessed) & ~np.isnan(created)
        true = np.where(by_hits, hits == 0, by_access & (accessed == created))
        return Truth(true, ~by_hits & ~by_access)

    def _compare(self, term: Compare) -> Truth:
        if term.number is not None:
            column = self._number_column(term.field)
            unknown = np.isnan(column)
            return Truth(_NUMERIC[term.operator](column, term.number) & ~unknown, unknown)
        if term.field == "value":
            nothing = np.zeros(self._view.n, dtype=np.bool_)
            return self._values.get(term, Truth(nothing, ~nothing))
        return self._text(term)

    def _number_column(self, name: str) -> Floats:
        numbers, now = self._view.numbers, self._now
        match name:
            case "age":
                return now - numbers["created"]
            case "idle":
                return now - numbers["accessed"]
            case "ttl":
                return numbers["expires"] - now
            case _:
                return numbers[name]

    def _text(self, term: Compare) -> Truth:
        view = self._view
        if term.field == "key":
            return Truth(self._over(view.keys, view.n, term), np.zeros(view.n, dtype=np.bool_))
        tester = text_tester(term)
        if term.field == "problem":
            found = np.full(view.n, bool(tester("")))
            for row, problem in view.problems.items():
                found[row] = bool(tester(problem))
            return Truth(found, np.zeros(view.n, dtype=np.bool_))
        if term.field == "tag":
            negated = term.operator == "!="
            any_tag = [
                any(map(text_tester(Compare("tag", "=", term.text)) if negated else tester, tags))
                for tags in view.tag_sets
            ]
            wanted = np.array([found != negated for found in any_tag] + [False], dtype=np.bool_)
            unknown = view.tag_codes < 0
            return Truth(wanted[view.tag_codes] & ~unknown, unknown)
        codes, names = (
            (view.namespace_codes, view.namespace_names) if term.field == "ns" else (view.type_codes, view.type_names)
        )
        wanted = np.append(self._over(names, len(names), term), False)
        unknown = np.zeros(view.n, dtype=np.bool_)
        if term.field == "type":
            unknown = np.array([name == "" for name in names] + [False], dtype=np.bool_)[codes]
        return Truth(wanted[codes] & ~unknown, unknown)

    def _over(self, texts: list[str], count: int, term: Compare) -> Mask:
        """Which of the first `count` texts fulfil a comparison."""
        tester, found = texts_tester(term), bytearray()
        for start in range(0, count, CHUNK):
            if self._stop():
                raise Cancelled
            found.extend(tester(texts[start : min(start + CHUNK, count)]))
        return np.frombuffer(found, np.bool_)


def texts_tester(term: Compare) -> Callable[[list[str]], Iterable[int]]:
    """A function that says which of some texts fulfil a text comparison, as `text_tester` says of one."""
    if term.operator == "~":
        return Pattern(term.text).among
    if term.operator == ":" and term.field not in ("ns", "tag"):
        return _with_part(term.text, str.lower if term.text == term.text.lower() else str)
    tester = text_tester(term)
    return lambda texts: [bool(tester(text)) for text in texts]


def _with_part(wanted: str, fold: Callable[[str], str]) -> Callable[[list[str]], Iterable[int]]:
    """Which of some texts have `wanted` in them once they are folded.

    Each is only asked where it is in some of them put together: that takes half as long.
    """

    def among(texts: list[str]) -> bytearray:
        found = bytearray()
        for start in range(0, len(texts), _TOGETHER):
            some = texts[start : start + _TOGETHER]
            if wanted in fold("\n".join(some)):
                found += bytes(map(operator.contains, map(fold, some), repeat(wanted)))
            else:
                found += bytes(len(some))
        return found

    return among


def text_tester(term: Compare) -> Callable[[str], object]:
    """A function that says whether one text fulfils a text comparison.

    `:` is contains, ignoring case unless the searched text has a capital; for `ns` it is that namespace and
    those below it, for `tag` the whole tag.
    """
    wanted = term.text
    if term.operator == "!=":
        return lambda text: text != wanted
    if term.operator == "=" or (term.field == "tag" and term.operator == ":"):
        return lambda text: text == wanted
    if term.operator == "~":
        return Pattern(wanted).fits
    if term.field == "ns":
        below = tuple(wanted + separator for separator in ":/.")
        return lambda text: text == wanted or text.startswith(below)
    if wanted != wanted.lower():
        return lambda text: wanted in text
    return lambda text: wanted in text.lower()
