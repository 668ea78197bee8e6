import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from views import NAN, NOW, view_of

from cache_studio.model.errors import BadRequest, Cancelled
from cache_studio.services.ordering import SORT_COLUMNS, Sort, ordered, parse_sort


@pytest.fixture
def view():
    return view_of(
        {"key": "b", "ns": "y", "type": "png", "size": 5, "created": NOW - 9, "tags": ["t"], "hits": 2},
        {"key": "a", "ns": "x", "type": "", "size": NAN, "created": NOW - 1, "tags": ["s"]},
        {"key": "ä", "ns": "x", "type": "jpg", "size": 7, "created": NOW - 5, "tags": [], "hits": 1},
    )


@pytest.mark.parametrize(
    ("sort", "keys"),
    [
        ("key", "abä"), ("-key", "äba"), ("size", "bäa"), ("-size", "äba"), ("age", "aäb"), ("-age", "bäa"),
        ("created_at", "bäa"), ("namespace", "aäb"), ("-namespace", "baä"), ("type", "äba"), ("-type", "bäa"),
        ("tags", "äab"), ("hits", "äba"), ("-hits", "bäa"), ("ttl", "baä"),
    ],
)  # fmt: skip
def test_orders_with_what_is_not_recorded_last(view, sort, keys):
    assert "".join(view.keys[row] for row in ordered(view, view.alive, parse_sort(sort))) == keys


def test_long_and_hostile_keys_are_in_order_too():
    keys = ["k" * 70 + "b", "k" * 70 + "a", "k" * 70, "\ud800", "\udcff", "a\0", "a"]
    view = view_of(*({"key": key} for key in keys))
    found = [view.keys[row] for row in ordered(view, view.alive, Sort())]
    assert found[:2] == ["a", "a\0"]
    assert found[2:5] == ["k" * 70, "k" * 70 + "a", "k" * 70 + "b"]
    assert sorted(found) == sorted(keys)


@given(
    st.lists(
        st.text(st.sampled_from("aäb\0\ud800😀"), max_size=12) | st.just("same") | st.text(max_size=90),
        max_size=60,
    ),
    st.sampled_from(["", "app:cache:", "ü" * 40]),
)
def test_keys_are_in_the_order_of_their_text_and_equal_ones_in_that_of_the_listing(ends, prefix):
    keys = [prefix + end for end in ends]
    view = view_of(*({"key": key} for key in keys))
    found = ordered(view, view.alive, Sort()).tolist()
    assert sorted(found) == list(range(len(keys)))
    assert [keys[row] for row in found] == sorted(keys)
    for one, other in itertools.pairwise(found):
        assert keys[one] != keys[other] or one < other


def test_every_column_can_be_sorted_by(view):
    for column in SORT_COLUMNS:
        assert len(ordered(view, view.alive, Sort(column))) == 3
    with pytest.raises(BadRequest) as caught:
        parse_sort("-colour")
    assert "key" in caught.value.hint


def test_stops_when_asked(view):
    with pytest.raises(Cancelled):
        ordered(view, view.alive, Sort(), stop=lambda: True)
