"""Values as bytes and back; what cannot be is a named error, and broken bytes are a ValueError."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_studio.model.errors import BadRequest
from cache_studio.runtime import AsIs, Cache, Json, Pickle, Raw

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=10,
)


class Stubborn:
    def __reduce__(self) -> str:
        raise RuntimeError("no")


@given(JSON)
def test_json_comes_back(value) -> None:
    assert Json().loads(Json().dumps(value)) == value


def test_json_keeps_letters_and_lone_surrogates() -> None:
    assert Json().dumps("grün") == '"grün"'.encode()
    assert Json().loads(Json().dumps("\udc80")) == "\udc80"


@given(st.binary())
def test_bytes_come_back(value) -> None:
    assert Raw().loads(Raw().dumps(value)) == Raw().loads(Raw().dumps(memoryview(value))) == value


def test_pickle_brings_objects_back() -> None:
    assert Pickle().loads(Pickle().dumps({1: {2, 3}})) == {1: {2, 3}}


DEEP: list[object] = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("serializer", "value"),
    [
        *((Json(), value) for value in (object(), float("inf"), b"x", {(1, 2): 3}, DEEP)),
        *((Raw(), value) for value in ("text", None, 5)),
        *((Pickle(), value) for value in (lambda: 0, Stubborn())),
    ],
)
def test_what_cannot_be_stored_is_refused(serializer, value) -> None:
    with pytest.raises(BadRequest):
        serializer.dumps(value)


@pytest.mark.parametrize(
    ("serializer", "data"),
    [
        *((Json(), data) for data in (b"", b"{", b"\xff", b"[" * 100_000, b"\x00")),
        *((Pickle(), data) for data in (b"", b"junk", b"\x80\x04.", b"cnowhere\nnothing\n.")),
        (AsIs(), b""),
    ],
)
def test_broken_bytes_are_told_as_a_value_error(serializer, data) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what else it says is the standard library's
        serializer.loads(data)


def test_a_broken_value_is_a_miss(tmp_path) -> None:
    target = f"multi-level:{tmp_path}/cache"
    with Cache(target, serializer=Raw(), recorder=False) as cache:
        cache.put("a", b"\xff no JSON")
    with Cache(target, memory=5, recorder=False) as cache:
        assert cache.get("a", "none") == cache.get("a", "none") == "none"
        assert cache.get_many(["a"]) == {}
        assert cache.get_or_load("a", lambda: 7) == 7
        counted = cache.stats().counted
        assert (counted.hits, counted.misses) == (0, 4)


def test_objects_as_they_are_stay_the_same_object() -> None:
    value = object()
    with Cache("memory:objects", serializer=AsIs(), recorder=False) as cache:
        cache.put("a", value)
        assert cache.get("a") is cache.get("a") is value


@pytest.mark.parametrize("levels", [{"compressed": 5}, {"target": "multi-level:{}/cache"}])
def test_objects_as_they_are_can_only_be_in_memory(tmp_path, levels) -> None:
    target = levels.pop("target", "memory:objects").format(tmp_path)
    with pytest.raises(BadRequest, match="in memory"):
        Cache(target, serializer=AsIs(), recorder=False, **levels)


def test_a_serializer_of_ones_own(tmp_path) -> None:
    class Upper:
        def dumps(self, value: str) -> bytes:
            return value.upper().encode()

        def loads(self, data: bytes) -> str:
            return data.decode()

    with Cache(f"multi-level:{tmp_path}/cache", serializer=Upper(), recorder=False) as cache:
        cache.put("a", "text")
        assert cache.get("a") == "TEXT"
