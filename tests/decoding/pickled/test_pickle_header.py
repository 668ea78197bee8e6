"""The plain fields at the top of a pickled dict, as the listing of a multi-level cache needs them."""

import datetime
import pickle

import pytest

from cache_studio.decoding.pickled.header import pickle_header

MOMENT = datetime.datetime(2026, 11, 20, 18, 52, 1, 250_000, tzinfo=datetime.UTC)


@pytest.mark.parametrize("protocol", range(6))
def test_the_fields_of_an_entry(protocol: int) -> None:
    entry = {
        "value": {"big": "x" * 100_000, "more": [b"y" * 9000] * 3},
        "created_at": MOMENT,
        "ttl": datetime.timedelta(hours=6),
        "tags": {"b", "a"},
        "namespace": "ai_operations",
    }
    header = pickle_header(pickle.dumps(entry, protocol))
    assert header.fields == {
        "created_at": MOMENT.timestamp(),
        "ttl": 21600.0,
        "tags": ("a", "b"),
        "namespace": "ai_operations",
    }
    assert header.keys == tuple(entry)
    assert header.problem == ""


def test_other_zones_and_none() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    entry = {"created_at": MOMENT.astimezone(zone), "ttl": None, "tags": set(), "namespace": ""}
    header = pickle_header(pickle.dumps(entry))
    assert header.fields == {"created_at": MOMENT.timestamp(), "ttl": None, "tags": (), "namespace": ""}


def test_a_moment_without_a_zone_counts_as_utc() -> None:
    header = pickle_header(pickle.dumps({"created_at": MOMENT.replace(tzinfo=None)}))
    assert header.fields == {"created_at": MOMENT.timestamp()}


def test_fields_of_another_kind_are_left_out() -> None:
    header = pickle_header(pickle.dumps({"created_at": object, "tags": {1, 2}, "ttl": [object()], "namespace": 5}))
    assert header.fields == {"namespace": 5}


def test_other_wanted_names() -> None:
    assert pickle_header(pickle.dumps({"expires": 5.5, "x": 1}), ("expires",)).fields == {"expires": 5.5}


def test_a_broken_one_says_why() -> None:
    data = pickle.dumps({"namespace": "n", "value": "v" * 500})
    assert pickle_header(data[:-30]).problem.startswith("At byte ")
    assert pickle_header(b"").problem == "Empty: no pickle at byte 0."
    assert pickle_header(pickle.dumps([1])).problem == "The pickle holds no dict."
