"""Answers are gathered by id and given in the order that was asked for."""

from cache_studio.adapters.sqlite_answers import Answers
from cache_studio.model.seeing import Fate, Removal


def test_most_have_nothing_to_tell() -> None:
    answers = Answers()
    answers.add(iter(["a", "b"]), Fate.GONE)
    assert list(answers.of(["b", "a", "b"])) == [
        Removal("b", Fate.GONE),
        Removal("a", Fate.GONE),
        Removal("b", Fate.GONE),
    ]


def test_bytes_and_reasons_belong_to_their_entries() -> None:
    answers = Answers()
    answers.add(["a"], Fate.FAILED, "no room")
    answers.add(["b", "c"], Fate.REMOVED)
    answers.told["c"] = 7, "Its file stays."
    assert list(answers.of(["a", "b", "c"])) == [
        Removal("a", Fate.FAILED, reason="no room"),
        Removal("b", Fate.REMOVED),
        Removal("c", Fate.REMOVED, 7, "Its file stays."),
    ]
