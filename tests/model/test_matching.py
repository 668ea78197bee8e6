import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views import INF, NAN, NOW, view_of

from cache_studio.model.errors import Cancelled, SelectionError
from cache_studio.model.matching import match, text_tester
from cache_studio.model.selection import AllOf, AnyOf, Compare, Flag, Not, parse_selection


@pytest.fixture
def view():
    return view_of(
        {"key": "Alpha", "ns": "image", "type": "png", "size": 2_000, "created": NOW - 60, "expires": NOW + 60,
         "accessed": NOW - 60, "hits": 0, "tags": ["en", "model:gpt-4"]},
        {"key": "beta", "ns": "image:small", "type": "png", "size": 500, "created": NOW - 7200, "expires": NOW,
         "accessed": NOW - 10, "hits": 4},
        {"key": "gamma", "ns": "images", "expires": INF, "problem": "not readable"},
        {"key": "delta", "size": NAN},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "keys"),
    [
        ("", ["Alpha", "beta", "gamma", "delta"]),
        ("a", ["Alpha", "beta", "gamma", "delta"]),
        ("A", ["Alpha"]),
        ("key=beta", ["beta"]),
        ("key!=beta", ["Alpha", "gamma", "delta"]),
        ("key~^[ab]", ["beta"]),
        ("stale", ["beta"]),
        ("fresh", ["Alpha"]),
        ("forever", ["gamma"]),
        ("not stale", ["Alpha", "gamma"]),
        ("ttl>1s", ["Alpha", "gamma"]),
        ("ttl<=0", ["beta"]),
        ("unread", ["Alpha"]),
        ("not unread", ["beta"]),
        ("hits>0", ["beta"]),
        ("not hits>0", ["Alpha"]),
        ("size>=500 size<1kb", ["beta"]),
        ("age>1h", ["beta"]),
        ("idle<30s", ["beta"]),
        ("ns:image", ["Alpha", "beta"]),
        ("ns=image", ["Alpha"]),
        ("type:png", ["Alpha", "beta"]),
        ("not type:png", []),
        ("tag:model:gpt-4", ["Alpha"]),
        ("not tag:en", ["beta", "gamma", "delta"]),
        ("tag!=en", ["beta", "gamma", "delta"]),
        ("problem~.", ["gamma"]),
        ("stale or forever", ["beta", "gamma"]),
        ("value:x", []),
    ],
)
def test_selects_what_is_certainly_so(view, expression, keys):
    matched = match(parse_selection(expression), view, NOW)
    assert [view.keys[row] for row in matched.true.nonzero()[0]] == keys


def test_names_what_is_not_recorded(view):
    assert match(parse_selection("idle>7d"), view, NOW).left_out == {"last access": 2}
    assert match(parse_selection("key=beta idle>7d"), view, NOW).left_out == {}


def test_tags_that_are_not_recorded_decide_nothing():
    view = view_of({"key": "a"}, tags_recorded=False)
    for expression in ("tag:x", "not tag:x", "tag!=x"):
        matched = match(parse_selection(expression), view, NOW)
        assert not matched.true.any()
        assert matched.left_out == {"tags": 1}


def test_stops_when_asked(view):
    with pytest.raises(Cancelled):
        match(parse_selection("a"), view, NOW, stop=lambda: True)


def test_a_pattern_without_end_is_refused():
    view = view_of({"key": "a" * 5_000 + "!"})
    with pytest.raises(SelectionError, match="too long"):
        match(parse_selection("key~^(a|aa)+$"), view, NOW)


figure = st.one_of(st.just(NAN), st.floats(-100, 100), st.just(INF))
leaves = st.one_of(
    st.sampled_from([Flag("stale"), Flag("fresh"), Flag("forever"), Flag("unread")]),
    st.builds(lambda operator, number: Compare("hits", operator, "", number), st.sampled_from(["<", ">="]), figure),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(AllOf, st.tuples(inner, inner)),
        st.builds(AnyOf, st.tuples(inner, inner)),
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(trees, st.lists(st.tuples(figure, figure), min_size=1, max_size=5))
def test_a_tree_and_its_opposite_never_both_hold(tree, rows):
    view = view_of(*({"key": "k", "expires": NOW + expires, "hits": hits} for expires, hits in rows))
    yes, no = match(tree, view, NOW), match(Not(tree), view, NOW)
    assert not (yes.true & no.true).any()
    assert (yes.true | no.true | yes.unknown).all()
    assert (yes.unknown == no.unknown).all()
    assert not (yes.true & yes.unknown).any()


piece = st.text(alphabet="aBσΣςİß\n:", max_size=4)


@given(st.lists(st.text(alphabet="abAB\nσΣςİIß:", max_size=6), min_size=1, max_size=120), piece)
@settings(deadline=None)
def test_texts_together_are_found_as_one_by_one(keys, wanted):
    term = Compare("key", ":", wanted)
    one = text_tester(term)
    found = match(term, view_of(*({"key": key} for key in keys)), NOW).true
    assert found.tolist() == [bool(one(key)) for key in keys]
