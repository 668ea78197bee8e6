"""Word sets and the index: what is a word, and always the answer of a comparison with every set."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache_studio.insights import similarity
from cache_studio.insights.similarity import SimilarityIndex, jaccard, word_set
from cache_studio.model.errors import BadRequest

WORDS = [f"w{number}" for number in range(12)]
SETS = st.frozensets(st.sampled_from(WORDS), max_size=9)
THRESHOLDS = st.one_of(st.sampled_from([0.5, 0.6, 2 / 3, 0.75, 0.8, 0.85, 1.0]), st.floats(0.01, 1.0))
STEPS = st.lists(st.tuples(st.integers(0, 40), st.one_of(st.none(), SETS)), max_size=60)


def scan(known: dict[int, frozenset[str]], words: frozenset[str], threshold: float) -> tuple[int, float] | None:
    """The most similar by comparing with all; of equals the first."""
    scored = [(id, jaccard(words, other)) for id, other in known.items()]
    enough = [pair for pair in scored if pair[1] >= threshold]
    return max(enough, key=lambda pair: pair[1], default=None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A Cat, a CAT; and (a) dog.", {"a", "cat", "and", "dog"}),
        ("STRASSE Straße", {"strasse"}),
        ("C++ costs -5 or 3.5", {"c++", "costs", "-5", "or", "3.5"}),
        ("ｆｕｌｌ\u3000ﬁll\u00a0caf\u0065\u0301", {"full", "fill", "café"}),
        ("... !? “”", set()),
        ("", set()),
        ("a\udcff b\0", {"a\udcff", "b\0"}),
    ],
)
def test_words(text, words):
    assert word_set(text) == words


@pytest.mark.parametrize(
    ("one", "other", "expected"), [("a b c", "b c d", 0.5), ("a", "b", 0), ("", "", 0), ("a", "A!", 1)]
)
def test_jaccard(one, other, expected):
    assert jaccard(word_set(one), word_set(other)) == expected


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch):
    """Few sets are many here, so that a small corpus has words of both kinds and is laid out anew at times."""
    monkeypatch.setattr(similarity, "DENSE_LEAST", 4)
    monkeypatch.setattr(similarity, "DENSE_SHARE", 8)
    monkeypatch.setattr(similarity, "MOST_DEAD", 5)


@settings(deadline=None)
@given(STEPS, st.lists(st.tuples(SETS, THRESHOLDS), min_size=1, max_size=10))
def test_equals_a_scan(steps, queries):
    index: SimilarityIndex[int] = SimilarityIndex()
    known: dict[int, frozenset[str]] = {}
    for id, words in steps:
        was_there = known.pop(id, None) is not None
        if words is None:
            assert index.remove(id) == was_there
        else:
            known[id] = words
            index.add(id, words)
        for query, threshold in queries[:1]:
            assert index.nearest(query, threshold) == scan(known, query, threshold)
    assert len(index) == len(known)
    for query, threshold in queries:
        assert index.nearest(query, threshold) == scan(known, query, threshold)


@settings(deadline=None, max_examples=60)
@given(st.lists(SETS, min_size=20, max_size=80), SETS, st.integers(1, 9), THRESHOLDS)
def test_equals_a_scan_where_all_share_a_template(variables, query, length, threshold):
    template = frozenset(f"template{number}" for number in range(length))
    index: SimilarityIndex[int] = SimilarityIndex()
    for id, words in enumerate(variables):
        index.add(id, template | words)
    known = {id: template | words for id, words in enumerate(variables)}
    assert index.nearest(template | query, threshold) == scan(known, template | query, threshold)
    assert index.nearest(query, threshold) == scan(known, query, threshold)


def test_of_equals_the_oldest_and_a_replaced_one_is_the_newest():
    index: SimilarityIndex[str] = SimilarityIndex()
    for id in "abc":
        index.add(id, {"same", "words"})
    assert index.nearest({"same", "words"}, 0.85) == ("a", 1.0)
    index.add("a", {"same", "words"})
    assert index.nearest({"same", "words"}, 0.85) == ("b", 1.0)
    assert "a" in index
    assert index.remove("b")
    assert "b" not in index
    assert index.nearest({"same", "words"}, 0.85) == ("c", 1.0)


def test_a_similarity_equal_to_the_threshold_is_enough():
    index: SimilarityIndex[str] = SimilarityIndex()
    words = {str(number) for number in range(20)}
    index.add("a", words)
    nineteen = words - {"0", "1", "2"}
    assert index.nearest(nineteen, 17 / 20) == ("a", 0.85)
    assert index.nearest(nineteen - {"3"}, 0.85) is None


@pytest.mark.parametrize("threshold", [0, -1, 1.01, float("nan")])
def test_a_threshold_that_is_none(threshold):
    with pytest.raises(BadRequest):
        SimilarityIndex[str]().nearest({"a"}, threshold)
