"""Which bytes of a JSON document change when entries are removed or come back: pure arithmetic on spans.

An entry leaves with the separator before it (the first ones with the one behind), and comes back with it, so that
removing and restoring leave the same bytes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgpack

from cache_studio.adapters.json_rewrite import Edit

Name: TypeAlias = tuple[str | bytes, int]
"""What names an entry, and its how many-th that is."""
Stamp: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one entry stands in a version of the document."""

    name: Name
    number: int
    start: int
    end: int
    end_before: int | None
    """Where the entry before it ends; None for the first."""
    start_behind: int | None
    """Where the next entry begins; None for the last."""
    before: Name | None
    stamp: Stamp
    value: int
    """Where in the span the value begins."""


@dataclass(frozen=True, slots=True)
class Located:
    """The places of some entries, and of the whole."""

    identity: Stamp
    places: Mapping[Name, Place]
    count: int
    opened: int
    closed: int
    first: int
    """Where the first entry begins."""
    last: int
    """Where the last entry ends."""
    kind: str

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Located":
        """What `json_rows.locate` found."""
        places = {}
        for base, times, number, start, end, end_before, behind, before, stamp, value in answer["found"]:
            name = (base, times)
            places[name] = Place(
                name, number, start, end, end_before, behind, tuple(before) if before else None, tuple(stamp), value
            )
        opened, closed = answer["opened"], answer["closed"]
        first = opened if answer["first"] is None else answer["first"]
        last = closed if answer["last"] is None else answer["last"]
        identity = tuple(answer["identity"])
        return cls(identity, places, answer["count"], opened, closed, first, last, answer["kind"])


@dataclass(frozen=True, slots=True)
class Removed:
    """An entry as it was cut out: the exact bytes of its span and of what separated it."""

    name: Name
    stamp: Stamp
    text: bytes
    lead: bytes | None
    """The separator before it; None for the first."""
    follow: bytes | None
    """The separator behind it; None for the last."""
    after: Name | None
    """The nearest entry before it that stayed."""
    number: int
    head: bytes
    """What stood between the opening bracket and the first entry."""
    tail: bytes
    """What stood between the last entry and the closing bracket."""

    def pack(self) -> bytes:
        """As bytes; `unpack` reads them."""
        parts = [list(self.name), list(self.stamp), self.text, self.lead, self.follow]
        parts += [None if self.after is None else list(self.after), self.number, self.head, self.tail]
        packed: bytes = msgpack.packb(parts, unicode_errors="surrogateescape")
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> "Removed":
        """What `pack` wrote."""
        name, stamp, text, lead, follow, after, number, head, tail = msgpack.unpackb(
            data, unicode_errors="surrogateescape"
        )
        after = None if after is None else (after[0], after[1])
        return cls((name[0], name[1]), tuple(stamp), text, lead, follow, after, number, head, tail)


def in_document_order(chosen: Sequence[Place]) -> list[Place]:
    """As they stand in the document."""
    return sorted(chosen, key=lambda place: place.start)


def cut_out(located: Located, chosen: Sequence[Place]) -> list[Edit]:
    """The edits that remove these entries."""
    if chosen and len(chosen) == located.count:
        return [Edit(located.opened, located.closed)]
    edits = []
    for nth, place in enumerate(in_document_order(chosen)):
        leading = place.number == nth  # all entries before it go as well
        if leading and place.start_behind is not None:
            edits.append(Edit(place.start, place.start_behind))
        elif place.end_before is not None:
            edits.append(Edit(place.end_before, place.end))
    return edits


def staying_before(chosen: Sequence[Place]) -> dict[Name, Name | None]:
    """For each chosen entry, in the order of the document, the nearest one before it that is not chosen."""
    anchors: dict[Name, Name | None] = {}
    for place in chosen:
        anchors[place.name] = anchors.get(place.before, place.before) if place.before else None
    return anchors


def take_out(located: Located, chosen: Sequence[Place], read: Callable[[int, int], bytes]) -> Iterator[Removed]:
    """Complete copies of these entries, in the order given; `read(start, end)` gives bytes of the document."""
    anchors = staying_before(in_document_order(chosen))
    head, tail = read(located.opened, located.first), read(located.last, located.closed)
    for place in chosen:
        yield Removed(
            place.name,
            place.stamp,
            read(place.start, place.end),
            None if place.end_before is None else read(place.end_before, place.start),
            None if place.start_behind is None else read(place.end, place.start_behind),
            anchors[place.name],
            place.number,
            head,
            tail,
        )


def put_in(located: Located, copies: Sequence[Removed]) -> list[Edit]:
    """The edits that bring these entries back, each behind the entry that it stood behind, else at the end."""
    ordered = sorted(copies, key=lambda copy: copy.number)
    if not ordered:
        return []
    if located.count == 0:
        first, *others = ordered
        text = first.head + first.text + b"".join(_separator(copy, located) + copy.text for copy in others)
        return [Edit(located.opened, located.closed, text + first.tail)]
    edits = []
    for copy in ordered:
        anchor = located.places.get(copy.after) if copy.after is not None else None
        if copy.after is None:
            follow = copy.follow or _separator(copy, located)
            edits.append(Edit(located.first, located.first, copy.text + follow))
        else:
            at = located.last if anchor is None else anchor.end
            edits.append(Edit(at, at, _separator(copy, located) + copy.text))
    return edits


def _separator(copy: Removed, located: Located) -> bytes:
    if copy.lead is not None:
        return copy.lead
    if located.kind == "lines":
        return b"\n"
    return copy.follow or b"," + copy.head
