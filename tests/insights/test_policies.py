import pytest
from views import NAN, NOW, view_of

from cache_studio.insights.policies import POLICIES, eviction_order
from cache_studio.model.errors import BadRequest, UnsupportedAction


@pytest.fixture
def view():
    return view_of(
        {"key": "old", "created": NOW - 900, "accessed": NOW - 10, "hits": 5, "size": 10, "expires": NOW + 5},
        {"key": "idle", "created": NOW - 500, "accessed": NOW - 400, "hits": 5, "size": 5000, "expires": NOW + 5},
        {"key": "stale", "created": NOW - 100, "accessed": NOW - 50, "hits": 9, "size": 300, "expires": NOW - 1},
        {"key": "plain", "created": NAN, "accessed": NAN, "hits": NAN, "size": NAN},
    )


def order_of(policy, view):
    order = eviction_order(policy, view, NOW)
    return [view.keys[row] for row in order.rows], order.note


@pytest.mark.parametrize(
    ("policy", "keys"),
    [
        ("lru", ["idle", "stale", "old", "plain"]),
        ("lfu", ["idle", "old", "stale", "plain"]),
        ("fifo", ["old", "idle", "stale", "plain"]),
        ("ttl", ["stale", "idle", "old", "plain"]),
        ("size", ["idle", "stale", "old", "plain"]),
        ("intelligent", ["idle", "old", "stale", "plain"]),
    ],
)
def test_goes_in_the_order_of_the_policy(view, policy, keys):
    assert order_of(policy, view) == (keys, "")


@pytest.mark.parametrize("policy", ["lru", "ttl"])
def test_falls_back_to_creation_and_says_so(policy):
    view = view_of({"key": "new", "created": NOW - 1}, {"key": "old", "created": NOW - 9})
    keys, note = order_of(policy, view)
    assert keys == ["old", "new"]
    assert "Last access is not recorded" in note


@pytest.mark.parametrize("policy", POLICIES)
def test_refuses_where_nothing_is_recorded(policy):
    with pytest.raises(UnsupportedAction) as caught:
        eviction_order(policy, view_of({"key": "a"}, {"key": "b"}), NOW)
    assert caught.value.hint


def test_a_score_without_sizes_and_hits_goes_by_recency_and_says_so():
    view = view_of({"key": "a", "accessed": NOW - 1}, {"key": "b", "accessed": NOW - 90_000})
    keys, note = order_of("intelligent", view)
    assert keys == ["b", "a"]
    for missing in ("Hits", "Sizes", "Creation times"):
        assert missing in note


@pytest.mark.parametrize("policy", POLICIES)
def test_an_empty_cache_has_an_empty_order(policy):
    assert order_of(policy, view_of()) == ([], "")


def test_an_unknown_policy_is_refused_with_the_known_ones():
    with pytest.raises(BadRequest) as caught:
        eviction_order("random", view_of(), NOW)
    assert "lru" in caught.value.hint
