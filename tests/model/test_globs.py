"""Globs have the rules of Redis."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import RedisServer

from cache_studio.model.globs import matcher

SIGNS = "ab-]^[*?\\"


def matches(pattern: str, text: str) -> bool:
    """The matcher of Redis, rule by rule."""
    while pattern:
        if pattern[0] == "*":
            return any(matches(pattern[1:], text[at:]) for at in range(len(text) + 1))
        if not text:
            return False
        if pattern[0] == "[":
            fits, pattern = one_of(pattern[1:], text[0])
            if not fits:
                return False
        else:
            if pattern[0] == "\\" and len(pattern) > 1:
                pattern = pattern[1:]
                if pattern[0] != text[0]:
                    return False
            elif pattern[0] not in ("?", text[0]):
                return False
            pattern = pattern[1:]
        text = text[1:]
    return not text


def one_of(rest: str, sign: str) -> tuple[bool, str]:
    without = rest.startswith("^")
    rest = rest[without:]
    found = False
    while rest and rest[0] != "]":
        if rest[0] == "\\" and len(rest) > 1:
            found |= rest[1] == sign
            rest = rest[2:]
        elif len(rest) >= 3 and rest[1] == "-":
            found |= min(rest[0], rest[2]) <= sign <= max(rest[0], rest[2])
            rest = rest[3:]
        else:
            found |= rest[0] == sign
            rest = rest[1:]
    return found != without, rest[1:]


@given(st.text(SIGNS, max_size=8), st.text("ab-]^", max_size=5))
@settings(max_examples=1000, deadline=None)
def test_is_what_the_rules_say(pattern: str, text: str) -> None:
    assert matcher(pattern)(text) == matches(pattern, text)


@given(st.text(max_size=20), st.text(max_size=20))
def test_never_raises(pattern: str, text: str) -> None:
    assert matcher(pattern)(text) in (True, False)


PATTERNS = [
    *("*", "a*", "?", "h[ae]llo", "h[^e]llo", "h[a-b]llo", "h[b-a]llo", "\\*", "[\\]]", "[a", "[]", "[^]", "[^"),
    *("\\", "a\\", "user:*:name", "[a-]", "[-a]", "**b", "*[ab]", "[]a]", "a.c", "a+", "(a)", "a|b", "^a", "a$"),
]
TEXTS = [
    *("a", "b", "ab", "hello", "hallo", "hbllo", "*", "]", "[", "\\", "a\\", "-", "user:1:name", "abc", "a.c", "aa"),
    *("(a)", "a|b", "^a", "a$", "^", "a]"),
]


@pytest.mark.redis
@pytest.mark.parametrize("pattern", PATTERNS)
def test_is_what_redis_does(redis_url: str, redis_server: RedisServer, pattern: str) -> None:
    import redis

    with redis.Redis.from_url(redis_url) as client:
        client.mset(dict.fromkeys(TEXTS, 1))
        found = {key.decode() for key in client.keys(pattern)}
    assert {text for text in TEXTS if matcher(pattern)(text)} == found
