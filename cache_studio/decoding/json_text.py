"""JSON as it is written: numbers keep their digits, double keys stay, oddities are told."""

import json
from collections.abc import Iterator
from dataclasses import replace
from json.encoder import encode_basestring

from cache_studio.decoding.decoded import LONGEST_TEXT, Decoded
from cache_studio.decoding.plain import Literal, Pairs, doubles, plain_tree
from cache_studio.decoding.plain_text import marks_of

_MOST_WARNINGS = 20
_WITHOUT_MARK = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
_SPACE = " \t\n\r"


def decode_json(data: bytes, total: int) -> Decoded:
    """JSON of any Unicode encoding. Broken JSON is shown as text, with the byte offset of the fault.

    `total` is how long the value is of which `data` is the head.
    """
    encoding = json.detect_encoding(data)
    text = data.decode(encoding, "replace")
    warnings = marks_of(data, encoding)
    reader = _Reader(warnings)
    decoded = Decoded(("json",), warnings=tuple(warnings))
    try:
        value, end = reader.decoder.raw_decode(text, len(text) - len(text.lstrip(_SPACE)))
    except RecursionError:
        return replace(decoded, problem="Nested too deeply for a tree; shown as text.").showing(text)
    except json.JSONDecodeError as error:
        at = _offset(text, error.pos, data, encoding)
        return replace(decoded, problem=_fault(error.msg, at, len(data), total)).showing(text)
    rest = text[end:].lstrip(_SPACE)
    return _pretty(
        replace(
            decoded,
            tree=plain_tree(value),
            warnings=tuple(warnings[:_MOST_WARNINGS]),
            problem=_bad_encoding(text, data, encoding),
            trailing=len(data) - _offset(text, len(text) - len(rest), data, encoding) if rest else 0,
            content=value,
        ),
        value,
    )


def show_value(value: object) -> Decoded:
    """A part of a JSON value that was read before, as if it were a value of its own."""
    return _pretty(Decoded(("json",), tree=plain_tree(value), content=value), value)


def _fault(reason: str, at: int, length: int, total: int) -> str:
    if length < total:
        return f"Only the first {length:,} of {total:,} bytes were read; shown as text."
    return f"At byte {at:,}: {reason[:1].lower()}{reason[1:]}."


class _Reader:
    """A decoder that converts nothing, and the warnings it collects."""

    def __init__(self, warnings: list[str]) -> None:
        self._warnings = warnings
        self.decoder = json.JSONDecoder(
            object_pairs_hook=self._pairs, parse_float=Literal, parse_int=Literal, parse_constant=self._constant
        )

    def _pairs(self, pairs: list[tuple[str, object]]) -> Pairs:
        if len(self._warnings) < _MOST_WARNINGS and len({key for key, _ in pairs}) < len(pairs):
            self._warnings += doubles(pairs)
        return Pairs(pairs)

    def _constant(self, name: str) -> Literal:
        warning = f"{name} is no JSON."
        if warning not in self._warnings:
            self._warnings.append(warning)
        return Literal(name)


def _offset(text: str, position: int, data: bytes, encoding: str) -> int:
    """The byte of `data` where the character at `position` begins."""
    mark = 3 if encoding == "utf-8-sig" else 2 if data[:2] in (b"\xff\xfe", b"\xfe\xff") else 0
    if encoding == "utf-8":
        return len(text[:position].encode("utf-8", "replace"))
    same_width = _WITHOUT_MARK.get(encoding, encoding)
    return mark + len(text[:position].encode(same_width, "replace"))


def _bad_encoding(text: str, data: bytes, encoding: str) -> str:
    if "\ufffd" in text:
        try:
            data.decode(encoding)
        except UnicodeDecodeError as error:
            return f"At byte {error.start:,}: no {encoding.upper()}."
    return ""


def _pretty(decoded: Decoded, value: object) -> Decoded:
    """With the value written with two spaces a level."""
    parts: list[str] = []
    length = 0
    for part in _written(value):
        if length < LONGEST_TEXT:
            parts.append(part)
        length += len(part)
    return decoded.showing("".join(parts), length)


def _written(value: object) -> Iterator[str]:
    """The parts of the text. Without recursion: each part would cross all the levels above it."""
    opened: list[tuple[Iterator[tuple[str, object]], str]] = []
    before, part = "", value
    while True:
        if isinstance(part, list) and part:
            start, end = "{}" if isinstance(part, Pairs) else "[]"
            yield before + start
            opened.append((_members(part, "\n" + "  " * (len(opened) + 1)), end))
        else:
            yield before + _scalar(part)
        while opened and (found := next(opened[-1][0], None)) is None:
            _, end = opened.pop()
            yield "\n" + "  " * len(opened) + end
        if not opened:
            return
        assert found is not None
        before, part = found


def _members(container: list[object], line: str) -> Iterator[tuple[str, object]]:
    """What stands before each member on its line, and the member."""
    for number, item in enumerate(container):
        before = f"{',' if number else ''}{line}"
        if isinstance(container, Pairs):
            key, member = container[number]
            yield f"{before}{encode_basestring(str(key))}: ", member
        else:
            yield before, item


def _scalar(value: object) -> str:
    if isinstance(value, list):
        return "{}" if isinstance(value, Pairs) else "[]"
    if isinstance(value, Literal):
        return str(value)
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _foreign(value)


def _foreign(value: object) -> str:
    """What JSON does not have or writes otherwise, from a format that is read like it: msgpack."""
    if isinstance(value, int | float):
        return repr(value)
    return encode_basestring(f"{len(value):,} bytes" if isinstance(value, bytes) else type(value).__name__.lower())
