"""The stored bytes of one entry, as an adapter reads them."""

from dataclasses import dataclass

from cache_studio.model.seeing import Source


@dataclass(frozen=True, slots=True)
class Piece:
    """One stored value of an entry: its bytes, perhaps cut."""

    name: str
    """"value" for the main one; others are named for what they are ("meta", "row", "file")."""
    data: bytes
    total: int
    """Length of the whole; more than `len(data)` when it was cut."""
    hint: str = ""
    """What the format knows of it ("json", "pickle", "text"...); "" lets the decoder look."""
    problem: str = ""
    """Why it cannot be read, one sentence; then `data` is what could be."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure about the entry that no column holds, shown in the detail dock."""

    name: str
    value: str
    source: Source = Source.RECORDED


@dataclass(frozen=True, slots=True)
class Payload:
    """What `read` returns: at least one piece, the main one first."""

    pieces: tuple[Piece, ...]
    facts: tuple[Fact, ...] = ()
