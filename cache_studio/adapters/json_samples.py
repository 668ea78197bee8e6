"""A few whole entries from the head of a JSON file, to recognise it and to guess what its fields mean."""

import io
import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from cache_studio.adapters.json_heads import Odd, container_kind, cut_member, head_members, head_text
from cache_studio.adapters.json_spans import UNREADABLE, Fault, JsonWalk, pointer_parts
from cache_studio.adapters.mapping import guess_roles
from cache_studio.adapters.sight import Sight
from cache_studio.model.errors import EntryNotFound

SAMPLES = 50
"""How many entries a guess is made from."""
BEGINNINGS = (b"{", b"[")
_FLAT_FROM = 2
_is_word = re.compile(r"[A-Za-z_$@.][\w$@. -]*").fullmatch
"""Whether a key reads as the name of a setting."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The first entries of a container in the document."""

    pointer: str
    kind: str
    """ "object", "list" or "lines"."""
    values: Sequence[object]
    """What could be decoded: an entry that no decoder takes (a number of 10,000 digits) tells nothing of the others."""
    keys: Sequence[str] = ()
    """The keys of an object's members."""

    @property
    def objects(self) -> list[Mapping[str, object]]:
        """Those that are objects."""
        return [value for value in self.values if isinstance(value, dict)]

    @property
    def only_objects(self) -> bool:
        """Whether there are entries and all are objects."""
        return bool(self.values) and len(self.objects) == len(self.values)

    @property
    def mostly_objects(self) -> bool:
        """The same where a few entries are broken."""
        return len(self.objects) * 2 > len(self.values)

    @property
    def flat(self) -> bool:
        """Whether it is an object of plain values, or of any under keys that are no names of settings."""
        plain = not any(isinstance(value, dict | list) for value in self.values)
        words = sum(_is_word(key) is not None for key in self.keys)
        return self.kind == "object" and len(self.keys) >= _FLAT_FROM and (plain or words * 2 < len(self.keys))

    def roles(self) -> dict[str, str]:
        """What the fields seem to mean; NaN and infinite numbers tell nothing."""
        finite = [{name: value for name, value in entry.items() if _tells(value)} for entry in self.objects]
        return guess_roles(finite, time.time())


def looks_like_json(sight: Sight) -> bool:
    """Whether it is a file that begins as a JSON object or list."""
    return sight.kind == "file" and _text(sight.head).lstrip()[:1] in BEGINNINGS


def sample_lines(sight: Sight) -> Sample | None:
    """The first lines where each is an object of its own and there are several; one that is broken spoils no other."""
    lines = _text(sight.head).split(b"\n")
    cut = lines.pop() if sight.size > len(sight.head) else b""
    lines = [line for line in lines if line.strip()][:SAMPLES]
    values = [value for line in lines if (value := _decoded(line)) is not UNREADABLE]
    if not values or not all(isinstance(value, dict) for value in values):
        return None
    several = len(values) > 1 or cut.lstrip().startswith(b"{")
    return Sample("", "lines", values) if several and len(values) > len(lines) - len(values) else None


def sample(sight: Sight) -> Sample | None:
    """The first entries of the document, as far as the head holds them."""
    try:
        return _at(head_text(sight.head), 0, "")
    except Odd:
        return _walked(sight, "")


def inner_samples(sight: Sight) -> list[Sample]:
    """The containers one level below an object: `{"version": 1, "entries": {...}}`."""
    try:
        text = head_text(sight.head)
        found = [_at(text, place, _pointer(name)) for name, place in _places(text).items()]
    except Odd:
        found = [_walked(sight, _pointer(name)) for name in _names(sight.head)]
    return [inner for inner in found if inner is not None]


def _at(text: str, place: int, pointer: str) -> Sample | None:
    kind = container_kind(text, place)
    members = list(islice(head_members(text, place), SAMPLES)) if kind else []
    keys = [member.key for member in members if member.key is not None]
    return Sample(pointer, kind, [member.value for member in members], keys) if kind else None


def _places(text: str) -> dict[str, int]:
    """Where the members that are containers begin, also one that the head does not hold whole."""
    if container_kind(text) != "object":
        return {}
    places: dict[str, int] = {}
    keys: set[str | None] = set()
    end = text.index("{") + 1
    for member in head_members(text):
        end = member.end
        if member.key in keys:
            raise Odd
        keys.add(member.key)
        if member.key is not None and isinstance(member.value, dict | list):
            places[member.key] = member.start
        if len(places) > SAMPLES:
            return {}  # many containers side by side are the entries themselves
    cut = cut_member(text, end)
    if cut is not None:
        name, place = cut
        if name in keys:
            raise Odd
        places[name] = place
    return places


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _walked(sight: Sight, pointer: str) -> Sample | None:
    """The same below `pointer` (one name or the whole), of any document."""
    walk = JsonWalk(io.BytesIO(sight.head), pointer_parts(pointer), _whole)
    values: list[object] = []
    keys: list[str] = []
    try:
        for members in walk.members():
            values += [member.decoded for member in members if member.decoded is not UNREADABLE]
            keys += [member.key for member in members if member.key is not None]
            if len(values) >= SAMPLES:
                break
    except (Fault, EntryNotFound):
        pass  # the head ends somewhere, or the document is broken: what came before counts
    return Sample(pointer, walk.kind, values[:SAMPLES], keys[:SAMPLES]) if walk.opened else None


def _names(head: bytes) -> list[str]:
    """Keys of an object whose value begins as a container, also where the head ends within it."""
    walk = JsonWalk(io.BytesIO(head), (), _whole)
    names: list[str] = []
    end = 0
    try:
        for members in walk.members():
            for member in members:
                end = member.start + len(member.text)
                if isinstance(member.decoded, dict | list) and member.key is not None:
                    names.append(member.key)
                if len(names) > SAMPLES:
                    return []  # many containers side by side are the entries themselves
    except Fault:
        rest = head[end or walk.opened :].lstrip(b" \t\r\n,")
        name, colon, value = rest[1:].partition(b'":')
        if rest[:1] == b'"' and colon and b'"' not in name and value.lstrip()[:1] in BEGINNINGS:
            names.append(name.decode("utf-8", "surrogateescape"))
    return names


def _text(head: bytes) -> bytes:
    return head.removeprefix(b"\xef\xbb\xbf")


def _whole(value: bytes | memoryview) -> object:
    return json.loads(bytes(value))


def _decoded(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return UNREADABLE


def _tells(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
