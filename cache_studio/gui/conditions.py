"""The parts of an expression as written: what facets and chips add to it and take away from it.

The search box holds the one expression there is. Facets and chips are ways to edit its text, and show what
they find in it.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cache_studio.model.selection import quote

CHIPS = ("stale", "unread", "ttl<1h", "size>100kb", "problem~.")
"""Conditions offered below the search box."""
LIFETIMES = ("fresh", "stale", "forever")
"""The facets of the group Lifetime; each is its own condition."""
_OPERATORS = ":=<>~"


@dataclass(frozen=True, slots=True)
class Parts:
    """An expression cut at its top level; one with `or` at the top level is a single part."""

    texts: tuple[str, ...]

    @property
    def expression(self) -> str:
        """The parts, put together again."""
        return " ".join(self.texts)

    def plus(self, part: str) -> "Parts":
        """With a part at the end, unless it is there."""
        if part in self.texts:
            return self
        whole = tuple(f"({text})" if _has_or(text) else text for text in self.texts)
        return Parts((*whole, part))

    def less(self, part: str) -> "Parts":
        """Without a part."""
        return Parts(tuple(text for text in self.texts if text != part))


def parts_of(expression: str) -> Parts:
    """Cut an expression; never fails, a wrong expression is cut as well as it goes."""
    words = [expression[start:end] for start, end in _spans(expression)]
    if "or" in (word.lower() for word in words):
        return Parts((expression.strip(),))
    parts: list[str] = []
    negated = ""
    for word in words:
        if word.lower() == "and":
            continue
        if word.lower() == "not":
            negated += f"{word} "
            continue
        parts.append(negated + word)
        negated = ""
    if negated:
        parts.append(negated.strip())
    return Parts(tuple(parts))


def namespace_terms(names: Iterable[str]) -> dict[str, str]:
    """Name of a namespace to the condition that selects it and no other one of `names`."""
    known = tuple(names)
    lowered = sorted(map(str.lower, known))
    return {name: _namespace_term(name, lowered) for name in known}


def tag_terms(names: Iterable[str]) -> dict[str, str]:
    """Tag to its condition."""
    return {name: f"tag:{quote(name)}" for name in names if name}


def lifetime_terms() -> dict[str, str]:
    """Lifetime to its condition, which is the same word."""
    return {name: name for name in LIFETIMES}


def _namespace_term(name: str, lowered: Sequence[str]) -> str:
    """`lowered`: all names, sorted, so that those which begin like this one follow it."""
    if not name:
        return "ns~^$"  # the language has no way to compare with nothing
    own = name.lower()
    after = bisect_left(lowered, own) + 1
    has_below = any(other.startswith(own) for other in lowered[after : after + 1])
    return f"ns{'=' if has_below else ':'}{quote(name)}"


def chosen_in(expression: str, terms: Mapping[str, str]) -> frozenset[str]:
    """Which names of a group the expression selects by a part of its own."""
    wanted = frozenset(_alternatives(group_part(expression, terms)))
    return frozenset(name for name, term in terms.items() if term in wanted) if wanted else frozenset()


def group_part(expression: str, terms: Mapping[str, str]) -> str:
    """The part of the expression that belongs to a group of facets, or ""."""
    conditions = set(terms.values())
    for text in parts_of(expression).texts:
        alternatives = _alternatives(text)
        if alternatives and set(alternatives) <= conditions:
            return text
    return ""


def with_chosen(expression: str, terms: Mapping[str, str], names: Collection[str]) -> str:
    """The expression that selects exactly these names of a group; several stand in parentheses with `or`."""
    wanted = [term for name, term in terms.items() if name in names]
    old = group_part(expression, terms)
    new = wanted[0] if len(wanted) == 1 else f"({' or '.join(wanted)})" if wanted else ""
    parts = parts_of(expression)
    if old and new:
        return Parts(tuple(new if text == old else text for text in parts.texts)).expression
    if new:
        return parts.plus(new).expression
    return parts.less(old).expression


def _alternatives(part: str) -> list[str]:
    inner = part[1:-1] if part.startswith("(") and part.endswith(")") else part
    words = [inner[start:end] for start, end in _spans(inner)]
    return words[::2] if len(words) % 2 and all(word.lower() == "or" for word in words[1::2]) else []


def _has_or(text: str) -> bool:
    return "or" in (text[start:end].lower() for start, end in _spans(text))


def _spans(expression: str) -> list[tuple[int, int]]:
    """Where the words and parenthesised groups of the top level begin and end."""
    spans: list[tuple[int, int]] = []
    start, depth, quoted = -1, 0, False
    at = 0
    while at < len(expression):
        char = expression[at]
        if quoted:
            at += char == "\\"
            quoted = char != '"'
        elif char.isspace() and depth == 0:
            if start >= 0:
                spans.append((start, at))
            start = -1
        else:
            start = at if start < 0 else start
            quoted = char == '"' and (at == start or expression[at - 1] in _OPERATORS + " (")
            depth = max(0, depth + (char == "(") - (char == ")"))
        at += 1
    if start >= 0:
        spans.append((start, len(expression)))
    return spans
