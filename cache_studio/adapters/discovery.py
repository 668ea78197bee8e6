"""Walks folders for caches by their signature. Runs in a child; follows no links, opens nothing for writing.

A walk reads names and nothing else until one of them is a mark of a format (`Format.marks`); only there the formats
look closer. So it costs little more than listing the folders.
"""

import os
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from cache_studio.adapters.base import HASHED, Certainty, Format
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


class Marks:
    """The marks of formats by what is compared with a name: a dictionary where it is whole, endings in one call."""

    def __init__(self, formats: Iterable[Format]) -> None:
        """Read the marks as `Format.marks` writes them."""
        by_mark: dict[str, list[Format]] = defaultdict(list)
        for known in formats:
            for mark in known.marks:
                by_mark[mark].append(known)
        self._by_mark = dict(by_mark)
        self.hashed = HASHED in by_mark
        inside = [mark for mark in by_mark if mark.startswith("*/") and mark != HASHED]
        self.members = {mark[2:]: mark for mark in inside if not mark.startswith("*/*")}
        self.member_endings = {mark[3:]: mark for mark in inside if mark.startswith("*/*")}
        self.endings = {mark[1:]: mark for mark in by_mark if mark.startswith("*") and not mark.startswith("*/")}
        self.names = {mark: mark for mark in by_mark if not mark.startswith("*")}

    def formats(self, marks: Iterable[str]) -> list[Format]:
        """The formats that have any of these marks, each once."""
        return list({known.name: known for mark in marks for known in self._by_mark[mark]}.values())

    def of_file(self, name: str) -> list[Format]:
        """The formats that look at a file of this name."""
        marks = [mark for ending, mark in self.endings.items() if name.endswith(ending)]
        return self.formats([*marks, name] if name in self.names else marks)


@dataclass(slots=True)
class _Folder:
    path: str
    marks: set[str]
    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def walk(folders: Sequence[str]) -> Iterator[Found]:
    """Every cache that a format is sure of, below these folders, as it is found; a cache is not looked into."""
    marks = Marks(all_formats())
    for folder in folders:
        waiting = [(os.path.abspath(folder), 0)]
        while waiting:
            path, depth = waiting.pop()
            seen = _listed(_Folder(path, {os.path.basename(path)} & set(marks.names)), marks)
            found = _sure(path, marks.formats(seen.marks)) if seen.marks else None
            if found is not None:
                yield found
                continue
            for name in sorted(seen.files)[:FILES_A_FOLDER]:
                found = _sure(os.path.join(path, name), marks.of_file(name))
                if found is not None:
                    yield found
            if depth < DEEPEST:
                # The last is taken first, so the order is that of the names.
                waiting += [(os.path.join(path, name), depth + 1) for name in sorted(seen.folders, reverse=True)]


def _listed(folder: _Folder, marks: Marks) -> _Folder:
    """Sort the names of a folder; nothing is asked of the disk but its listing."""
    members, names, hashed = marks.members, marks.names, marks.hashed
    inside, files = tuple(marks.member_endings), tuple(marks.endings)
    try:
        with os.scandir(folder.path) as entries:
            for entry in entries:
                name = entry.name
                if name in members:
                    folder.marks.add(members[name])
                if name.endswith(inside):
                    folder.marks.update(mark for end, mark in marks.member_endings.items() if name.endswith(end))
                if hashed and _HASH(name) is not None:
                    folder.marks.add(HASHED)
                if entry.is_dir(follow_symlinks=False):
                    if name not in SKIPPED and not (folder.path == "/" and f"/{name}" in SYSTEM):
                        folder.folders.append(name)
                elif (name.endswith(files) or name in names) and entry.is_file(follow_symlinks=False):
                    folder.files.append(name)
    except OSError:  # no right to list it, or gone meanwhile
        pass
    return folder


def _sure(path: str, formats: Sequence[Format]) -> Found | None:
    try:
        answers = recognise(path, formats)
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
