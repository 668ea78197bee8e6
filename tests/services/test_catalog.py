import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cache_studio.model.columns import make_batch
from cache_studio.model.entries import entry_at
from cache_studio.services import catalog as catalog_module
from cache_studio.services.catalog import Catalog


def batch(entries, **columns):
    """Entries as {id: stamp number}."""
    return make_batch(list(entries), [f"key {i}" for i in entries], [(n, 0, 0) for n in entries.values()], **columns)


def listed(catalog, entries, complete=True):
    catalog.begin_listing()
    catalog.add(batch(entries))
    catalog.end_listing(complete)
    return catalog.view()


def content(view):
    return {view.ids[row]: view.stamp(row)[0] for row in view.rows().tolist()}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 2)), min_size=1, max_size=8))
def test_shows_what_the_last_listing_showed_and_old_views_stay(listings):
    catalog = Catalog()
    views = [(entries, listed(catalog, entries)) for entries in listings]
    for entries, view in views:
        assert content(view) == entries
        assert len(view) == len(entries)
    last = views[-1][1]
    assert all(last.ids[last.row_of(entry_id)] == entry_id for entry_id in listings[-1])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 2)), max_size=4), max_size=3),
    st.sampled_from("abcdefgh"),
)
def test_an_entry_that_a_listing_shows_twice_is_the_last_one(listings, gone):
    catalog = Catalog()
    for batches in listings:
        catalog.begin_listing()
        shown = {}
        for entries in batches:
            catalog.add(batch(entries))
            catalog.forget([gone])
            shown = {entry_id: stamp for entry_id, stamp in (shown | entries).items() if entry_id != gone}
        catalog.end_listing(True)
        view = catalog.view()
        assert content(view) == shown
        assert len(view) == len(catalog) == len(shown)
        assert all(view.row_of(entry_id) is not None for entry_id in shown)


def test_a_partial_listing_proves_nothing_gone():
    catalog = Catalog()
    listed(catalog, {"a": 1, "b": 1})
    assert content(listed(catalog, {"a": 1}, complete=False)) == {"a": 1, "b": 1}


def test_counts_what_came_and_went_after_the_first_listing():
    catalog = Catalog()
    listed(catalog, {"a": 1, "b": 1})
    listed(catalog, {"a": 2, "c": 1})
    assert (catalog.stored, catalog.removed) == (2, 1)


def test_a_moved_access_time_counts_as_read_not_as_stored():
    catalog = Catalog()
    for accessed in (5.0, 9.0):
        catalog.begin_listing()
        catalog.add(batch({"a": int(accessed)}, created=[1.0], accessed=[accessed]))
        catalog.end_listing(True)
    assert (catalog.read, catalog.stored) == (1, 0)


def test_pending_cells_are_filled_in_place_and_a_second_listing_keeps_them():
    catalog = Catalog()
    catalog.begin_listing()
    catalog.add(batch({"a": 1}, pending=["size"]))
    catalog.end_listing(True)
    assert catalog.pending_ids(9) == ["a"]
    catalog.fill(batch({"a": 1}, size=[7.0]))
    catalog.begin_listing()
    catalog.add(batch({"a": 1}, pending=["size"]))
    catalog.end_listing(True)
    view = catalog.view()
    assert entry_at(view, view.row_of("a")).size == 7
    assert catalog.pending_ids(9) == []


def test_a_fill_for_an_older_stamp_is_ignored():
    catalog = Catalog()
    catalog.begin_listing()
    catalog.add(batch({"a": 2}, pending=["size"]))
    catalog.fill(batch({"a": 1}, size=[7.0]))
    assert np.isnan(catalog.view().numbers["size"][0])


def test_many_tombstones_are_swept_into_a_new_epoch(monkeypatch):
    monkeypatch.setattr(catalog_module, "_TOMBSTONES", 10)
    catalog = Catalog()
    for stamp in range(4):
        view = listed(catalog, {f"id {n}": stamp for n in range(20)})
    assert view.epoch > 0
    assert view.n < 80
    assert content(view) == {f"id {n}": 3 for n in range(20)}


