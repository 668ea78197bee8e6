"""What facets and chips do to the text of an expression."""

import pytest

from cache_studio.gui.conditions import (
    CHIPS,
    chosen_in,
    group_part,
    lifetime_terms,
    namespace_terms,
    parts_of,
    tag_terms,
    with_chosen,
)
from cache_studio.gui.filter_bar import colour_spans
from cache_studio.model.selection import parse_selection

NAMES = ["tts", "image", "a:b", "a", "has space", "", 'quo"te']


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("", ()),
        ("ns:tts stale", ("ns:tts", "stale")),
        ("ns:tts and not tag:keep", ("ns:tts", "not tag:keep")),
        ('key:"two words" x', ('key:"two words"', "x")),
        ("(ns:a or ns:b) fresh", ("(ns:a or ns:b)", "fresh")),
        ("a or b", ("a or b",)),
        ('tag:"a \\" or b" c', ('tag:"a \\" or b"', "c")),
        ('"not closed', ('"not closed',)),
    ],
)
def test_an_expression_is_cut_at_its_top_level(expression: str, parts: tuple[str, ...]) -> None:
    assert parts_of(expression).texts == parts


def test_adding_to_an_or_keeps_its_meaning() -> None:
    assert parts_of("a or b").plus("stale").expression == "(a or b) stale"


def test_adding_a_part_twice_changes_nothing() -> None:
    assert parts_of("stale x").plus("stale").expression == "stale x"


@pytest.mark.parametrize("chosen", [["tts"], ["tts", "image"], ["has space", "a", ""], [], ['quo"te']])
def test_a_choice_is_written_and_read_back(chosen: list[str]) -> None:
    terms = namespace_terms(NAMES)
    expression = with_chosen("size>100kb words", terms, chosen)
    parse_selection(expression)
    assert chosen_in(expression, terms) == frozenset(chosen)
    assert expression.startswith("size>100kb words")


def test_a_choice_replaces_the_one_before_in_its_place() -> None:
    terms = namespace_terms(NAMES)
    once = with_chosen("stale", terms, ["tts"])
    assert with_chosen(once + " x", terms, ["image", "tts"]) == "stale (ns:tts or ns:image) x"
    assert with_chosen(once + " x", terms, []) == "stale x"


def test_a_namespace_above_others_is_chosen_alone() -> None:
    assert namespace_terms(NAMES)["a"] == "ns=a"
    assert namespace_terms(NAMES)["tts"] == "ns:tts"


def test_groups_do_not_take_parts_of_each_other() -> None:
    expression = "ns:tts stale tag:en"
    assert group_part(expression, namespace_terms(NAMES)) == "ns:tts"
    assert group_part(expression, lifetime_terms()) == "stale"
    assert group_part(expression, tag_terms(["en"])) == "tag:en"
    assert group_part("not stale", lifetime_terms()) == ""


@pytest.mark.parametrize("chip", CHIPS)
def test_every_chip_is_an_expression(chip: str) -> None:
    parse_selection(chip)


def test_fields_and_flags_are_coloured() -> None:
    assert colour_spans("ns:tts stale size>1kb") == [(0, 3, "accent"), (7, 12, "stale"), (13, 18, "accent")]
    assert colour_spans("nostale ans:x") == []


def test_a_condition_is_exact_where_another_name_begins_alike_whatever_its_case() -> None:
    names = ["", "b", "B", "c", "cd", "CDE", "d.e", "e"]
    below = {name for name in names if any(o != name and o.lower().startswith(name.lower()) for o in names)}
    terms = namespace_terms(names)
    assert {name for name, term in terms.items() if term.startswith("ns=")} == below - {""}


def test_conditions_of_many_namespaces_do_not_take_the_square_of_their_number() -> None:
    names = [f"n{number:06}" for number in range(100_000)]  # each compared with each it would take an hour
    assert namespace_terms(names)["n000001"] == "ns:n000001"
