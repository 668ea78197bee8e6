"""Stored responses told by their ends: as much as by the whole, of whatever length; and nothing bites."""

import json
import math
import pickle
import random

import pytest

from cache_studio.adapters.stored_responses import END, Told, asked_first, told, told_by_ends

CREATED, EXPIRES = "2026-01-01T10:00:00.250000+00:00", "2026-01-02T10:00:00.500000+00:00"


def response(body: object, *, redirected: bool = False, long: bool = False) -> dict[str, object]:
    """The dict that requests-cache 1.x stores."""
    request = {"headers": {"Accept": "*/*"}, "method": "PUT", "url": "https://example.test/new"}
    first = {"request": {"method": "GET", "url": "https://example.test/old"}, "status_code": 302}
    history = {"history": [first]} if redirected else {}
    headers = {"content-type": "Text/HTML; charset=utf-8", **({"X": "y" * 3 * END} if long else {})}
    rest = {"reason": "OK", "request": request, "status_code": 200, "url": "https://example.test/new"}
    return {"_content": body, "created_at": CREATED, "expires": EXPIRES, "headers": headers, **history, **rest}


def ends(value: bytes) -> Told | None:
    """Told by what a listing reads of it."""
    return told_by_ends(value[:END], value[END:][-END:], len(value))


@pytest.mark.parametrize("redirected", [False, True])
@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("length", [0, 100, 255, 256, 7_000, 16_300, 17_000, 65_535, 65_536, 70_000, 300_000])
def test_both_ends_of_a_pickle_tell_as_much_as_all_of_it(length: int, protocol: int, redirected: bool) -> None:
    value = pickle.dumps(response(b"\x8c\x07expires" * (length // 9), redirected=redirected), protocol)
    whole = told(value)
    assert whole.title == ("GET https://example.test/old" if redirected else "PUT https://example.test/new")
    assert (whole.created, whole.expires) == (1767261600.25, 1767348000.5)
    assert (whole.media_type, whole.status, whole.problem) == ("text/html", "200 OK", "")
    found = ends(value)
    assert found == whole or (found is None and protocol == 2 and len(value) > 2 * END)


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("length", [0, 1_000, 40_000])
def test_both_ends_of_indented_json_tell_as_much_as_all_of_it(length: int, place: str) -> None:
    body = {"nested": ["x" * length, {"url": "https://else.test"}]} if place == "last" else "x" * length
    fields = response(body)
    if place == "last":
        fields["_decoded_content"] = fields.pop("_content")
    value = json.dumps(fields, indent=2).encode()
    assert ends(value) == told(value)
    assert told(value).title == "PUT https://example.test/new"


@pytest.mark.parametrize("dump", [pickle.dumps, lambda fields: json.dumps(fields, indent=2).encode()])
def test_longer_headers_than_an_end_need_the_whole(dump: object) -> None:
    body = "x" * 100_000 if dump is not pickle.dumps else b"x" * 100_000
    value = dump(response(body, redirected=True, long=True))
    assert ends(value) is None
    assert told(value).title == "GET https://example.test/old"


def test_what_never_expires_and_what_is_not_known() -> None:
    fields = response(b"")
    del fields["expires"]
    assert told(pickle.dumps(fields)).expires == math.inf
    assert math.isnan(told(pickle.dumps({**fields, "expires": "soon"})).expires)
    assert told(b"url: https://example.test").problem == ""
    assert math.isnan(told(b"url: https://example.test").expires)


@pytest.mark.parametrize("value", [b"", b"{", b"{}", b"\x80\x04", pickle.dumps({"a": 1}), pickle.dumps(7)])
def test_what_is_no_response_is_a_problem_and_no_entry_for_ever(value: bytes) -> None:
    found = told(value)
    assert found.problem
    assert math.isnan(found.expires)


def test_no_changed_value_makes_it_fail() -> None:
    chance = random.Random(5)
    seeds = [pickle.dumps(response(b"x" * 100, redirected=True)), json.dumps(response("x" * 100), indent=2).encode()]
    for _ in range(1_000):
        value = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 6)):
            value[chance.randrange(len(value))] = chance.randrange(256)
        cut = bytes(value[: chance.randint(1, len(value))])
        told(cut), asked_first(cut), told_by_ends(cut[:60], cut[-40:], len(cut) + chance.randint(0, 5_000))
