"""Keys: the digests that the original applications make (systems.md)."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.runtime.keys import call_key, file_key, image_pair_key, json_key, operation_key, text_key


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_texts_are_joined() -> None:
    assert text_key("gpt", "Translate", "größer") == digest("gpt|Translate|größer".encode())
    assert text_key("\udc80") == digest(b"\xed\xb2\x80")


def test_json_has_sorted_keys() -> None:
    assert json_key({"b": [1, None], "a": "ü"}) == digest(b'{"a": "\\u00fc", "b": [1, null]}')
    assert json_key({"a": 1, "b": 2}) == json_key({"b": 2, "a": 1})


@given(st.dictionaries(st.text(), st.one_of(st.integers(), st.text(), st.none(), st.booleans())))
def test_json_keys_are_those_of_the_standard_library(value) -> None:
    assert json_key(value) == digest(json.dumps(value, sort_keys=True).encode())


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), {1: 0, "a": 0}, b"x"])
def test_what_json_does_not_hold_makes_no_key(value) -> None:
    with pytest.raises(BadRequest):
        json_key(value)


def test_what_is_nested_too_deeply_makes_no_key() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    for make in (lambda: json_key(value), lambda: call_key("f", (value,), {})):
        with pytest.raises(BadRequest):
            make()


def test_files_and_pairs_of_images(tmp_path) -> None:
    before, after = tmp_path / "before.png", tmp_path / "after.png"
    before.write_bytes(b"\x00" * 3_000_000)
    after.write_bytes(b"after")
    assert file_key(before) == digest(b"\x00" * 3_000_000)
    assert image_pair_key(before, str(after), 5) == digest(b"\x00" * 3_000_000 + b"after5")
    assert image_pair_key(before, after, 5) != image_pair_key(before, after, 6)
    with pytest.raises(CacheUnavailable, match="missing"):
        file_key(tmp_path / "missing.png")


def test_operations() -> None:
    parameters = {"b": 1, "a": "x"}
    expected = digest(b'analyze|text|{"a": "x", "b": 1}')[:32]
    assert operation_key("analyze", "text", parameters) == f"analyze:{expected}"
    assert operation_key("analyze", 5) == f"analyze:{digest(b'analyze|5|{}')[:32]}"
    with pytest.raises(BadRequest):
        operation_key("", "text")


def test_calls_differ_by_each_argument() -> None:
    calls = [((1,), {}), ((1.0,), {}), ((True,), {}), (("1",), {}), ((None,), {}), ((), {"a": 1}), ((), {"a": None})]
    assert len({call_key("f", *call) for call in calls} | {call_key("g", *calls[0])}) == len(calls) + 1
