"""What the table and its columns are called in an asset cache, and the options that say otherwise."""

import os
from dataclasses import dataclass

from cache_studio.adapters.mapping import TTL_OPTION, UNIT_OPTION, ZONE_OPTION
from cache_studio.model.options import Option, OptionKind

DATABASE = "cache.db"
FOLDER = "cache"
"""The folder below the root in which the database and the folders of files lie."""
TABLE = "cache_entries"


@dataclass(frozen=True, slots=True)
class Part:
    """A part that a column plays: the usual name first, then names seen elsewhere."""

    name: str
    title: str
    columns: tuple[str, ...]
    required: bool = False


PARTS = (
    Part("key", "Key", ("prompt_hash", "hash", "key", "cache_key", "content_hash", "digest"), True),
    Part("file", "File", ("file_path", "path", "filepath", "file", "filename", "file_name"), True),
    Part("asset_type", "Type", ("asset_type", "type", "kind", "category")),
    Part("text", "Prompt", ("prompt_text", "prompt", "text", "input_text", "input")),
    Part("metadata", "Metadata", ("metadata", "meta", "info", "extra", "params")),
    Part("created", "Created", ("created_at", "created", "timestamp", "cached_at")),
    Part("accessed", "Last read", ("last_used_at", "last_used", "last_accessed", "last_access", "accessed_at")),
    Part("uses", "Uses", ("use_count", "uses", "access_count", "hit_count", "hits")),
)
"""The parts of an entry; what is not required may be missing."""

COUNTING_FROM_ONE = ("use_count", "uses")
"""Columns in which a new entry counts as one use; the others count hits alone."""

SUFFIXES = {"image": ".png", "tts": ".wav"}
"""The ending of the value files of each type."""
OTHER_SUFFIX = ".bin"

OPTIONS = (
    Option("table", OptionKind.TEXT, "Table", "Name of the index table.", TABLE),
    *(
        Option(part.name, OptionKind.NAME, part.title, f"Name of the column that holds: {part.title.lower()}.")
        for part in PARTS
    ),
    TTL_OPTION,
    UNIT_OPTION,
    ZONE_OPTION,
)


def home(location: str) -> str:
    """The folder of the database, whether a target names the root, that folder or the database itself."""
    place = os.path.normpath(location)
    if place.endswith(".db"):
        return os.path.dirname(place)
    return place if os.path.basename(place) == FOLDER else os.path.join(place, FOLDER)
