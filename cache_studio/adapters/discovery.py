"""Walks folders for caches by their signature. Runs in a child; follows no links, opens nothing for writing.

A walk reads names and nothing else until one of them is a mark of a format (`Format.marks`); only there the formats
look closer. So it costs little more than listing the folders.
"""

import os
import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypedDict

from cache_studio.adapters.base import HASHED, Certainty, Format
from cache_studio.adapters.registry import all_formats, answers
from cache_studio.adapters.sight import Sight
from cache_studio.model.errors import CacheStudioError

SKIPPED = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "site-packages", "dist-packages", "__pycache__"}
)
"""Folders that are never walked into: programs, not what they write."""
SYSTEM = frozenset({"proc", "sys", "dev", "run"})
"""Folders of `/` that are no disk."""
DEEPEST = 24
"""Levels below a given folder."""
FILES_A_FOLDER = 100
"""How many files of one folder are looked at by themselves."""
VOLUME_SECONDS = 1.0
"""How long the files of one cache are added up; what takes longer is not told."""
NAMES_AT_ONCE = 10_000
"""How many names of a folder are held at a time."""
_HASH = re.compile(r"[0-9a-f]{32}").match


class Found(TypedDict):
    """One discovered cache; `volume` in bytes, None where adding it up would take long."""

    target: str
    format: str
    volume: int | None


class Marks:
    """The marks of formats by what is compared with a name: whole names in one look-up, endings in one call."""

    def __init__(self, formats: Iterable[Format]) -> None:
        """Read the marks as `Format.marks` writes them."""
        by_mark: dict[str, list[Format]] = defaultdict(list)
        for known in formats:
            for mark in known.marks:
                by_mark[mark].append(known)
        self._by_mark = dict(by_mark)
        self._hashed = HASHED in by_mark
        inside = [mark for mark in by_mark if mark.startswith("*/") and mark != HASHED]
        self._members = {mark[2:]: mark for mark in inside if not mark.startswith("*/*")}
        self._member_endings = {mark[3:]: mark for mark in inside if mark.startswith("*/*")}
        self._endings = {mark[1:]: mark for mark in by_mark if mark.startswith("*") and not mark.startswith("*/")}
        self._names = frozenset(mark for mark in by_mark if not mark.startswith("*"))
        self._any_member_ending = tuple(self._member_endings)
        self._any_ending = tuple(self._endings)

    def formats(self, marks: Iterable[str]) -> list[Format]:
        """The formats that have any of these marks, each once."""
        return list({known.name: known for mark in marks for known in self._by_mark[mark]}.values())

    def of_name(self, name: str) -> set[str]:
        """The marks of a file or folder by its own name alone, endings left out."""
        return {name} & self._names

    def of_members(self, names: Collection[str]) -> set[str]:
        """The marks of a folder by the names of what it holds."""
        marks = {self._members[name] for name in self._members.keys() & names}
        for name in [name for name in names if name.endswith(self._any_member_ending)]:
            marks.update(mark for ending, mark in self._member_endings.items() if name.endswith(ending))
        if self._hashed and any(map(_HASH, names)):
            marks.add(HASHED)
        return marks

    def files(self, names: Collection[str]) -> set[str]:
        """Those of these names that a format looks at where they are files."""
        return {name for name in names if name.endswith(self._any_ending)} | self._names.intersection(names)

    def of_file(self, name: str) -> list[Format]:
        """The formats that look at a file of this name."""
        marks = [mark for ending, mark in self._endings.items() if name.endswith(ending)]
        return self.formats([*marks, *self.of_name(name)])


@dataclass(slots=True)
class _Listing:
    """What of a folder matters to a walk."""

    marks: set[str] = field(default_factory=set)
    folders: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def walk(folders: Sequence[str]) -> Iterator[Found]:
    """Every cache that a format is sure of, below these folders, as it is found; a cache is not looked into."""
    marks = Marks(all_formats())
    for folder in folders:
        waiting = [(os.path.abspath(folder), 0)]
        while waiting:
            path, depth = waiting.pop()
            listing = _listed(path, marks)
            listing.marks |= marks.of_name(os.path.basename(path))
            sight = Sight(path)
            found = _sure(sight, marks.formats(listing.marks))
            if found is not None:
                yield found
                continue
            for name in sorted(listing.files)[:FILES_A_FOLDER]:
                found = _sure(sight.below(name), marks.of_file(name))
                if found is not None:
                    yield found
            if depth < DEEPEST:
                # The last is taken first, so the order is that of the names.
                waiting += [(os.path.join(path, name), depth + 1) for name in sorted(listing.folders, reverse=True)]


def _listed(path: str, marks: Marks) -> _Listing:
    """Sort the names of a folder; nothing is asked of the disk but its listing."""
    listing = _Listing()
    try:
        with os.scandir(path) as found:
            while entries := list(islice(found, NAMES_AT_ONCE)):
                names = [entry.name for entry in entries]
                listing.marks |= marks.of_members(names)
                listing.folders += [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
                likely = marks.files(names)
                if likely:
                    files = [entry for entry in entries if entry.name in likely]
                    listing.files += [entry.name for entry in files if entry.is_file(follow_symlinks=False)]
    except OSError:  # no right to list it, or gone meanwhile
        pass
    system = SYSTEM if path == "/" else ()
    listing.folders = [name for name in listing.folders if name not in SKIPPED and name not in system]
    return listing


def _sure(sight: Sight, formats: Sequence[Format]) -> Found | None:
    """What one of these formats, asked in their order, is sure of; None where none is or what it names lies deeper."""
    if not formats:
        return None
    try:
        told = answers(sight, formats)
    except CacheStudioError:
        return None
    for answer in told:
        if answer["certainty"] == Certainty.SURE and not answer["places"]:
            return Found(target=sight.path, format=str(answer["format"]), volume=_volume(sight.path))
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
