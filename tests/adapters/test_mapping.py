"""Guessing which field plays which part."""

import math

import pytest

from cache_studio.adapters.mapping import MAPPING_OPTIONS, ROLES, FieldMap, guess_roles, plain_name
from cache_studio.model.options import read_options

NOW = 1_800_000_000.0


def mapped(**given: str) -> FieldMap:
    """The mapping of these options."""
    return FieldMap.of(read_options(MAPPING_OPTIONS, given))


@pytest.mark.parametrize("name", ["created_at", "createdAt", "Created-At", "CREATED AT", "created.at"])
def test_spelling_does_not_matter(name: str) -> None:
    assert plain_name(name) == "created_at"


def test_usual_names_are_found() -> None:
    sample = {"cacheKey": "a", "payload": {}, "createdAt": NOW * 1000, "expiry": NOW + 5, "hitCount": 3, "labels": []}
    assert guess_roles([sample], NOW) == {
        "key": "cacheKey",
        "value": "payload",
        "created": "createdAt",
        "expires": "expiry",
        "hits": "hitCount",
        "tags": "labels",
    }


def test_a_name_alone_makes_no_time() -> None:
    assert "expires" not in guess_roles([{"exp": 3}, {"exp": 7}], NOW)
    assert "created" not in guess_roles([{"time": "soon"}], NOW)
    assert "created" not in guess_roles([{"created": None}], NOW)
    assert "hits" not in guess_roles([{"count": "many"}], NOW)


def test_no_field_plays_two_parts_and_no_part_is_invented() -> None:
    guessed = guess_roles([{"type": "x", "name": "n", "data": 1}], NOW)
    assert guessed == {"key": "name", "value": "data", "namespace": "type"}
    assert guess_roles([], NOW) == {}


def test_expiry_comes_from_the_field_then_the_entrys_ttl_then_the_caches() -> None:
    assert mapped(expires="e").expiry({"e": NOW}, NOW, 1.0) == NOW
    assert mapped(expires="e", ttl="1h").expiry({"e": None}, NOW, 1.0) == math.inf
    assert mapped(ttl_field="t", ttl="1h").expiry({"t": 60}, NOW, 1.0) == NOW + 60
    assert mapped(ttl_field="t", ttl="1h").expiry({}, NOW, 1.0) == NOW + 3600
    assert mapped(ttl="none").expiry({}, NOW, 1.0) == math.inf
    assert mapped(ttl="1h").expiry({}, math.nan, 1.0) == 1.0
    assert math.isnan(mapped().expiry({}, NOW, 1.0))


def test_numbers_and_moments() -> None:
    fields = mapped(created="c", hits="h", unit="milliseconds")
    assert fields.moment("created", {"c": NOW * 1000}) == NOW
    assert math.isnan(fields.moment("accessed", {"c": 1}))
    assert fields.number("hits", {"h": 3}) == 3.0
    assert math.isnan(fields.number("hits", {"h": True}))
    assert math.isnan(fields.number("hits", {"h": "3"}))


def test_every_part_is_an_option() -> None:
    names = [option.name for option in MAPPING_OPTIONS]
    assert names[: len(ROLES)] == [role.name for role in ROLES]
    assert len(set(names)) == len(names)
