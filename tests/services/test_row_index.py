"""The index of a catalog is a dictionary, whatever is asked of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_studio.services import row_index
from cache_studio.services.row_index import RowIndex, repeated

ids = st.recursive(st.text() | st.integers() | st.binary(), lambda inner: st.tuples(inner, inner), max_leaves=3)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(row_index, "PART", 7)


@given(st.lists(st.tuples(st.lists(ids, max_size=20, unique=True), st.lists(ids, max_size=5)), max_size=5), ids)
def test_answers_as_one_dictionary_would(steps, other):
    index, model, numbered = RowIndex(), {}, 0
    for added, gone in steps:
        before = {entry_id: model[entry_id] for entry_id in added if entry_id in model}
        index.number(added, numbered)
        model |= {entry_id: row for row, entry_id in enumerate(added, numbered)}
        assert [index[entry_id] for entry_id in added] == [model[entry_id] for entry_id in added]
        index.drop(before, before.values())
        numbered += len(added)
        removed = {entry_id: model.pop(entry_id) for entry_id in dict.fromkeys(gone) if entry_id in model}
        index.drop(removed, removed.values())
    assert dict(index) == model
    assert len(index) == len(model)
    asked = [*model, other]
    assert index.rows_of(asked) == [model.get(entry_id, -1) for entry_id in asked]
    assert [index.get(entry_id) for entry_id in asked] == [model.get(entry_id) for entry_id in asked]
    assert [entry_id in index for entry_id in asked] == [entry_id in model for entry_id in asked]


def test_what_is_not_known_has_no_row():
    with pytest.raises(KeyError):
        RowIndex()["a"]


@given(st.lists(st.sampled_from(["a", "b", 0, False, -1, -2, (1, "a"), b"", ""])))
def test_repeated_places_are_those_with_the_same_id_further_on(listed):
    # -1 and -2 have the same hash, and 0 is False.
    assert sorted(repeated(listed)) == [at for at, entry_id in enumerate(listed) if entry_id in listed[at + 1 :]]


def test_many_ids_are_looked_at_in_steps_between_which_others_pass(monkeypatch):
    passed = []
    monkeypatch.setattr(row_index.precedence, "let_pass", lambda: passed.append(1))
    assert repeated([*range(100_000), 5]) == [5]
    assert len(passed) >= 5
