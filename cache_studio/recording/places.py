"""Where the files lie that an application keeps of its cache, found from the target alone: beside it, never in it."""

import os
from pathlib import Path
from urllib.parse import quote

from cache_studio.model.errors import BadRequest

RECORDER, GENERATION, ACCESSES = ".recorder", ".generation", ".accesses"
"""How the names of such files end. Listings, clear and evict never touch them."""


def recorder_path(location: str) -> Path:
    """The recorder of a cache that is a file or a folder: `<name>.recorder` beside it.

    The same for every way to write the path (relative, trailing slash, through a link).
    """
    return _beside(location, RECORDER)


def generation_path(location: str) -> Path:
    """The generation number of a cache that is a file or a folder: `<name>.generation` beside it."""
    return _beside(location, GENERATION)


def accesses_path(location: str) -> Path:
    """The access log of a cache that is a file or a folder: `<name>.accesses` beside it."""
    return _beside(location, ACCESSES)


def memory_recorder_path(name: str, data_folder: Path) -> Path:
    """The recorder of a cache that lives in memory, by its name; its folder may be missing."""
    if not name:
        raise BadRequest("A recorder needs a cache with a name.", "Name the memory cache.")
    safe = quote(name, safe=" -_", errors="surrogateescape")
    return data_folder / "recorders" / (safe[:200] + RECORDER)


def redis_recorder_prefix(prefix: str) -> str:
    """The literal start of the recorder's keys for entries below `prefix`, outside of it.

    `app:cache:` is recorded under `app:recorder:cache:`, so that caches of one root stay apart.
    """
    *root, last = prefix.rstrip(":").split(":")
    return "".join(f"{part}:" for part in (*root, "recorder", last))


def _beside(location: str, suffix: str) -> Path:
    place = os.path.realpath(location)
    name = os.path.basename(place)
    if not location or not name:
        raise BadRequest("This needs a cache with a name.", "Give the path of a file or folder.")
    return Path(place).with_name(name + suffix)
