"""Recognises answers of language models: LangChain, OpenAI and Anthropic, and what a cache keeps beside them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from cache_studio.decoding.views.reading import fields, members, text, whole, wording
from cache_studio.decoding.views.shapes import LlmView, Message

MOST_MESSAGES = 200
LONGEST_MESSAGE = 50_000
LONGEST_ALL = 400_000
_LONGEST_NAME = 200
_GENERATIONS = ("Generation", "ChatGeneration", "GenerationChunk", "ChatGenerationChunk")
_ROLES = {"human": "user", "ai": "assistant", "HumanMessage": "user", "AIMessage": "assistant",
          "SystemMessage": "system", "ToolMessage": "tool"}  # fmt: skip
_QUESTIONS = ("prompt", "question", "messages", "input")
"""Names of pieces and fields in which a cache keeps what was asked."""
_ANSWERS = ("response", "completion", "answer", "result", "output", "value")
Fields = dict[str, object]


@dataclass(slots=True)
class Found:
    """What one shape says; None and empty are not recorded."""

    origin: str
    model: str = ""
    messages: list[Message] = field(default_factory=list)
    answers: list[Message] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    finish: str = ""


def llm_view(value: object, beside: Mapping[str, object]) -> LlmView | None:
    """The answer (or question) of a model that `value` is, or None.

    `beside` are other values of the same entry by their names, as they were read: a prompt, a question, the text in
    which LangChain writes the model's parameters.
    """
    found = _found(value)
    if found is None and text(value) and (asked := _asked(beside)):
        found = Found("a text", messages=asked, answers=[Message("assistant", text(value))])
    if found is None:
        return None
    if not found.messages:
        found.messages = _asked(beside)
    found.model = found.model or _named_model(beside)
    return _view(found)


def _found(value: object) -> Found | None:
    known = fields(value)
    for recognise in _SHAPES if known else ():
        found = recognise(known)
        if found is not None:
            return found
    return _langchain_list(value) if members(value) else None


def _view(found: Found) -> LlmView:
    left, notes = LONGEST_ALL, []
    said: list[list[Message]] = []
    for messages in (found.messages, found.answers):
        shown = []
        for message in messages[:MOST_MESSAGES]:
            longest = max(0, min(LONGEST_MESSAGE, left))
            left -= min(len(message.text), longest)
            cut = f"first {longest:,} of {len(message.text):,} characters" if len(message.text) > longest else ""
            shown.append(Message(message.role[:_LONGEST_NAME], message.text[:longest], message.note or cut))
        said.append(shown)
        if len(messages) > MOST_MESSAGES:
            notes.append(f"The first {MOST_MESSAGES:,} of {len(messages):,} messages are shown.")
    return LlmView(
        origin=found.origin,
        model=found.model[:_LONGEST_NAME],
        messages=tuple(said[0]),
        answers=tuple(said[1]),
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        total_tokens=found.total_tokens,
        finish=found.finish[:_LONGEST_NAME],
        notes=tuple(notes),
    )


def _langchain(known: Fields) -> Found | None:
    kwargs = _constructed(known, _GENERATIONS)
    if kwargs is None:
        return None
    message = fields(fields(kwargs.get("message")).get("kwargs"))
    about = fields(message.get("response_metadata")) or fields(kwargs.get("generation_info"))
    usage = fields(message.get("usage_metadata")) or fields(about.get("token_usage")) or fields(about.get("usage"))
    answer = _message("assistant", message.get("content", kwargs.get("text", "")), message.get("tool_calls"))
    return _with_usage(
        Found(
            "LangChain",
            text(about.get("model_name")) or text(about.get("model")),
            answers=[answer if answer.text else replace(answer, text=text(kwargs.get("text")))],
            finish=wording(about.get("finish_reason") or about.get("stop_reason")),
        ),
        usage,
    )


def _constructed(known: Fields, names: tuple[str, ...]) -> Fields | None:
    """The arguments of an object as LangChain writes one, if its class is among `names`."""
    if whole(known.get("lc")) is None or known.get("type") != "constructor":
        return None
    path = [text(part) for part in members(known.get("id"))[-1:]]
    return fields(known.get("kwargs")) if path and path[0] in names else None


def _langchain_list(value: object) -> Found | None:
    """Several answers to one question, or the messages of a prompt."""
    listed = [fields(item) for item in members(value)[: MOST_MESSAGES + 1]]
    answers = [found for found in map(_langchain, listed) if found is not None]
    if answers and len(answers) == len(listed):
        first = answers[0]
        first.answers = [message for found in answers for message in found.answers]
        return first
    messages = _langchain_messages(listed)
    return Found("LangChain", messages=messages) if messages else None


def _langchain_messages(listed: list[Fields]) -> list[Message]:
    found = []
    for known in listed:
        name = next((text(part) for part in members(known.get("id"))[-1:]), "")
        kwargs = _constructed(known, (name,)) if name.endswith(("Message", "MessageChunk")) else None
        if kwargs is None:
            return []
        role = _ROLES.get(text(kwargs.get("type"))) or _ROLES.get(name) or text(kwargs.get("role")) or name
        found.append(_message(role, kwargs.get("content"), kwargs.get("tool_calls")))
    return found


def _openai_chat(known: Fields) -> Found | None:
    choices = [fields(choice) for choice in members(known.get("choices"))[:MOST_MESSAGES]]
    shaped = [choice for choice in choices if "message" in choice or "text" in choice]
    if not choices or len(shaped) < len(choices) or not known.keys() & {"model", "usage", "object", "created"}:
        return None
    answers = []
    for choice in choices:
        message = fields(choice.get("message"))
        content = message.get("content", choice.get("text"))
        answers.append(_message(text(message.get("role")) or "assistant", content, message.get("tool_calls")))
    finish = wording(choices[0].get("finish_reason"))
    return _with_usage(
        Found("OpenAI", text(known.get("model")), answers=answers, finish=finish), fields(known.get("usage"))
    )


def _openai_response(known: Fields) -> Found | None:
    if known.get("object") != "response" or "output" not in known:
        return None
    answers = []
    for item in members(known["output"])[:MOST_MESSAGES]:
        part = fields(item)
        if part.get("type") == "message":
            answers.append(_message(text(part.get("role")) or "assistant", part.get("content")))
        elif part.get("type") == "function_call":
            answers.append(_message("assistant", "", [item]))
    asked = _messages(known.get("input"))
    if text(known.get("instructions")):
        asked.insert(0, Message("system", text(known["instructions"])))
    found = Found("OpenAI", text(known.get("model")), asked, answers, finish=wording(known.get("status")))
    return _with_usage(found, fields(known.get("usage")))


def _anthropic(known: Fields) -> Found | None:
    if known.get("type") != "message" or known.get("role") != "assistant" or "content" not in known:
        return None
    answer = _message("assistant", known["content"])
    found = Found("Anthropic", text(known.get("model")), answers=[answer], finish=wording(known.get("stop_reason")))
    return _with_usage(found, fields(known.get("usage")))


def _request(known: Fields) -> Found | None:
    """What was asked, where nothing but that is stored."""
    asked = _messages(known.get("messages"))
    if not asked or "model" not in known:
        return None
    if text(known.get("system")):
        asked.insert(0, Message("system", text(known["system"])))
    return Found("a request", text(known["model"]), asked)


def _kept_beside(known: Fields) -> Found | None:
    """An answer in a field of an entry that also names the model or what was asked."""
    inner = next((known[name] for name in _ANSWERS if name in known), None)
    request = fields(known.get("request")) or known
    if inner is None:
        return None
    nested = fields(inner)
    found = next((found for shape in _ANSWERING if (found := shape(nested)) is not None), None) if nested else None
    asked = _asked(request)
    if found is None and text(inner) and asked and text(request.get("model")):
        found = _with_usage(Found("a text", answers=[Message("assistant", text(inner))]), fields(known.get("usage")))
    if found is None:
        return None
    found.messages = found.messages or asked
    found.model = found.model or text(request.get("model"))
    return found


_ANSWERING: tuple[Callable[[Fields], Found | None], ...] = (_langchain, _openai_chat, _openai_response, _anthropic)
_SHAPES: tuple[Callable[[Fields], Found | None], ...] = (*_ANSWERING, _kept_beside, _request)


def _asked(beside: Mapping[str, object]) -> list[Message]:
    for name in _QUESTIONS:
        asked = _messages(beside.get(name))
        if asked:
            system = text(beside.get("system"))
            return [Message("system", system), *asked] if system else asked
    return []


def _named_model(beside: Mapping[str, object]) -> str:
    """The model in the text of LangChain's parameters, `[('model_name', 'gpt-4o'), ...]`; the text is not evaluated."""
    llm = text(beside.get("llm"))[:20_000]
    for name in ("model_name", "model", "model_id"):
        for quote in "'\"":
            _, found, rest = llm.partition(f"{quote}{name}{quote}")
            rest = rest.lstrip(" ,:")
            if found and rest[:1] in ("'", '"'):
                return rest[1:].partition(rest[0])[0]
    return ""


