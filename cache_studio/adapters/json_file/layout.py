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
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
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


def encode(entries: Mapping[str, object]) -> bytes:
    """The whole file: UTF-8, indent 2, non-ASCII kept unless it is no text that UTF-8 can hold."""
    try:
        return json.dumps(entries, indent=2, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(entries, indent=2).encode("ascii")


def shown_time(moment: float) -> str:
    """A moment as the field `timestamp` holds it: local time, for people."""
    return time.strftime(TIME_FORMAT, time.localtime(moment))
