"""The caches of a project, in a file of its repository: `cache-studio.toml`, shared like any other source.

    [[cache]]
    name = "Sessions"
    path = "data/app.db"            # below the file's folder, nothing else
    format = "sqlite-table"
    [cache.options]
    table = "sessions"
    key = "sid"

Whoever opens a strange repository opens a strange file: it only proposes, and only what lies below it.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cache_studio.config.files import read_toml, write_toml
from cache_studio.model.errors import BadRequest, WrongFormat

FILE_NAME = "cache-studio.toml"
MOST_BYTES = 1_000_000
LEVELS = 12
"""How many folders above a cache are looked at for the file."""


@dataclass(frozen=True, slots=True)
class ProjectCache:
    """One cache that the file names; `path` is absolute."""

    path: str
    format: str
    name: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


def file_of(location: str) -> Path | None:
    """The file that speaks of a path: in the folder itself or in the nearest one above."""
    here = Path(location)
    for folder in (here, *here.parents)[:LEVELS]:
        file = folder / FILE_NAME
        if file.is_file():
            return file
    return None


def caches_of(file: Path) -> list[ProjectCache]:
    """What the file names and what lies below it; entries that are wrong or lead elsewhere are left out.

    WrongFormat, with the line, for a file that is no TOML.
    """
    try:
        if file.stat().st_size > MOST_BYTES:
            raise WrongFormat(f"{file.name} is larger than {MOST_BYTES:,} bytes.", "Is it the file of this program?")
        tables = read_toml(file).get("cache", [])
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        raise WrongFormat(f"{file.name} cannot be read: {error}.", "Mend or remove it.") from error
    except OSError as error:
        raise WrongFormat(f"{file.name} cannot be read: {error.strerror}.", "Check its rights.") from error
    found = [_cache(file.parent, table) for table in tables] if isinstance(tables, list) else []
    return [cache for cache in found if cache is not None]


def save(file: Path, cache: ProjectCache) -> None:
    """Write a cache into the file, in place of what it said of this path; other caches and their order stay.

    BadRequest for a path that does not lie below the file, or one of a server.
    """
    relative = os.path.relpath(os.path.realpath(cache.path), os.path.realpath(file.parent))
    if relative.startswith(os.pardir) or os.path.isabs(relative):
        raise BadRequest(f"{cache.path} does not lie below {file.parent}.", f"Put {FILE_NAME} into a folder above it.")
    table: dict[str, Any] = {"name": cache.name, "path": Path(relative).as_posix(), "format": cache.format}
    table |= {"options": dict(sorted(cache.options.items()))} if cache.options else {}
    document = read_toml(file) if file.exists() else {}
    tables = document.get("cache", [])
    kept = tables if isinstance(tables, list) else []
    before = [_cache(file.parent, one) for one in kept]
    real = os.path.realpath(cache.path)
    at = next((row for row, one in enumerate(before) if one and os.path.realpath(one.path) == real), len(kept))
    document["cache"] = [*kept[:at], table, *kept[at + 1 :]]
    mode = file.stat().st_mode & 0o777 if file.exists() else _usual_mode()
    write_toml(file, document)
    file.chmod(mode)  # it is shared, unlike our own files


def _cache(folder: Path, table: object) -> ProjectCache | None:
    if not isinstance(table, dict):
        return None
    place, format_name, options = table.get("path"), table.get("format"), table.get("options", {})
    if not (isinstance(place, str) and isinstance(format_name, str) and isinstance(options, dict)) or "\0" in place:
        return None
    path = os.path.normpath(os.path.join(folder, place))
    if not os.path.realpath(path).startswith(os.path.join(os.path.realpath(folder), "")):
        return None
    name = table.get("name")
    texts = {str(key): str(value) for key, value in options.items()}
    return ProjectCache(path, format_name, name if isinstance(name, str) else "", texts)


def _usual_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
