"""The studio's side of hishel 2 in Redis."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, replace
from types import MappingProxyType
from typing import cast

import msgpack

from cache_studio.adapters import redis_specs as specs
from cache_studio.adapters.base import EntryCopy, Keep, Kept
from cache_studio.adapters.defaults import take
from cache_studio.adapters.hishel.layout import LONGEST_HEAD, UNREADABLE, Head, read_head, stored_keys
from cache_studio.adapters.redis_hishel.index import (
    ID_LETTERS,
    IndexedRemover,
    Standing,
    bring_back,
    ids_at,
    is_replaced,
    standings,
    with_others,
)
from cache_studio.adapters.redis_key_copies import KeyCopy, Names
from cache_studio.adapters.redis_libraries.adapter import RedisLibraryAdapter
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_listing import Described
from cache_studio.adapters.redis_options import bytes_of
from cache_studio.adapters.redis_values import asked, read_string
from cache_studio.adapters.seen_names import SeenNames
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch
from cache_studio.model.identity import EntryId, Stamp
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Removal, Restoration, Return, Seen, Volume

CUT_OFF = "A response that the application is reading from this cache at that moment ends with an error."
_HEADS_AT_ONCE = 50
_DATA_KEY = re.compile(r"(?:entry|stream|stream_done):([0-9a-f]{32})")


class RedisHishelAdapter(RedisLibraryAdapter):
    """An entry is its three keys and its place in an index; the id is the name of the first key."""

    library = specs.HISHEL
    alone = "hishel keeps what belongs together in several keys and does not run on a cluster."
    batch_rows = 500
    _standing: Mapping[str, Standing] = MappingProxyType({})
    """Where the entries stand that are being removed."""

    def __init__(self, link: Link, options: Mapping[str, OptionValue], *, writable: bool) -> None:
        """Take over an open link."""
        super().__init__(link, options, writable=writable)
        self._remover = IndexedRemover(link, self._listing, lambda name: self._index_of(name))
        self.warnings = (*self.warnings, CUT_OFF)

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """The entries of these methods and URLs, by the index that the library itself would ask."""
        with self._link.call():
            digests = list(dict.fromkeys(digest for key in keys for digest in stored_keys(key)))
            names = [f"{self._prefix}entry:{one}" for one in ids_at(self._link, self._prefix, digests)]
            batch = self._batch(self._entries(self._listing.describe([*names, *keys]), SeenNames()))
        wanted = {*keys}
        rows = [at for at, key in enumerate(batch.keys) if key in wanted or batch.ids[at] in wanted]
        return take(batch, rows if namespace in (None, "") else [])

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """Request and response as they are packed, and the body."""
        name = cast(str, entry_id)
        with self._link.call():
            self._only(name)
            value = replace(read_string(self._link, name, max_bytes), hint="msgpack")
            body = self._body(self._names(name)[1], max_bytes)
            head = self._heads([name])[0]
        facts = [Fact("URL", head.url), Fact("Status", str(head.status))] if head else []
        return Payload((value, body), tuple(facts))

    def remove(self, entries: Sequence[Seen], keep: Keep | None) -> list[Removal]:
        """As every format does; an entry leaves its index first."""
        self.capabilities.require(Ability.REMOVE)
        with self._link.call():
            found = standings(self._link, self._prefix, [_id_of(cast(str, seen.id)) for seen in entries])
            self._standing = with_others(self._link, found)
        return super().remove(entries, keep)

    def restore(self, copies: Sequence[EntryCopy], kept: Kept) -> list[Restoration]:
        """Bring the keys back, then the place in the index."""
        self.capabilities.require(Ability.UNDO)
        return [self._back(*_opened(copy), kept) for copy in copies]

    def _back(self, copy: EntryCopy, standing: Standing | None, kept: Kept) -> Restoration:
        with self._link.call():
            if standing is not None and is_replaced(self._link, copy.id[-ID_LETTERS:], standing):
                return Restoration(Return.NEWER_KEPT)
            answer = super().restore([copy], kept)[0]
            if answer.fate is Return.RESTORED and standing is not None:
                bring_back(self._link, copy.id[-ID_LETTERS:], standing)
        return answer

    def present(self, copies: Sequence[EntryCopy]) -> list[bool]:
        """Whether each is stored as it was copied."""
        return super().present([_opened(copy)[0] for copy in copies])

    def measure(self) -> Volume:
        """As in every format."""
        volume = super().measure()
        self.warnings = (*self.warnings, CUT_OFF)
        return volume

    def _reads_values(self) -> bool:
        return True

    def _rows(self, page: Described, created: Sequence[float] | None) -> Batch:
        found = standings(self._link, self._prefix, [_id_of(name) for name in page.names])
        page = page.only([row for row, name in enumerate(page.names) if _id_of(name) in found])
        heads = self._heads(page.names)
        whole = self._described(page.names)
        rows = super()._rows(page, created)
        rows.numbers["size"][:] = [sum(max(0, size) for size in entry.sizes) for entry in whole]
        rows.numbers["expires"][:] = [float(found[_id_of(name)].score) for name in page.names]
        for at, entry in enumerate(whole):
            rows.stamps[at] = self._stamp(entry)
        return replace(
            rows,
            keys=[head.title if head else _id_of(name) for head, name in zip(heads, page.names, strict=True)],
            types=[""] * len(heads),
            problems=dict(rows.problems) | {at: UNREADABLE for at, head in enumerate(heads) if head is None},
        )

    def _heads(self, names: Sequence[str]) -> list[Head | None]:
        found: list[Head | None] = []
        for start in range(0, len(names), _HEADS_AT_ONCE):
            part = names[start : start + _HEADS_AT_ONCE]
            answers = self._link.bracketed([("GETRANGE", bytes_of(name), 0, LONGEST_HEAD - 1) for name in part])
            found += [read_head(answer) if isinstance(answer, bytes) else None for answer in answers]
        return found

    def _body(self, name: str, max_bytes: int | None) -> Piece:
        """The chunks of a body, those that are needed."""
        key, data, at = bytes_of(name), bytearray(), 0
        count = cast(int, asked(self._link, ("LLEN", key)))
        while at < count and (max_bytes is None or len(data) < max_bytes):
            chunk = asked(self._link, ("LINDEX", key, at))
            data += chunk if isinstance(chunk, bytes) else b""
            at += 1
        rest = [asked(self._link, ("LINDEX", key, number)) for number in range(at, count)]
        total = len(data) + sum(len(chunk) for chunk in rest if isinstance(chunk, bytes))
        return Piece("body", bytes(data[:max_bytes]), total)

    def _entry_copy(self, entry_id: EntryId, now: Described, keys: Sequence[KeyCopy]) -> EntryCopy:
        copy, name = super()._entry_copy(entry_id, now, keys), cast(str, entry_id)
        head, standing = self._heads([name])[0], self._standing.get(_id_of(name))
        placed = astuple(standing) if standing else None
        return replace(copy, key=head.title if head else _id_of(name), data=msgpack.packb([copy.data, placed]))

    def _index_of(self, name: bytes) -> bytes:
        standing = self._standing.get(_id_of(name.decode("ascii", "replace")))
        # An entry in no index leaves none; this name is nobody's.
        return standing.index if standing else name + b":no-index"

    def _names(self, entry_id: EntryId) -> Names:
        one = _id_of(cast(str, entry_id))
        return tuple(f"{self._prefix}{part}:{one}" for part in ("entry", "stream", "stream_done"))

    def _parts(self, names: Collection[str]) -> Iterable[str]:
        for name in names:
            if found := _DATA_KEY.fullmatch(name, len(self._prefix)):
                yield f"{self._prefix}entry:{found[1]}"

    def _stamp(self, entry: Described) -> Stamp:
        return (max(0, entry.sizes[0]), max(0, entry.sizes[1]), entry.expiries[0])


def _id_of(name: str) -> str:
    return name[-ID_LETTERS:]


def _opened(copy: EntryCopy) -> tuple[EntryCopy, Standing | None]:
    """A copy as its keys alone have it, and its place; a damaged one stays as it is, to be refused as such."""
    try:
        data, placed = msgpack.unpackb(copy.data, max_bin_len=len(copy.data))
        return replace(copy, data=data), Standing(*placed) if placed else None
    except (ValueError, TypeError, msgpack.UnpackException):
        return copy, None
