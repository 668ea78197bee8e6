"""The selection language: which entries. One parser for the search box, `--where`, views and actions.

`stale size>100kb`, `ns:tts idle>7d not tag:keep`. Bare words match the key; a word whose part before the
first operator is a field name is a comparison; every other word is a search in the key (`user:42`).
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from cache_studio.model.errors import BadRequest, SelectionError
from cache_studio.model.units import parse_duration, parse_size

TEXT_FIELDS = ("key", "ns", "tag", "type", "problem", "value")
"""Fields compared as text."""
NUMBER_FIELDS: dict[str, Callable[[str], float]] = {
    "size": parse_size,
    "age": parse_duration,
    "ttl": parse_duration,
    "idle": parse_duration,
    "hits": float,
}
"""Fields compared as numbers, each with the reader of its right side (bytes, seconds, count)."""
FIELDS = (*TEXT_FIELDS[:4], *NUMBER_FIELDS, *TEXT_FIELDS[4:])
"""All field names."""
FLAGS = ("stale", "fresh", "forever", "unread")
"""Words that stand for a state."""
_OPERATOR = re.compile(r"!=|<=|>=|[:=<>~]")
_TEXT_OPERATORS = (":", "=", "!=", "~")
_CLOSERS = {"and", "or"}


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against a value; `number` is set for number fields, `text` is what was written."""

    field: str
    operator: str
    text: str
    number: float | None = None


@dataclass(frozen=True, slots=True)
class Flag:
    """A state word."""

    name: str


@dataclass(frozen=True, slots=True)
class Not:
    """What is certainly not."""

    inner: "Node"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part; of no parts: everything."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part."""

    parts: "tuple[Node, ...]"


Node: TypeAlias = Compare | Flag | Not | AllOf | AnyOf
EVERYTHING = AllOf(())
"""The selection of an empty expression."""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int
    quoted_from: int
    """Where a quoted part begins in `text`; its length when nothing is quoted."""

    @property
    def plain(self) -> str:
        return "" if self.quoted_from < len(self.text) or self.end - self.start > len(self.text) else self.text


def parse_selection(expression: str) -> Node:
    """The tree of an expression; SelectionError with the place of the fault."""
    words = _split(expression)
    node, rest = _any_of(words, 0)
    if rest < len(words):
        extra = words[rest]
        raise SelectionError("This parenthesis closes nothing.", "Remove it.", start=extra.start, end=extra.end)
    return node


def comparisons(node: Node) -> list[Compare]:
    """Every comparison in a tree, from left to right."""
    match node:
        case Compare():
            return [node]
        case Not(inner):
            return comparisons(inner)
        case AllOf(parts) | AnyOf(parts):
            return [found for part in parts for found in comparisons(part)]
        case _:
            return []


