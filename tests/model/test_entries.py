import pytest
from views import INF, NAN, NOW, view_of

from cache_studio.model.entries import State, entry_at, entry_object

FIELDS = ["key", "namespace", "type", "size", "created_at", "accessed_at", "expires_at", "ttl", "state", "hits", "tags",
          "stale", "problem"]  # fmt: skip


def object_of(**row):
    return entry_object(entry_at(view_of({"key": "k", **row}), 0), NOW)


def test_a_whole_entry_has_every_field_in_order():
    made = object_of(
        ns="n", type="png", size=7, created=NOW - 60, accessed=NOW - 5.5, expires=NOW + 2.5, hits=3, tags=["a", "b"]
    )
    assert list(made) == FIELDS
    assert made == {
        "key": "k", "namespace": "n", "type": "png", "size": 7, "created_at": "2027-01-15T07:59:00Z",
        "accessed_at": "2027-01-15T07:59:54.500Z", "expires_at": "2027-01-15T08:00:02.500Z", "ttl": 2.5,
        "state": "fresh", "hits": 3, "tags": ["a", "b"], "stale": False, "problem": None,
    }  # fmt: skip


def test_what_is_not_recorded_is_null():
    made = entry_object(entry_at(view_of({"key": "k"}, tags_recorded=False), 0), NOW)
    assert {name: value for name, value in made.items() if value is not None} == {
        "key": "k", "state": "unknown", "stale": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("expires", "state", "ttl"),
    [(NOW, "stale", 0), (NOW - 9, "stale", -9), (NOW + 0.001, "fresh", 0.001), (INF, "forever", None),
     (NAN, "unknown", None), (-INF, "unknown", None)],
)  # fmt: skip
def test_the_state_and_what_is_left(expires, state, ttl):
    made = object_of(expires=expires)
    assert (made["state"], made["ttl"], made["stale"]) == (state, ttl, state == State.STALE)


def test_figures_without_end_are_not_recorded():
    made = object_of(size=INF, hits=INF, created=INF, accessed=-INF)
    assert [made[name] for name in ("size", "hits", "created_at", "accessed_at")] == [None] * 4
