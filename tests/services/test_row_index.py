"""The index of a catalog is a dictionary, whatever is asked of it."""

from hypothesis import given
from hypothesis import strategies as st

from cache_studio.services.row_index import RowIndex

ids = st.recursive(st.text() | st.integers() | st.binary(), lambda inner: st.tuples(inner, inner), max_leaves=3)


@given(st.lists(st.tuples(st.lists(ids, max_size=20), st.lists(ids, max_size=5)), max_size=5), ids)
def test_answers_as_one_dictionary_would(steps, other):
    index, model = RowIndex(), {}
    for added, gone in steps:
        index.number(added, len(model))
        model |= {entry_id: row for row, entry_id in enumerate(added, len(model))}
        for entry_id in gone:
            if entry_id in model:
                index.forget([entry_id])
                del model[entry_id]
    assert dict(index) == model
    assert len(index) == len(model)
    asked = [*model, other]
    assert index.rows_of(asked) == [model.get(entry_id, -1) for entry_id in asked]
    assert [index.get(entry_id) for entry_id in asked] == [model.get(entry_id) for entry_id in asked]
    assert [entry_id in index for entry_id in asked] == [entry_id in model for entry_id in asked]