def test_tombstones_of_changes_are_swept_without_a_listing(monkeypatch):
    monkeypatch.setattr(catalog_module, "_TOMBSTONES", 10)
    catalog = Catalog()
    first = listed(catalog, {"a": 0, "b": 0})
    for stamp in range(1, 1_000):
        catalog.add(batch({"a": stamp}))
        assert catalog.view().n <= 22
    assert content(catalog.view()) == {"a": 999, "b": 0}
    assert content(first) == {"a": 0, "b": 0}


def test_names_that_no_entry_has_any_more_are_swept_with_the_tombstones(monkeypatch):
    monkeypatch.setattr(catalog_module, "_TOMBSTONES", 10)
    catalog = Catalog()
    listed(catalog, {"a": 0})
    for stamp in range(1, 100):
        catalog.add(batch({"b": stamp}, namespaces=[f"n{stamp}"], types=[f"t{stamp}"], tags=[(f"tag {stamp}",)]))
        view = catalog.view()
        assert max(map(len, (view.namespace_names, view.type_names, view.tag_sets))) <= 24
        (row,) = (row for row in view.rows().tolist() if view.ids[row] == "b")
        assert view.namespace_names[view.namespace_codes[row]] == f"n{stamp}"
        assert view.type_names[view.type_codes[row]] == f"t{stamp}"
        assert view.tag_sets[view.tag_codes[row]] == (f"tag {stamp}",)
        (row,) = (row for row in view.rows().tolist() if view.ids[row] == "a")
        assert (view.namespace_names[view.namespace_codes[row]], view.tag_codes[row]) == ("", -1)


def test_what_was_emptied_whole_is_listed_again(monkeypatch):
    monkeypatch.setattr(catalog_module, "_TOMBSTONES", 10)
    catalog = Catalog()
    entries = {f"id {n}": n for n in range(20)}
    before = listed(catalog, entries)
    assert listed(catalog, {}).epoch > before.epoch
    assert content(listed(catalog, entries)) == entries


def test_columns_travel_with_the_entry():
    catalog = Catalog()
    catalog.begin_listing()
    catalog.add(batch({"a": 1, "b": 1}, namespaces=["x", "y"], types="png", tags=[("t",), ()], problems={1: "broken"}))
    view = catalog.view()
    first, second = (entry_at(view, view.row_of(entry_id)) for entry_id in "ab")
    assert (first.namespace, first.type, first.tags, first.problem) == ("x", "png", ("t",), "")
    assert (second.namespace, second.tags, second.problem) == ("y", (), "broken")


def test_a_column_takes_memory_from_the_first_number_on():
    catalog = Catalog()
    catalog.add(batch({"a": 1, "b": 1}))
    before = catalog.view()
    catalog.add(batch({"c": 1}, accessed=[5.0]))
    after = catalog.view()
    assert before.numbers["hits"].strides == after.numbers["hits"].strides == (0,)
    assert np.isnan(before.numbers["accessed"]).all()
    assert after.numbers["accessed"].tolist()[2] == 5.0
    assert np.isnan(after.numbers["accessed"][:2]).all()


def test_what_is_filled_in_is_seen_in_views_that_were_taken_while_it_was_pending():
    catalog = Catalog()
    catalog.add(batch({"a": 1, "b": 1}, pending=("size",)))
    view = catalog.view()
    catalog.fill(batch({"a": 1, "b": 1}, size=[7.0, 8.0]))
    assert not view.pending.any()
    assert view.numbers["size"].tolist() == [7.0, 8.0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.one_of(st.none(), st.floats(0, 9))), max_size=120))
def test_numbers_are_those_of_the_last_batch_whatever_was_recorded_before(steps):
    catalog, model = Catalog(), {}
    for stamp, (entry_id, hits) in enumerate(steps):
        model[entry_id] = float("nan") if hits is None else hits
        catalog.add(batch({entry_id: stamp}, hits=[model[entry_id]]))
    view = catalog.view()
    found = {view.ids[row]: view.numbers["hits"][row] for row in view.rows().tolist()}
    assert found.keys() == model.keys()
    assert np.array_equal(list(found.values()), [model[one] for one in found], equal_nan=True)
