import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache_studio.model.errors import SelectionError
from cache_studio.model.selection import (
    EVERYTHING,
    AllOf,
    AnyOf,
    Compare,
    Flag,
    Not,
    comparisons,
    parse_selection,
    quote,
)


def place_of_fault(expression):
    try:
        parse_selection(expression)
    except SelectionError as error:
        return error.start, error.end
    return None


def key(text: str) -> Compare:
    return Compare("key", ":", text)


@pytest.mark.parametrize(
    ("expression", "tree"),
    [
        ("", EVERYTHING),
        ("abc", key("abc")),
        ("user:42", key("user:42")),
        ("app:cache:ab", key("app:cache:ab")),
        ("tag:model:gpt-4", Compare("tag", ":", "model:gpt-4")),
        ("foo(bar)", key("foo(bar)")),
        ("stale", Flag("stale")),
        ('"stale"', key("stale")),
        ('key:"a b"', Compare("key", ":", "a b")),
        (r'"a \" b"', key('a " b')),
        ("not stale", Not(Flag("stale"))),
        ("a b or c", AnyOf((AllOf((key("a"), key("b"))), key("c")))),
        ("a and (b or c)", AllOf((key("a"), AnyOf((key("b"), key("c")))))),
        ("size>100kb", Compare("size", ">", "100kb", 100_000.0)),
        ("ttl<=1.5h", Compare("ttl", "<=", "1.5h", 5400.0)),
        ("hits:3", Compare("hits", "=", "3", 3.0)),
        ("ns!=tts", Compare("ns", "!=", "tts")),
    ],
)
def test_reads(expression, tree):
    assert parse_selection(expression) == tree


@pytest.mark.parametrize(
    ("expression", "start", "end"),
    [
        ("a or", 2, 4),
        ("or a", 0, 2),
        ("a or or b", 5, 7),
        ("(a or )", 3, 5),
        ("and a", 0, 3),
        ("not", 0, 3),
        ("a (b", 2, 3),
        ("a )", 2, 3),
        ("()", 0, 2),
        ("a size>xx", 2, 9),
        ("size~3", 0, 6),
        ("key<3", 0, 5),
        ("size>", 0, 5),
        ("key~[", 0, 5),
        ('a "b', 2, 4),
    ],
)
def test_says_where_it_is_wrong(expression, start, end):
    with pytest.raises(SelectionError) as caught:
        parse_selection(expression)
    assert (caught.value.start, caught.value.end) == (start, end)
    assert caught.value.hint


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused_with_a_place(text):
    place = place_of_fault(text)
    assert place is None or 0 <= place[0] <= place[1] <= len(text)


@settings(deadline=None)
@given(st.text(min_size=1))
def test_a_quoted_text_is_searched_literally(text):
    assert parse_selection(f"key={quote(text)}") == Compare("key", "=", text)


def test_comparisons_are_found_everywhere():
    tree = parse_selection("value:a not (ns:b or value~c)")
    assert [(term.field, term.text) for term in comparisons(tree)] == [("value", "a"), ("ns", "b"), ("value", "c")]
