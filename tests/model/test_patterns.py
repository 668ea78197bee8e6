import pytest
import regex
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from cache_studio.model import patterns
from cache_studio.model.patterns import Pattern, over_lines

EXACT = [
    "^ab.*[0-9]f$", "beef", "a|b", "x*", "^", "$", "^$", ".", "", r"\bab\b", r"\D", r"\W+b", r"a\sb", r"[^ab]",
    "[^-a]b", "[^--a]", r"[^\s]", r"[^\D]", r"\Aab", r"b\Z", "(?i)AB", "(a)(b)?", "(?P<n>a)b", "(?=b)", "(?!b)",
    "a(?!b)", "(?<=b)", "(?<!b)", "(?<!b)$", "^(?!a)", "(?>a|ab)c", "a{2}", "a{1,}?b", "a*+b", r"\.",
    "a b", "[a-c]{2,3}$", "ü", r"\w\d",
]  # fmt: skip
DIFFERENT = [
    r"[\s]", r"a\nb", "a\nb", r"\x0a", r"\012", "(?s)a.b", "(?x)a b", "(?:ab){e<=1}", "[[:space:]]", "[[a]b]", r"(a)\1",
    r"\B", r"[\b-z]", "[]a]", "[\t-z]", "(?#x)a", "(?R)?a", "a(*FAIL)?", r"\R", r"\X", r"\p{L}", r"\P{L}", r"a\Kb",
    r"\G", "(?r)a", "(?<n>a)(?P=n)",
]  # fmt: skip

ODD_SIGNS = "ab.[]^-\\sdDWnAZ(){}?*+|:=!<>&~i0,#P\n"
signs = st.sampled_from("ab.-0F ü:\r\x0b\x1c\x85\u2028\ud8ff")
atoms = st.one_of(
    st.sampled_from(
        ["a", "b", "F", ".", "^", "$", "-", "ü", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\b", r"\A", r"\Z", r"\."]
    ),
    st.sampled_from(["[ab]", "[^ab]", "[^-a]", "[a-f-]", r"[^\w]", r"[^\S]", r"[\d.]", "[^^]", "[^F0-9]", "[ -~]"]),
)
written = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.tuples(inner, inner).map("|".join),
        st.tuples(st.sampled_from(["(", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"]), inner)
        .map("".join)
        .map("{})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "+?", "*+", "{2}", "{1,2}", "{,2}?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("pattern", EXACT)
def test_common_patterns_are_looked_for_in_many_at_once(pattern):
    assert over_lines(pattern) is not None
    texts = ["", "ab", "abc", "cab", "b", "xa b.", "AB", "-", "ü-", "aab12f", "ab3f", "", "beef", "a\rb", ""]
    assert Pattern(pattern).among(texts).tolist() == _one_by_one(pattern, texts)


@pytest.mark.parametrize("pattern", DIFFERENT)
def test_what_could_take_a_line_end_is_looked_for_in_one_after_another(pattern):
    assert over_lines(pattern) is None


@settings(deadline=None, max_examples=400)
@given(written, st.booleans(), st.lists(st.text(signs, max_size=6), min_size=1, max_size=6))
@example("(?!b)", False, ["b", "", "b"])
@example("a?$", True, ["", "A", ""])
def test_many_at_once_are_as_each_alone(pattern, any_case, texts):
    pattern = "(?i)" * any_case + pattern
    assume(_readable(pattern))
    assert over_lines(pattern) is not None
    assert Pattern(pattern).among(texts).tolist() == _one_by_one(pattern, texts)


@settings(deadline=None, max_examples=400)
@given(
    st.text(st.sampled_from(ODD_SIGNS), max_size=8),
    st.lists(st.text(signs, max_size=4), min_size=1),
)
def test_whatever_is_read_as_a_pattern_finds_the_same(pattern, texts):
    assume(_readable(pattern))
    assert Pattern(pattern).among(texts).tolist() == _one_by_one(pattern, texts)


@pytest.mark.parametrize("texts", [["a\nb", "b", "ab"], ["\n"], ["b\n", "a"]])
def test_texts_with_line_ends_are_looked_at_alone(texts):
    assert Pattern("^b|a$").among(texts).tolist() == _one_by_one("^b|a$", texts)


def test_long_texts_are_not_copied_together(monkeypatch):
    monkeypatch.setattr(patterns, "JOINED_CHARACTERS", 3)
    monkeypatch.setattr(patterns, "_lines", None)
    assert Pattern("b").among(["aa", "ab"]).tolist() == [False, True]


def test_what_takes_long_together_is_looked_at_alone(monkeypatch):
    monkeypatch.setattr(patterns, "JOINED_SECONDS", 1e-9)
    texts = ["a" * 20 + "b", "a" * 20] * 50
    pattern = Pattern("(a|aa)+$")
    assert pattern.among(texts).tolist() == [False, True] * 50
    assert pattern.among(texts[1:]).tolist() == [True, *[False, True] * 49]


def _one_by_one(pattern: str, texts: list[str]) -> list[bool]:
    return [regex.search(pattern, text) is not None for text in texts]


def _readable(pattern: str) -> bool:
    try:
        regex.compile(pattern)
    except regex.error:
        return False
    return True
