import pytest
from views import INF, NAN, NOW, view_of

from cache_studio.model import statistics
from cache_studio.model.statistics import EXPIRY_EDGES, by_namespace, by_tag, by_type, expiry_histogram, total


@pytest.fixture
def view():
    return view_of(
        {"key": "a", "ns": "x", "type": "png", "size": 10, "expires": NOW - 5, "tags": ["t", "u"]},
        {"key": "b", "ns": "x", "type": "png", "size": 20, "expires": NOW + 30, "tags": ["t"]},
        {"key": "c", "ns": "y", "size": 100, "expires": INF},
        {"key": "d", "expires": NAN, "problem": "broken"},
    )


def test_the_four_states_add_up(view):
    found = total(view, NOW)
    assert (found.entries, found.fresh, found.stale, found.forever, found.unknown) == (4, 1, 1, 1, 1)
    assert (found.size, found.stale_size, found.sizes_unknown, found.problems) == (130, 10, 1, 1)


def test_an_entry_is_stale_from_the_moment_on():
    view = view_of({"key": "a", "expires": NOW})
    assert [total(view, moment).stale for moment in (NOW - 1, NOW, NOW + 1)] == [0, 1, 1]


def test_totals_of_a_part(view):
    assert total(view, NOW, view.numbers["size"] > 15).entries == 2


def test_groups_by_size_with_their_stale_ones(view):
    groups = by_namespace(view, NOW)
    assert [(group.name, group.entries, group.known_size, group.stale) for group in groups] == [
        ("y", 1, 100, 0), ("x", 2, 30, 1), ("", 1, None, 0),
    ]  # fmt: skip
    assert [(group.name, group.entries) for group in by_type(view, NOW)] == [("", 2), ("png", 2)]


def test_groups_are_the_same_however_many_entries_are_added_up_at_once(monkeypatch):
    rows = [
        {"key": str(at), "ns": f"n{at % 3}", "size": NAN if at % 5 == 0 else at, "expires": NOW - 1 + at % 2}
        for at in range(40)
    ]
    view = view_of(*rows)
    whole = by_namespace(view, NOW)
    assert sum(group.entries for group in whole) == len(rows)
    monkeypatch.setattr(statistics, "_STEP", 7)
    assert by_namespace(view, NOW) == whole


def test_an_entry_counts_under_each_of_its_tags(view):
    assert [(group.name, group.entries, group.size, group.stale) for group in by_tag(view, NOW)] == [
        ("t", 2, 30, 1), ("u", 1, 10, 1),
    ]  # fmt: skip
    assert by_tag(view_of({"key": "a"}, tags_recorded=False), NOW) == []


def test_what_expires_when():
    lefts = [-1, 0, 1, 60, 61, EXPIRY_EDGES[-1] + 1, INF, NAN]
    bars = expiry_histogram(view_of(*({"key": "k", "expires": NOW + left} for left in lefts)), NOW)
    assert len(bars) == len(EXPIRY_EDGES) + 2
    assert (bars[0], bars[1], bars[2], bars[-1], sum(bars)) == (2, 2, 1, 1, 6)


def test_nothing_is_counted_in_an_empty_cache():
    view = view_of()
    found = total(view, NOW)
    assert (found.entries, found.known_size) == (0, 0)
    assert by_namespace(view, NOW) == []
    assert set(expiry_histogram(view, NOW)) == {0}
