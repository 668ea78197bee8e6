"""The entries in the head of a JSON document, quickly: the standard library's decoder, entry by entry.

A walk over folders looks at thousands of files that are no cache, so it must not follow strings and brackets in
Python. What this reader is not made for (bytes that are no UTF-8, escapes in keys, values that no decoder takes) it
leaves to the exact one, `json_spans.JsonWalk`: where both read a document, they read the same.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"
_SPACE = re.compile(r"[ \t\r\n]*")
_KEY = re.compile(r'"([^"\\\x00-\x1f]*)"[ \t\r\n]*:[ \t\r\n]*')
_CUT = re.compile(r'(?:(?<=\{)|[ \t\r\n]*,)[ \t\r\n]*"([^"\\\x00-\x1f]*)":[ \t\r\n]*(?=[{\[])')
_AFTER_SCALAR = frozenset(" \t\r\n,]}")
_KINDS = {"{": "object", "[": "list"}
_decode = json.JSONDecoder().raw_decode


class Odd(Exception):
    """This document is for the exact reader."""


class HeadMember(NamedTuple):
    """One whole entry; `start` and `end` are where its value lies in the text."""

    key: str | None
    value: object
    start: int
    end: int


def head_text(head: bytes) -> str:
    """The head as text, without a character that its end cuts. Odd where it is no UTF-8."""
    try:
        return codecs.utf_8_decode(head.removeprefix(_BOM), "strict", False)[0]
    except UnicodeDecodeError:
        raise Odd from None


def container_kind(text: str, at: int = 0) -> str:
    """ "object" or "list" for what begins at or behind `at`, "" for anything else."""
    begin = _after_space(text, at)
    return _KINDS.get(text[begin : begin + 1], "")


def head_members(text: str, at: int = 0) -> Iterator[HeadMember]:
    """The entries of the container at `at`, up to the first that is broken or cut. Odd for what is not read here."""
    begin = _after_space(text, at)
    keyed = text[begin] == "{"
    at = begin
    while True:
        at, key = _after_space(text, at + 1), None
        if keyed:
            found = _KEY.match(text, at)
            if found is None:
                if "\\" in text[at:]:
                    raise Odd  # an escape in a key
                return
            at, key = found.end(), found[1]
        member = _member(text, key, at)
        if member is None:
            return
        yield member
        at = _after_space(text, member.end)
        if text[at : at + 1] != ",":
            return


def cut_member(text: str, at: int) -> tuple[str, int] | None:
    """Name and place of a container that is the member behind `at` and that the head does not hold whole."""
    found = _CUT.match(text, at)
    return (found[1], found.end()) if found else None


def _member(text: str, key: str | None, at: int) -> HeadMember | None:
    try:
        value, end = _decode(text, at)
    except json.JSONDecodeError:
        return None
    except (ValueError, RecursionError):
        raise Odd from None
    # A number at the very end may be cut.
    scalar = not isinstance(value, str | dict | list)
    return None if scalar and text[end : end + 1] not in _AFTER_SCALAR else HeadMember(key, value, at, end)


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
