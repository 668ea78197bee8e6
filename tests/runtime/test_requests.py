import hashlib
import json

import pytest

from cache_studio.model.errors import BadRequest
from cache_studio.runtime.requests import normalised, request_key

QUESTION = {
    "messages": [{"role": "user", "content": "Wie spät ist es?"}],
    "temperature": 0.5,
    "top_p": 1.0,
    "max_tokens": 100,
}


def test_the_key_is_the_digest_of_the_four_fields_as_json_with_sorted_keys():
    text = json.dumps(
        {
            "max_tokens": 100,
            "messages": [{"content": "Wie spät ist es?", "role": "user"}],
            "temperature": 0.5,
            "top_p": 1.0,
        }
    )
    assert request_key(QUESTION) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "same",
    [
        {"top_p": 1},
        {"max_tokens": 100.0},
        {"request_id": "another", "user": "u", "timestamp": 17},
        {"messages": ({"content": "Wie spät ist es?", "name": "Eva", "role": "user"},)},
    ],
)
def test_the_same_question_has_one_key(same):
    assert request_key({**QUESTION, **same}) == request_key(QUESTION)
    assert request_key(dict(reversed(QUESTION.items()))) == request_key(QUESTION)


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 0.6},
        {"temperature": None},
        {"max_tokens": 101},
        {"messages": [{"role": "system", "content": "Wie spät ist es?"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Wie spät ist es?"}]}]},
        {"messages": QUESTION["messages"] * 2},
    ],
)
def test_another_question_has_another_key(other):
    assert request_key({**QUESTION, **other}) != request_key(QUESTION)


def test_what_is_missing_is_null_and_zero_has_no_sign():
    assert normalised({"messages": [{"role": "user", "content": None}]}) == {
        "messages": [{"role": "user", "content": None}],
        "temperature": None,
        "top_p": None,
        "max_tokens": None,
    }
    assert request_key({**QUESTION, "temperature": -0.0}) == request_key({**QUESTION, "temperature": 0})


def test_further_fields_count_when_they_are_named():
    one, two = {**QUESTION, "model": "a"}, {**QUESTION, "model": "b"}
    assert request_key(one) == request_key(two)
    assert request_key(one, ["model"]) != request_key(two, ["model"])
    assert request_key(QUESTION, ["model"]) == request_key(QUESTION)


@pytest.mark.parametrize(
    "wrong",
    [
        "text",
        {},
        {**QUESTION, "messages": []},
        {**QUESTION, "messages": "hello"},
        {**QUESTION, "messages": ["hello"]},
        {**QUESTION, "messages": [{"content": "x"}]},
        {**QUESTION, "messages": [{"role": "user", "content": float("nan")}]},
        {**QUESTION, "messages": [{"role": "user", "content": {1, 2}}]},
        {**QUESTION, "temperature": "0.5"},
        {**QUESTION, "temperature": True},
        {**QUESTION, "temperature": float("nan")},
        {**QUESTION, "top_p": 10**400},
        {**QUESTION, "max_tokens": 1.5},
        {**QUESTION, "max_tokens": float("inf")},
    ],
)
def test_a_request_that_cannot_be_read_is_refused(wrong):
    with pytest.raises(BadRequest):
        request_key(wrong)
