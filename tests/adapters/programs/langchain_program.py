"""LangChain's SQLite cache: answers of several generations, prompts as text and as chat messages."""

import json
from pathlib import Path

from langchain_community.cache import SQLiteCache
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, Generation

LLM = "[('_type', 'openai'), ('model_name', 'gpt-4o'), ('stop', None), ('temperature', 0.0)]"
CHAT = json.dumps({"lc": 1, "type": "constructor", "id": ["x", "ChatOpenAI"], "kwargs": {"model_name": "o4"}})
CHAT += "---[('stop', None)]"
PROMPTS = [
    "capital of France?",
    "two answers",
    "плитка",
    "emoji 🦊",
    "<b>html</b>",
    "line\nbreak",
    "with\0nul",
    "x" * 9000,
]
CHATS = ["system: Be short.\nhuman: Who are you?", "human: Say it twice."]
_cache = None


def _stored(key):
    """Prompt and parameters as LangChain stores them, from the key as the studio shows it."""
    if key in CHATS:
        lines = [line.split(": ", 1) for line in key.split("\n")]
        kinds = {"system": SystemMessage, "human": HumanMessage}
        return dumps([kinds[role](content=text) for role, text in lines]), CHAT
    return key, LLM


def _answers(key, text, count):
    if key in CHATS:
        return [ChatGeneration(message=AIMessage(content=f"{text} {n}")) for n in range(count)]
    return [Generation(text=f"{text} {n}") for n in range(count)]


def make(folder):
    path = Path(folder) / ".langchain.db"
    open(str(path))
    for place, key in enumerate([*PROMPTS, *CHATS]):
        _cache.update(*_stored(key), _answers(key, "answer " * (place + 1), 3 if "tw" in key else 1))
    # The same prompt to another model, and the second generation of one stored later: its row lies elsewhere.
    _cache.update("to another", "[('model', 'llama')]", _answers("", "hello", 1))
    _cache.update("grown", LLM, _answers("", "one", 1))
    _cache.update("grown", LLM, _answers("", "one", 2))
    _cache.engine.dispose()
    return {"location": ".langchain.db"}


def _rows():
    from sqlalchemy import text

    with _cache.engine.connect() as connection:
        return connection.execute(text("SELECT prompt, llm, idx FROM full_llm_cache")).fetchall()


def truth(location):
    open(location)
    shown = {_stored(key)[0]: key for key in CHATS}
    found = {(prompt, llm) for prompt, llm, _idx in _rows()}
    return [{"key": shown.get(prompt, prompt), "expires": None} for prompt, _llm in sorted(found)]


def open(location):
    global _cache
    _cache = SQLiteCache(location)


def holds(key):
    found = _cache.lookup(*_stored(key))
    if found is None:
        return False
    assert all(one.text for one in found)
    return True


def generations(key):
    return [one.text for one in _cache.lookup(*_stored(key)) or []]


def complaints():
    groups = {}
    for prompt, llm, idx in _rows():
        groups.setdefault((prompt, llm), []).append(idx)
    return [
        f"generations of {key} are missing" for key, found in groups.items() if sorted(found) != [*range(len(found))]
    ]


def rewrite(key):
    _cache.update(*_stored(key), _answers(key, "another, longer answer " * 20, 2))


def delete(key):
    from sqlalchemy import text

    prompt, llm = _stored(key)
    with _cache.engine.begin() as connection:
        connection.execute(
            text("DELETE FROM full_llm_cache WHERE prompt = :prompt AND llm = :llm"), {"prompt": prompt, "llm": llm}
        )
