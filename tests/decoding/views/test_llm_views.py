"""Answers of language models in every shape that is known, with tokens and cost."""

import json
import math
import pickle

import pytest
from seen_values import real_values, seen

from cache_studio.decoding.views.conversations import LONGEST_MESSAGE, MOST_MESSAGES
from cache_studio.decoding.views.lines import Prices, cost_of, llm_lines
from cache_studio.decoding.views.shapes import LlmView, Message

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_795_249_000,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 500_000, "total_tokens": 1_500_000},
}
ASKED = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Capital of France?"}]}
PRICES: Prices = {"gpt-4o-mini": {"input": 0.15, "output": 0.6}}


def answer(data: bytes | object, **beside: bytes) -> LlmView:
    view = seen(data if isinstance(data, bytes) else json.dumps(data).encode(), **beside).llm
    assert view is not None
    return view


@pytest.fixture(scope="module")
def langchain() -> dict[str, bytes]:
    return real_values("langchain")


def test_langchain(langchain: dict[str, bytes]) -> None:
    chat = answer(langchain["chat"])
    assert (chat.origin, chat.model, chat.finish) == ("LangChain", "gpt-4o-mini", "stop")
    assert chat.answers == (Message("assistant", "Paris.\n[calls look_up(city=Paris)]"),)
    assert (chat.input_tokens, chat.output_tokens, chat.total_tokens) == (12, 3, 15)
    plain = answer(langchain["text"])
    assert (plain.answers, plain.finish, plain.input_tokens) == ((Message("assistant", "Paris."),), "stop", None)
    assert [message.text for message in answer(langchain["several"]).answers] == ["a", "b"]


def test_langchain_with_its_prompt_and_parameters_beside(langchain: dict[str, bytes]) -> None:
    said = (Message("system", "Be brief."), Message("user", "Capital of France?"))
    assert answer(langchain["prompt"]).messages == said
    llm = b"[('_type', 'openai-chat'), ('model_name', 'gpt-4o'), ('temperature', 0.7)]"
    whole = answer(langchain["text"], prompt=langchain["prompt"], llm=llm)
    assert (whole.messages, whole.model) == (said, "gpt-4o")
    assert answer(langchain["text"], prompt=b"Capital?").messages == (Message("user", "Capital?"),)


def test_an_answer_of_gptcache_with_its_question_beside() -> None:
    view = answer(b"Paris, of course.", question=b"Capital of France?")
    assert view.messages == (Message("user", "Capital of France?"),)
    assert view.answers == (Message("assistant", "Paris, of course."),)
    assert seen(b"Paris, of course.").llm is None


def test_openai_chat_and_completion() -> None:
    view = answer(CHAT)
    assert (view.origin, view.model, view.total_tokens) == ("OpenAI", "gpt-4o-mini-2024-07-18", 1_500_000)
    old = answer({"model": "davinci", "choices": [{"text": "Paris."}], "usage": {"prompt_tokens": 4}})
    assert (old.answers, old.input_tokens, old.total_tokens) == ((Message("assistant", "Paris."),), 4, None)
    tools = answer(
        {
            "model": "m",
            "choices": [{"message": {"content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}}],
        }
    )
    assert tools.answers == (Message("assistant", "[calls f({})]"),)


def test_openai_responses() -> None:
    view = answer(
        {
            "object": "response",
            "model": "gpt-4.1",
            "status": "completed",
            "instructions": "Be brief.",
            "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Paris."}]},
                {"type": "function_call", "name": "f", "arguments": '{"x": 1}'},
            ],
            "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
        }
    )
    assert view.messages == (Message("system", "Be brief."),)
    assert [message.text for message in view.answers] == ["Paris.", '[calls f({"x": 1})]']
    assert (view.input_tokens, view.finish) == (5, "completed")


def test_anthropic() -> None:
    view = answer(
        {
            "type": "message",
            "role": "assistant",
            "model": "claude-x",
            "content": [{"type": "text", "text": "Paris."}, {"type": "tool_use", "name": "f", "input": {"x": 1}}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 12, "output_tokens": 6},
        }
    )
    assert (view.origin, view.model, view.total_tokens, view.finish) == ("Anthropic", "claude-x", 18, "end_turn")
    assert view.answers == (Message("assistant", "Paris.\n[calls f(x=1)]"),)


def test_what_an_application_keeps_together() -> None:
    view = answer({**ASKED, "response": CHAT})
    assert (view.messages, view.answers) == (
        (Message("user", "Capital of France?"),),
        (Message("assistant", "Paris."),),
    )
    plain = answer(pickle.dumps({"model": "m", "prompt": "Capital?", "response": "Paris."}))
    assert (plain.model, plain.messages[0].text, plain.answers[0].text) == ("m", "Capital?", "Paris.")
    assert answer(ASKED).answers == ()
    assert answer({"value": json.dumps(CHAT)}).model == "gpt-4o-mini-2024-07-18"


def test_the_answer_in_a_stored_http_response() -> None:
    stored = {
        "_content": json.dumps(CHAT).encode(),
        "headers": {"Content-Type": "application/json"},
        "request": {"method": "POST", "url": "u", "body": json.dumps(ASKED).encode()},
        "status_code": 200,
        "url": "u",
    }
    views = seen(pickle.dumps(stored))
    assert views.http is not None
    assert views.llm is not None
    assert (views.llm.messages[0].text, views.llm.answers[0].text) == ("Capital of France?", "Paris.")


def test_cost_is_derived_from_prices_and_never_guessed() -> None:
    view = answer(CHAT)
    assert cost_of(view, PRICES) == pytest.approx(0.45)
    lines = {line.name: (line.value, line.source) for line in llm_lines(view, PRICES)}
    assert lines["Cost"] == ("0.450000", "derived")
    assert {line.name: line.value for line in llm_lines(view, {})}["Cost"] == "not recorded"
    assert math.isnan(cost_of(view, {"gpt-4o": {"input": 1, "output": 1}}))  # another model
    own: Prices = {**PRICES, "gpt-4o-mini-2024-07-18": {"input": 1, "output": 2}}
    assert cost_of(view, own) == pytest.approx(2.0)
    assert math.isnan(cost_of(answer({"model": "gpt-4o-mini", "choices": [{"text": "x"}]}), PRICES))


@pytest.mark.parametrize(
    "value",
    [
        {"choices": [{"message": {"content": "x"}}]},
        {"choices": ["a", "b"], "model": "m"},
        {"type": "message", "role": "user", "content": "x"},
        {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "Document"], "kwargs": {}},
        {"response": "text", "timestamp": "2026-11-21 08:00:00"},
        {"messages": [{"role": "user", "content": "x"}]},
        {"prompt": "x", "model": "m"},
        ["a", "b"],
        5,
    ],
)
def test_values_that_only_look_alike_are_none(value: object) -> None:
    assert seen(json.dumps(value).encode()).llm is None


def test_hostile_answers_are_bounded() -> None:
    long = answer({"model": "m" * 10_000, "choices": [{"text": "x" * 200_000}] * 500, "usage": {"prompt_tokens": -5}})
    assert len(long.model) == 200
    assert len(long.answers) == MOST_MESSAGES
    assert sum(len(message.text) for message in long.answers) <= 400_000
    assert long.answers[0].note == f"first {LONGEST_MESSAGE:,} of 200,000 characters"
    assert long.input_tokens is None
    assert answer({"model": 5, "choices": [{"text": ["<b>", {"type": 5}, None]}]}).answers[0].text == "<b>\n[5]"
    assert answer(b'{"model": "m", "choices": [{"text": "x"}], "usage": {"prompt_tokens": NaN}}').input_tokens is None
