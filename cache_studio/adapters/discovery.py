"""Walks folders for caches by their signature. Runs in a child; follows no links, opens nothing for writing."""

import os
from collections.abc import Iterator, Sequence
from typing import TypedDict

from cache_studio.adapters.base import Certainty
from cache_studio.adapters.registry import recognise
from cache_studio.model.errors import CacheStudioError

SKIPPED = {".git", "node_modules", "__pycache__", ".venv", "venv", "site-packages", "proc", "sys", "dev", "run"}
"""Folders that are never walked into."""
DATABASES = (".db", ".sqlite", ".sqlite3")
"""Endings of files that are looked at as databases."""
JSON_FILES = (".json", ".jsonl", ".ndjson")
DEEPEST = 12
"""Levels below a given folder."""


class Found(TypedDict):
    """One discovered cache; `volume` in bytes."""

    target: str
    format: str
    volume: int


def walk(folders: Sequence[str]) -> Iterator[Found]:
    """Every cache that a format is sure of, below these folders, as it is found; a cache is not looked into."""
    for folder in folders:
        yield from _below(os.path.abspath(folder), 0)


def _below(folder: str, depth: int) -> Iterator[Found]:
    found = _sure(folder)
    if found is not None:
        yield found
        return
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in listed:
        if entry.is_symlink():
            continue
        if entry.is_dir(follow_symlinks=False):
            if depth < DEEPEST and entry.name not in SKIPPED:
                yield from _below(entry.path, depth + 1)
        elif entry.name.endswith((*DATABASES, *JSON_FILES)) and entry.is_file(follow_symlinks=False):
            inside = _sure(entry.path)
            if inside is not None:
                yield inside


def _sure(path: str) -> Found | None:
    try:
        answers = recognise(path)
    except CacheStudioError:
        return None
    for answer in answers:
        if answer["certainty"] == Certainty.SURE and not answer["places"]:
            return Found(target=path, format=str(answer["format"]), volume=_volume(path))
    return None


def _volume(path: str) -> int:
    if not os.path.isdir(path):
        return sum(os.path.getsize(path + end) for end in ("", "-wal", "-shm") if os.path.isfile(path + end))
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue
    return total
