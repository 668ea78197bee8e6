"""Regular expressions over many texts: a part of them in one search where that is exact, else one by one."""

import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cache_studio.model.errors import SelectionError

PATTERN_SECONDS = 1.0
"""Longest time for a pattern on one text; a pattern that needs more is refused."""
JOINED_SECONDS = 0.1
"""Longest time for one search of many texts, in which no question whether to stop is asked."""
JOINED_CHARACTERS = 1_000_000
"""Of longer texts than that together no joined copy is made: one by one costs them little more."""
_Found: TypeAlias = NDArray[np.bool_]

_PUNCTUATION = r"\\[!-/:-@\[-`{-~]"
_IN_A_SET = rf"[^\[\]\\\x00-\n]|{_PUNCTUATION}"
_PARTS = re.compile(
    rf"(?P<but>\[\^(?P<these>(?:{_IN_A_SET}|\\[dwsDWS])+)\])"
    r"|(?P<class>\\[DWsAZ])"
    rf"|\[(?!\^)(?:{_IN_A_SET}|\\[dwS])+\]"
    rf"|\\[dwSb]|{_PUNCTUATION}"
    r"|\((?![?*])|\(\?(?:[:=!>]|<[=!]|P?<[A-Za-z_]\w*>)"
    r"|\{\d*,?\d*\}"
    r"|[^\\\[({\x00-\n]"
)
"""What a pattern may consist of to be looked for in many lines at once: nothing here can take a line end, or is
written anew so that it cannot."""
_WITHIN_A_LINE = {r"\D": r"[^\d\n]", r"\W": r"[^\w\n]", r"\s": r"[^\S\n]", r"\A": "^", r"\Z": "$"}
_ANY_CASE = "(?i)"


class Pattern:
    """A regular expression that is looked for in texts.

    Its searches give up the interpreter. SelectionError for a text that takes longer than PATTERN_SECONDS.
    """

    def __init__(self, pattern: str) -> None:
        import regex  # gives up the interpreter while it searches and has a time limit; `re` has neither

        self._alone = regex.compile(pattern)
        lines = over_lines(pattern)
        self._joined = None if lines is None else regex.compile(lines, regex.MULTILINE)

    def fits(self, text: str) -> bool:
        """Whether it is found anywhere in `text`."""
        try:
            return self._alone.search(text, concurrent=True, timeout=PATTERN_SECONDS) is not None
        except TimeoutError:
            raise SelectionError("The pattern takes too long on one of the keys.", "Write a simpler pattern.") from None

    def among(self, texts: Sequence[str]) -> _Found:
        """In which of some texts it is found: as `fits` says of each, in a tenth of the time where few fit.

        A pattern that takes long is looked for in one text after another from then on.
        """
        if self._joined is not None and sum(map(len, texts)) <= JOINED_CHARACTERS:
            joined = "\n".join(texts)
            if joined.count("\n") == len(texts) - 1:
                try:
                    hits = self._joined.finditer(joined, concurrent=True, timeout=JOINED_SECONDS)
                    return _lines(joined, len(texts), (hit.start() for hit in hits))
                except TimeoutError:
                    self._joined = None
        return np.fromiter(map(self.fits, texts), np.bool_, len(texts))


def _lines(joined: str, count: int, places: Iterable[int]) -> _Found:
    """Which of `count` lines have one of these places, which rise."""
    found = np.zeros(count, np.bool_)
    line = last = 0
    for place in places:
        line += joined.count("\n", last, place)
        found[line] = True
        last = place
    return found


def over_lines(pattern: str) -> str | None:
    """A pattern for `regex.MULTILINE` that hits the lines in which `pattern` is found; None if it may find others.

    It finds the same because no part of it can take a line end: to everything that does not, a line end
    is as the end of the text, and `^` and `$` hold there, too. A hit takes the rest of its line, so that no
    line is hit often. A pattern with any part that is not known to be so is None: other flags,
    references, named classes, fuzzy counts, control characters.
    """
    case = _ANY_CASE if pattern.startswith(_ANY_CASE) else ""
    at = len(case)
    written: list[str] = []
    while at < len(pattern):
        part = _PARTS.match(pattern, at)
        if part is None:
            return None
        written.append(_within_a_line(part))
        at = part.end()
    return f"{case}(?:{''.join(written)}).*+\\n?"


def _within_a_line(part: re.Match[str]) -> str:
    if part["but"]:
        these = part["these"]
        # Behind another sign a hyphen would make a range.
        return rf"[^\n{chr(92) if these[0] == '-' else ''}{these}]"
    return _WITHIN_A_LINE[part["class"]] if part["class"] else part[0]
