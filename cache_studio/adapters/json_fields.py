"""Chosen top-level fields of a JSON object, without building the rest of it.

A whole text is checked and read by msgspec, which skips what is not wanted; the head of a longer one by
a small scanner that knows strings, brackets and nothing else.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypedDict

import msgspec

_NAME = re.compile(rb'[ \t\r\n]*("[^"\\]*(?:\\.[^"\\]*)*")[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_PLAIN = re.compile(rb"[^\s,\[\]{}\":]+(?=[\s,}])")
_NESTED = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
_NEXT = re.compile(rb"[ \t\r\n]*,")


class JsonFields:
    """Reads these fields; a field that is absent is absent in the answer.

    The `optional` ones are not looked for behind the head of a long text.
    """

    def __init__(self, names: Collection[str], optional: Collection[str] = ()) -> None:
        self.names = frozenset((*names, *optional))
        self._needed = frozenset(names)
        # A TypedDict names any field; what it does not name is checked but never built. msgspec does not find its
        # fields whose names are not ASCII.
        fields: Any = dict.fromkeys(self.names, Any)
        wanted: Any = TypedDict("Fields", fields, total=False)  # type: ignore[misc]  # the names are not known before
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(wanted).decode
        if not all(name.isascii() for name in self.names):
            self._decode = self._tolerant

    def whole(self, content: bytes) -> Mapping[str, object]:
        """The fields of a complete text. ValueError when it is no JSON object."""
        try:
            found: Mapping[str, object] = self._decode(content)
            return found
        except (msgspec.DecodeError, RecursionError):
            # Python's own writer allows NaN and lone surrogates, which strict JSON does not.
            return self._tolerant(content)

    def _tolerant(self, content: bytes) -> Mapping[str, object]:
        try:
            found = json.loads(content)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
        return {name: found[name] for name in self.names if name in found}

    def head(self, content: bytes) -> tuple[Mapping[str, object], bool]:
        """The fields whose names and values lie wholly in the head of a text, and whether these are all wanted.

        ValueError when the head cannot begin a JSON object.
        """
        found: dict[str, object] = {}
        for name, text in scan_head(content):
            if name in self.names:
                found[name] = plain_value(text)
                if self._needed <= found.keys():
                    return found, True
        return found, False


def scan_head(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and value text of each top-level field that lies wholly in the head of a text. ValueError: no object."""
    return ((name, content[start:end]) for name, start, end in field_places(content))


def field_places(content: bytes) -> Iterator[tuple[str, int, int]]:
    """The same with the places where the value begins and ends, not its text."""
    start = len(content) - len(content.lstrip(b" \t\r\n"))
    if content[start : start + 1] != b"{":
        raise ValueError("no JSON object")
    position = start + 1
    while found := _NAME.match(content, position):
        name = plain_value(found[1])
        end = _end_of_value(content, found.end())
        if end is None:
            return
        if isinstance(name, str):
            yield name, found.end(), end
        comma = _NEXT.match(content, end)
        if comma is None:
            return
        position = comma.end()


def plain_value(text: bytes) -> object:
    """The value of a span, None when it is no JSON."""
    # A nested value can hold a syntax error that the scanner does not see: then the field is not recorded.
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _end_of_value(content: bytes, start: int) -> int | None:
    """Where the value that begins at `start` ends, or None when the text is cut before."""
    first = content[start : start + 1]
    if first == b'"':
        string = _STRING.match(content, start)
        return string.end() if string else None
    if first not in (b"{", b"["):
        plain = _PLAIN.match(content, start)
        return plain.end() if plain else None
    depth = 0
    for token in _NESTED.finditer(content, start):
        if token[0] in (b"{", b"["):
            depth += 1
        elif token[0] in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                return token.end()
    return None
