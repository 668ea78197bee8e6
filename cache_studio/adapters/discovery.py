"""Walks folders for caches by their signature. Runs in a child; follows no links, opens nothing for writing.

A walk reads names and nothing else until one of them is a mark of a format (`Format.marks`); only there the formats
look closer. So it costs little more than listing the folders.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from cache_studio.adapters.base import HASHED, Certainty
from cache_studio.adapters.registry import all_formats, recognise
from cache_studio.model.errors import CacheStudioError

SKIPPED = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "site-packages", "dist-packages", "__pycache__"}
)
"""Folders that are never walked into: programs, not what they write."""
SYSTEM = frozenset({"/proc", "/sys", "/dev", "/run"})
"""What is no disk."""
DEEPEST = 24
"""Levels below a given folder."""
FILES_A_FOLDER = 100
"""How many files of one folder are looked at by themselves."""
VOLUME_SECONDS = 1.0
"""How long the files of one cache are added up; what takes longer is not told."""
_HASH = re.compile(r"[0-9a-f]{32}").match


class Found(TypedDict):
    """One discovered cache; `volume` in bytes, None where adding it up would take long."""

    target: str
    format: str
    volume: int | None


@dataclass(slots=True)
class Marks:
    """The marks of all formats, in the form in which a name is compared at once."""

    files: tuple[str, ...] = ()
    """Endings of files that are looked at."""
    names: frozenset[str] = frozenset()
    """Whole names of files and folders that are looked at."""
    members: frozenset[str] = frozenset()
    member_endings: tuple[str, ...] = ()
    hashed: bool = False

    @classmethod
    def of(cls, marks: Iterable[str]) -> "Marks":
        """Read marks as `Format.marks` writes them."""
        given = set(marks)
        inside = {mark[2:] for mark in given if mark.startswith("*/")} - {HASHED[2:]}
        return cls(
            tuple(mark[1:] for mark in given if mark.startswith("*") and not mark.startswith("*/")),
            frozenset(mark for mark in given if not mark.startswith("*")),
            frozenset(name for name in inside if not name.startswith("*")),
            tuple(name[1:] for name in inside if name.startswith("*")),
            HASHED in given,
        )


@dataclass(slots=True)
class _Folder:
    path: str
    is_marked: bool
    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def walk(folders: Sequence[str]) -> Iterator[Found]:
    """Every cache that a format is sure of, below these folders, as it is found; a cache is not looked into."""
    marks = Marks.of(mark for known in all_formats() for mark in known.marks)
    for folder in folders:
        waiting = [(os.path.abspath(folder), 0)]
        while waiting:
            path, depth = waiting.pop()
            seen = _listed(_Folder(path, os.path.basename(path) in marks.names), marks)
            found = _sure(path) if seen.is_marked else None
            if found is not None:
                yield found
                continue
            for name in sorted(seen.files)[:FILES_A_FOLDER]:
                found = _sure(os.path.join(path, name))
                if found is not None:
                    yield found
            if depth < DEEPEST:
                # The last is taken first, so the order is that of the names.
                waiting += [(os.path.join(path, name), depth + 1) for name in sorted(seen.folders, reverse=True)]


def _listed(folder: _Folder, marks: Marks) -> _Folder:
    """Sort the names of a folder; nothing is asked of the disk but its listing."""
    members, endings, files, hashed = marks.members, marks.member_endings, marks.files, marks.hashed
    try:
        with os.scandir(folder.path) as entries:
            for entry in entries:
                name = entry.name
                if not folder.is_marked and (
                    name in members or name.endswith(endings) or (hashed and _HASH(name) is not None)
                ):
                    folder.is_marked = True
                if entry.is_dir(follow_symlinks=False):
                    if name not in SKIPPED and not (folder.path == "/" and f"/{name}" in SYSTEM):
                        folder.folders.append(name)
                elif (name.endswith(files) or name in marks.names) and entry.is_file(follow_symlinks=False):
                    folder.files.append(name)
    except OSError:  # no right to list it, or gone meanwhile
        pass
    return folder


def _sure(path: str) -> Found | None:
    try:
        answers = recognise(path)
    except CacheStudioError:
        return None
    for answer in answers:
        if answer["certainty"] == Certainty.SURE and not answer["places"]:
            return Found(target=path, format=str(answer["format"]), volume=_volume(path))
    return None


def _volume(path: str) -> int | None:
    if not os.path.isdir(path):
        return sum(os.path.getsize(path + end) for end in ("", "-wal", "-shm") if os.path.isfile(path + end))
    total, end = 0, time.monotonic() + VOLUME_SECONDS
    waiting = [path]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
        if time.monotonic() > end:
            return None
    return total
