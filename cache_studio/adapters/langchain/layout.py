"""LangChain's table, and its prompts and parameters made readable. Nothing is loaded by LangChain's own means."""

import json
import re
from collections.abc import Mapping

from cache_studio.adapters.sqlite_open import Table

TABLE = "full_llm_cache"
COLUMNS = ("prompt", "llm", "idx", "response")
_LONGEST = 1_000_000
"""Characters of a prompt that is read as messages; a longer one is shown as it is stored."""
_MODEL = re.compile(r"""['"]model(?:_name|_id)?['"]\s*[,:]\s*['"]([^'"]{1,200})['"]""")
_CLASS = re.compile(r"""['"]_type['"]\s*[,:]\s*['"]([^'"]{1,200})['"]|"id":\s*\[[^\]]{0,400}?"([^"\]]{1,200})"\s*\]""")


def is_cache(tables: Mapping[str, Table]) -> bool:
    """Whether the table of SQLiteCache is among them."""
    return TABLE in tables and tables[TABLE].names == COLUMNS and tables[TABLE].rowid


def model_of(llm: str) -> str:
    """The name of the model in the text form of its parameters, else of its class, else ""."""
    found = _MODEL.search(llm)
    if found is None:
        found = _CLASS.search(llm)
    return "" if found is None else next(part for part in found.groups() if part)


def shown_prompt(prompt: str) -> str:
    """A prompt to read: chat messages, which are stored as JSON, as `role: text`, one a line; any other as it is."""
    if not prompt.startswith("[{") or len(prompt) > _LONGEST:
        return prompt
    try:
        messages = json.loads(prompt)
    except (ValueError, RecursionError):
        return prompt
    lines = [_message(message) for message in messages]
    return "\n".join(line for line in lines if line) if all(lines) else prompt


def _message(message: object) -> str:
    inner = message.get("kwargs") if isinstance(message, dict) else None
    if not isinstance(inner, dict):
        return ""
    role, content = inner.get("type"), inner.get("content")
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        content = " ".join(part if isinstance(part, str) else "[…]" for part in parts)
    return f"{role}: {content}" if isinstance(role, str) and isinstance(content, str) else ""