def _messages(value: object) -> list[Message]:
    """Messages of a conversation, or one text that is all of it."""
    if text(value):
        return [Message("user", text(value))]
    listed = [fields(item) for item in members(value)[: MOST_MESSAGES + 1]]
    if not listed or not all("role" in known for known in listed):
        return _langchain_messages(listed)
    return [_message(wording(known["role"]), known.get("content"), known.get("tool_calls")) for known in listed]


def _message(role: str, content: object, calls: object = None) -> Message:
    """A message of text or of parts; calls of tools are named with what they are called with."""
    if text(content):
        parts = [text(content)]
    else:
        parts = [part for block in members(content)[:MOST_MESSAGES] if (part := _part(block))]
    parts += [part for call in members(calls)[:MOST_MESSAGES] if (part := _tool_call(fields(call)))]
    return Message(role, "\n".join(parts))


def _part(block: object) -> str:
    known = fields(block)
    if text(block) or text(known.get("text")):
        return text(block) or text(known["text"])
    kind = wording(known.get("type"))
    return _tool_call(known) if kind in ("tool_use", "function_call") else f"[{kind[:_LONGEST_NAME]}]" if kind else ""


def _tool_call(known: Fields) -> str:
    function = fields(known.get("function")) or known
    name = text(function.get("name"))[:_LONGEST_NAME]
    given = function.get("arguments", function.get("args", function.get("input")))
    words = text(given) or ", ".join(
        f"{key[:80]}={wording(item)[:200] or '...'}" for key, item in fields(given).items()
    )
    return f"[calls {name}({words[:LONGEST_MESSAGE]})]" if name else ""


def _with_usage(found: Found, known: Fields) -> Found:
    found.input_tokens = _tokens(known, "input_tokens", "prompt_tokens")
    found.output_tokens = _tokens(known, "output_tokens", "completion_tokens")
    found.total_tokens = _tokens(known, "total_tokens")
    if found.total_tokens is None and found.input_tokens is not None and found.output_tokens is not None:
        found.total_tokens = found.input_tokens + found.output_tokens
    return found


def _tokens(known: Fields, *names: str) -> int | None:
    return next((count for name in names if (count := whole(known.get(name), 10**12)) is not None), None)