def quote(text: str) -> str:
    """`text` as a value that the language reads back literally."""
    if re.fullmatch(r"[\w.:/@+-]+", text) and text.lower() not in (*FLAGS, "and", "or", "not"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _split(expression: str) -> list[_Word]:
    words: list[_Word] = []
    position = depth = 0
    while position < len(expression):
        char = expression[position]
        if char.isspace():
            position += 1
        elif char in "()":
            depth += 1 if char == "(" else -1
            words.append(_Word(char, position, position + 1, 1))
            position += 1
        else:
            word = _read_word(expression, position, depth)
            words.append(word)
            position = word.end
    return words


def _read_word(expression: str, start: int, depth: int) -> _Word:
    text: list[str] = []
    position, inner, quoted_from = start, 0, -1
    while position < len(expression):
        char = expression[position]
        if char == '"' and (not text or _OPERATOR.fullmatch(text[-1])):
            quoted_from = len(text)
            position = _read_quoted(expression, position, text)
            break
        if char.isspace() or (char == ")" and inner == 0 and depth > 0):
            break
        inner += (char == "(") - (char == ")" and inner > 0)
        text.append(char)
        position += 1
    return _Word("".join(text), start, position, len(text) if quoted_from < 0 else quoted_from)


def _read_quoted(expression: str, start: int, text: list[str]) -> int:
    position = start + 1
    while position < len(expression):
        char = expression[position]
        if char == '"':
            return position + 1
        if char == "\\" and position + 1 < len(expression):
            position += 1
            char = expression[position]
        text.append(char)
        position += 1
    raise SelectionError("This quotation is not closed.", 'Add a " at its end.', start=start, end=len(expression))


def _any_of(words: list[_Word], at: int) -> tuple[Node, int]:
    parts: list[Node] = []
    last_or: _Word | None = None
    while True:
        node, at = _all_of(words, at)
        following = words[at] if at < len(words) and words[at].plain.lower() == "or" else None
        if node == EVERYTHING and (last_or or following):
            word = following or last_or or words[at - 1]
            raise SelectionError("“or” stands alone.", "Write something on both sides.", start=word.start, end=word.end)
        parts.append(node)
        if following is None:
            return (parts[0] if len(parts) == 1 else AnyOf(tuple(parts))), at
        last_or, at = following, at + 1


def _all_of(words: list[_Word], at: int) -> tuple[Node, int]:
    parts: list[Node] = []
    while at < len(words):
        word = words[at].plain.lower()
        if word == "or" or words[at].plain == ")":
            break
        if word == "and":
            at = _after_and(words, at, bool(parts))
            continue
        node, at = _one(words, at)
        parts.append(node)
    return (parts[0] if len(parts) == 1 else AllOf(tuple(parts))), at


def _after_and(words: list[_Word], at: int, has_left: bool) -> int:
    following = words[at + 1].plain if at + 1 < len(words) else ")"
    if not has_left or following == ")" or following.lower() in _CLOSERS:
        word = words[at]
        raise SelectionError("“and” stands alone.", "Write something on both sides.", start=word.start, end=word.end)
    return at + 1


def _one(words: list[_Word], at: int) -> tuple[Node, int]:
    word = words[at]
    if word.plain == "(":
        node, after = _any_of(words, at + 1)
        if after == len(words):
            raise SelectionError("This parenthesis is not closed.", "Add a ).", start=word.start, end=word.end)
        if node == EVERYTHING:
            raise SelectionError("These parentheses are empty.", "Remove them.", start=word.start, end=words[after].end)
        return node, after + 1
    if word.plain.lower() == "not":
        if at + 1 == len(words) or words[at + 1].plain == ")" or words[at + 1].plain.lower() in _CLOSERS:
            raise SelectionError("“not” needs something after it.", "As in: not stale.", start=word.start, end=word.end)
        inner, after = _one(words, at + 1)
        return Not(inner), after
    return _term(word), at + 1


def _term(word: _Word) -> Node:
    if word.plain in FLAGS:
        return Flag(word.plain)
    found = _OPERATOR.search(word.text)
    if found is None or found.end() > word.quoted_from or word.text[: found.start()] not in FIELDS:
        return Compare("key", ":", word.text)
    name, operator, value = word.text[: found.start()], found.group(), word.text[found.end() :]
    try:
        return _compare(name, operator, value)
    except SelectionError:
        raise
    except BadRequest as error:
        raise SelectionError(error.message, error.hint, start=word.start, end=word.end) from None


def _compare(name: str, operator: str, value: str) -> Compare:
    if value == "":
        raise BadRequest(f"“{name}{operator}” compares with nothing.", f"Write a value after {operator}.")
    if name in NUMBER_FIELDS:
        if operator == "~":
            raise BadRequest(f"“{name}” is a number and takes no pattern.", f"Use {name}>… or {name}<….")
        return Compare(name, "=" if operator == ":" else operator, value, _number(name, value))
    if operator not in _TEXT_OPERATORS:
        raise BadRequest(f"“{name}” is text and has no order.", f"Use {name}:… , {name}=… or {name}~….")
    if operator == "~":
        _check_pattern(value)
    return Compare(name, operator, value)


def _number(name: str, value: str) -> float:
    try:
        number = float(NUMBER_FIELDS[name](value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadRequest(f"“{value}” is no number.", f"As in: {name}>10.")
    return number


def _check_pattern(pattern: str) -> None:
    import regex  # has a time limit that `re` lacks; loaded only when a pattern is used

    try:
        regex.compile(pattern)
    except regex.error as error:
        raise BadRequest(f"The pattern cannot be read: {error}.", "It is a regular expression.") from None
