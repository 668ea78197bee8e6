"""The layout of S2: names and encoding, written once for the studio and the runtime."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace

from cache_studio.adapters.mapping import MAPPING_OPTIONS
from cache_studio.model.options import Option, OptionKind

FILE_NAME = "ai_responses.json"
TEMPORARY_SUFFIX = ".tmp"
SIGNATURE = frozenset({"response", "timestamp", "text_length"})
"""Fields that every entry of the original layout has; `created_at` and `last_accessed` came later."""
WRITTEN_AT = "timestamp"
LENGTH = "text_length"
TAGS = "tags"
"""The runtime's own field, there only where tags are given and no option names another."""
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_encoded = json.JSONEncoder(ensure_ascii=False).encode
_BEFORE, _BEHIND = b'{\n  "": ', b"\n}"
"""What stands around the only entry of a file whose key is empty."""
_DEFAULTS = {"value": "response", "created": "created_at", "accessed": "last_accessed", "ttl": "7d"}

AT_OPTION = Option("at", OptionKind.TEXT, "Place in the document", "JSON pointer to the entries, such as /entries.")
MAX_ENTRIES_OPTION = Option(
    "max_entries", OptionKind.NUMBER, "Capacity", "How many entries the application keeps.", "100"
)
OPTIONS = (
    *(
        replace(option, default=_DEFAULTS.get(option.name, option.default))
        for option in MAPPING_OPTIONS
        if option.name not in ("key", "size")
    ),
    AT_OPTION,
    MAX_ENTRIES_OPTION,
)
RETURNS_ENTRIES = (
    "An application that is running holds all entries in memory and writes its whole memory back at its next save:"
    " what is removed here may return."
)


def entry_text(entry: object) -> bytes:
    """An entry as it stands in the file: indented, non-ASCII kept unless it is no text that UTF-8 can hold."""
    try:
        text = json.dumps({"": entry}, indent=2, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps({"": entry}, indent=2).encode("ascii")
    return text[len(_BEFORE) : -len(_BEHIND)]


def file_text(entries: Mapping[str, bytes]) -> bytes:
    """The whole file, from the keys and the texts of the entries."""
    if not entries:
        return b"{}"
    return b"{\n  " + b",\n  ".join([_key_text(key) + b": " + text for key, text in entries.items()]) + _BEHIND


def _key_text(key: str) -> bytes:
    try:
        return _encoded(key).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(key).encode("ascii")


def shown_time(moment: float) -> str:
    """A moment as the field `timestamp` holds it: local time, for people."""
    return time.strftime(TIME_FORMAT, time.localtime(moment))
