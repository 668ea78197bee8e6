"""Globs of keys, with the rules of Redis, the same for every format."""

import re
from collections.abc import Callable
from functools import lru_cache


def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a whole key fits: `*` any text, `?` one character, `[ab]`, `[^a]`, `[a-z]` one of these, `\\` escapes.

    Never raises: a bracket that is not closed reaches to the end, as in Redis.
    """
    fits = _compiled(pattern).fullmatch
    return lambda key: fits(key) is not None


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "*":
            if parts[-1:] != [".*"]:
                parts.append(".*")
        elif sign == "?":
            parts.append(".")
        elif sign == "[":
            part, at = _one_of(pattern, at + 1)
            parts.append(part)
            continue
        else:
            if sign == "\\" and at + 1 < len(pattern):
                at += 1
                sign = pattern[at]
            parts.append(re.escape(sign))
        at += 1
    return re.compile("".join(parts), re.DOTALL)


def _one_of(pattern: str, at: int) -> tuple[str, int]:
    """A bracket that begins before `at`, as a regular expression, and where the pattern goes on."""
    without = pattern[at : at + 1] == "^"
    at += without
    choices: list[str] = []
    while at < len(pattern) and pattern[at] != "]":
        if pattern[at] == "\\" and at + 1 < len(pattern):
            at += 1
            choices.append(re.escape(pattern[at]))
            at += 1
        elif pattern[at + 1 : at + 2] == "-" and at + 2 < len(pattern):
            first, last = sorted((pattern[at], pattern[at + 2]))
            choices.append(f"{re.escape(first)}-{re.escape(last)}")
            at += 3
        else:
            choices.append(re.escape(pattern[at]))
            at += 1
    # An empty choice fits nothing, an empty exception anything.
    none = "." if without else r"(?!)"
    return (f"[{'^' if without else ''}{''.join(choices)}]" if choices else none), at + 1
