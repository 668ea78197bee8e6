import pytest

from cache_studio.model.errors import Cancelled, EntryNotFound, SelectionError
from cache_studio.services.browse import VALUE_BYTES, current_view, facets, list_entries
from cache_studio.services.ordering import Sort


@pytest.fixture
def script(script):
    script.entries = {
        "fox": b'{"text": "a red fox"}', "cat": b'{"text": "a red cat"}', "dog": b"a blue dog", "long": b"x",
    }  # fmt: skip
    script.entries["long"] = b"start " + b"." * VALUE_BYTES + b" end"
    return script


@pytest.fixture
def keys(attached, studio):
    def listed(expression, **how):
        listing = list_entries(attached, expression, Sort(), 0.0, studio.reader, **how)
        return [listing.view.keys[row] for row in listing.rows]

    return listed


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("", ["cat", "dog", "fox", "long"]),
        ("value:red", ["cat", "fox"]),
        ("value:RED", []),
        ("value~b[a-z]ue", ["dog"]),
        ("not value:red", ["dog"]),
        ("value:red not value:fox", ["cat"]),
        ("value:fox or value:dog", ["dog", "fox"]),
        ("size>1kb value:start", ["long"]),
        ("value:end", []),
        ("idle>1s value:red", []),
        ("idle>1s or value:red", ["cat", "fox"]),
    ],
)
def test_looks_into_values(keys, expression, found):
    assert keys(expression) == found


def test_what_was_read_only_in_part_is_left_out_and_said(attached, studio):
    listing = list_entries(attached, "not value:end", Sort(), 0.0, studio.reader)
    assert listing.matched.left_out == {"value": 1}


def test_only_what_the_rest_leaves_open_is_read(keys):
    progress = []
    keys("size<20 value:red", on_progress=lambda done, of: progress.append((done, of)))
    assert progress == [(1, 1)]
    progress.clear()
    keys("key=nothing value:red", on_progress=lambda done, of: progress.append((done, of)))
    assert progress == []


def test_stops_before_the_next_values_are_read(keys):
    with pytest.raises(Cancelled):
        keys("value:red", stop=lambda: True)


def test_an_entry_that_went_meanwhile_is_not_decided(attached, studio, script):
    del script.entries["fox"]
    listing = list_entries(attached, "size<1kb value:red", Sort(), 0.0, studio.reader)
    assert [listing.view.keys[row] for row in listing.rows] == ["cat"]
    assert listing.matched.left_out == {"value": 1}


def test_a_wrong_expression_says_where(keys):
    with pytest.raises(SelectionError) as caught:
        keys("fox size>apple")
    assert (caught.value.start, caught.value.end) == (4, 14)


def test_totals_and_facets_are_of_what_is_listed(attached, studio):
    listing = list_entries(attached, "fox or cat", Sort("size", True), 0.0, studio.reader)
    assert listing.totals.entries == 2
    found = facets(listing.view, 0.0, listing.matched.true)
    assert [(group.name, group.entries) for group in found.namespaces] == [("", 2)]
    assert found.totals == listing.totals


def test_nothing_is_listed_while_nothing_is_known(attach, script):
    def refuse():
        raise EntryNotFound("not yet")

    script.before_open = refuse
    with pytest.raises(EntryNotFound, match="Nothing is listed"):
        current_view(attach())
