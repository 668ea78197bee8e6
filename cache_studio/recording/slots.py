"""The recorder's file: a header, then slots. Slot 0 holds what ended processes counted, each other one a process.

A slot has an owner (16 random bytes; zero: free) and two places for its content, written in turn with a
rising sequence number and a checksum: a reader takes the newest whole one, so neither a kill nor a read
in the middle of a write does harm, and nobody waits for anybody. Slots are claimed and folded into
slot 0 under a lock; a fold names its owner, so that one cut short by a kill never counts twice.
"""

import secrets
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from cache_studio.recording.counts import Tally, pack, unpack
from cache_studio.recording.locking import open_locked, set_aside, unlock
from cache_studio.recording.processes import NO_PROCESS, Mark

MAGIC = b"CSRECORD"
VERSION = 1
NOBODY = bytes(16)
"""The owner of a free slot."""
_HEADER = struct.Struct("<8sI4x16sd")
HEADER_SIZE = 64
OWNER_SIZE = 64
PLACE_SIZE = 32_768
SLOT_SIZE = OWNER_SIZE + 2 * PLACE_SIZE
_PLACE = struct.Struct("<QII")
_FACTS = struct.Struct("<QQQdd16s")
ROOM = PLACE_SIZE - _PLACE.size - _FACTS.size
"""Bytes for a packed tally."""


@dataclass(frozen=True, slots=True)
class Content:
    """What one slot says."""

    tally: Tally = field(default_factory=Tally)
    mark: Mark = NO_PROCESS
    started_at: float = 0.0
    wrote_at: float = 0.0
    folding: bytes = NOBODY
    """In slot 0: the owner of the slot that was added last."""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Header:
    """What the file says of itself."""

    epoch: str
    """New for each new file: counters of different epochs are never compared."""
    created: float


def new_header(now: float) -> bytes:
    """The header of a new file."""
    return _HEADER.pack(MAGIC, VERSION, secrets.token_bytes(16), now).ljust(HEADER_SIZE, b"\0")


def read_header(data: bytes) -> Header | None:
    """The header, or None when this is no recorder of this version."""
    if len(data) < HEADER_SIZE:
        return None
    magic, version, epoch, created = _HEADER.unpack_from(data)
    return Header(epoch.hex(), created) if (magic, version) == (MAGIC, VERSION) else None


def slot_offset(slot: int) -> int:
    """Where a slot begins."""
    return HEADER_SIZE + slot * SLOT_SIZE


def slot_count(length: int) -> int:
    """How many slots a file of this length has (the last may not be written to its end)."""
    return max(0, -(-(length - HEADER_SIZE) // SLOT_SIZE))


def owner_of(data: bytes, slot: int) -> bytes:
    """The owner of a slot in the bytes of a file."""
    start = slot_offset(slot)
    return data[start : start + 16].ljust(16, b"\0")


def content_of(data: bytes, slot: int) -> Content | None:
    """The newest whole content of a slot in the bytes of a file, or None."""
    start = slot_offset(slot) + OWNER_SIZE
    places = (_content(data[start + n * PLACE_SIZE : start + (n + 1) * PLACE_SIZE]) for n in (0, 1))
    return max((found for found in places if found is not None), key=lambda found: found.sequence, default=None)


def _content(place: bytes) -> Content | None:
    if len(place) < _PLACE.size:
        return None
    sequence, length, checksum = _PLACE.unpack_from(place)
    body = place[_PLACE.size : _PLACE.size + length]
    if not sequence or len(body) != length or zlib.crc32(body, sequence & 0xFFFFFFFF) != checksum:
        return None
    try:
        pid, began, machine, started_at, wrote_at, folding = _FACTS.unpack_from(body)
        return Content(unpack(body[_FACTS.size :]), Mark(pid, began, machine), started_at, wrote_at, folding, sequence)
    except (struct.error, ValueError):
        return None


def write_content(file: BinaryIO, slot: int, content: Content) -> None:
    """Write a content into the place that its sequence number (from 1) says."""
    mark = content.mark
    facts = (mark.pid, mark.began, mark.machine, content.started_at, content.wrote_at, content.folding)
    body = _FACTS.pack(*facts) + pack(content.tally, ROOM)
    head = _PLACE.pack(content.sequence, len(body), zlib.crc32(body, content.sequence & 0xFFFFFFFF))
    _write(file, slot_offset(slot) + OWNER_SIZE + content.sequence % 2 * PLACE_SIZE, head + body)


def write_owner(file: BinaryIO, slot: int, owner: bytes) -> None:
    """Give a slot to its owner."""
    _write(file, slot_offset(slot), owner)


def read_owner(file: BinaryIO, slot: int) -> bytes:
    """Who owns a slot now."""
    file.seek(slot_offset(slot))
    return file.read(16)


def free_slot(file: BinaryIO, slot: int) -> None:
    """Nobody owns this slot any more, and it says nothing."""
    write_owner(file, slot, NOBODY)
    for place in (0, 1):
        _write(file, slot_offset(slot) + OWNER_SIZE + place * PLACE_SIZE, bytes(_PLACE.size))


def fold(file: BinaryIO, data: bytes, slot: int, now: float) -> None:
    """Add a slot to slot 0 and free it. Under the lock; `data` are the bytes of the file as they are now."""
    base = content_of(data, 0) or Content(started_at=now)
    owner, content = owner_of(data, slot), content_of(data, slot)
    if content is not None and owner != base.folding:
        tally = base.tally.copy()
        shared = {level: fill for level, fill in content.tally.fills.items() if fill.shared}
        tally.add(Tally(content.tally.rows, shared))
        started = min(base.started_at, content.started_at)
        folded = replace(base, tally=tally, started_at=started, folding=owner, sequence=base.sequence + 1)
        write_content(file, 0, replace(folded, wrote_at=now))
    free_slot(file, slot)


@contextmanager
def locked_file(path: Path, now: float) -> Iterator[BinaryIO]:
    """The recorder at `path`, created where it is missing, held alone among writers. Not closed at the end.

    What is no recorder of this version is renamed to `<name>.broken`: others may still have it open.
    """
    while True:
        file = open_locked(path, 0o644)
        try:
            if _has_header(file, path, now):
                break
        except BaseException:  # not handed out: must not stay open
            file.close()
            raise
        file.close()
    try:
        yield file
    except BaseException:  # not handed out: must not stay open
        file.close()
        raise
    finally:
        if not file.closed:
            unlock(file)


def _has_header(file: BinaryIO, path: Path, now: float) -> bool:
    head = file.read(HEADER_SIZE)
    if not head:
        _write(file, 0, new_header(now))
        return True
    if read_header(head) is None:
        set_aside(path)
        return False
    return True


def _write(file: BinaryIO, offset: int, data: bytes) -> None:
    file.seek(offset)
    file.write(data)
