"""Removing entries of one key each, a page at a time: what was seen of them goes to the server as columns.

The server compares a key with what was seen and dumps it in one look, and compares again with the dump when it is
removed. So there is no description of each key on the way, and hardly an object for it.
"""

import sys
from collections.abc import Callable, Sequence
from hashlib import sha1
from typing import Final, TypeAlias, cast

import msgpack

from cache_studio.adapters.base import EntryCopy, Keep
from cache_studio.adapters.redis_columns import KINDS
from cache_studio.adapters.redis_key_copies import DUMPED_BYTES, KeyCopy
from cache_studio.adapters.redis_link import Link, Script, ScriptCall, one_argument
from cache_studio.adapters.redis_listing import Listing
from cache_studio.adapters.redis_options import bytes_of
from cache_studio.adapters.redis_removal import BATCH_BYTES, BATCH_KEYS, HELD_BYTES, Proven, Remover, portions
from cache_studio.adapters.redis_scripts import COPY
from cache_studio.model.seeing import Fate, Removal, Seen

CopyOf: TypeAlias = Callable[[KeyCopy, int], EntryCopy]
"""The copy of the entry of a key, and of its bytes."""
PAGE_ENTRIES = 500
"""Entries that are removed at once, in some 20 ms: what makes copies durable costs the same for few."""
FEWEST_ENTRIES = 50
"""Where they are large, or the server far away."""
_CHANGED: Final = 0


class PageRemover:
    """Removes entries whose ids are their keys and whose stamps are type, size and expiry; beside a `Remover`."""

    def __init__(self, link: Link, listing: Listing, remover: Remover) -> None:
        self._link = link
        self._remover = remover
        self._copy = Script(listing.functions + COPY)
        self._how = (listing.tolerance, 0, "seen")

    @staticmethod
    def is_fit(link: Link) -> bool:
        """Whether this server compares and dumps whole pages of keys for this user."""
        return link.rights.scripts and link.rights.dumps and link.entries_in_script >= BATCH_KEYS

    def remove(self, entries: Sequence[Seen], keep: Keep | None, copy_of: CopyOf) -> list[Removal | None]:
        """As `Adapter.remove`; None for an entry that was not touched: it has to be looked at by itself."""
        removals: list[Removal | None] = [None] * len(entries)
        most = sys.maxsize if keep is None else DUMPED_BYTES
        fit = [at for at, seen in enumerate(entries) if 0 < seen.stamp[0] < len(KINDS) and 0 <= seen.stamp[1] <= most]
        if keep is None:
            proven: list[Proven] = [([_name(entries[at])], [_proof(entries[at])]) for at in fit]
            self._note(removals, entries, fit, self._remover.remove_proven(proven, [0] * len(fit), "seen"))
            return removals
        for portion in portions([entries[at].stamp[1] for at in fit], HELD_BYTES, len(fit)):
            self._copy_and_remove([fit[place] for place in portion], entries, removals, keep, copy_of)
        return removals

    def _copy_and_remove(
        self,
        places: Sequence[int],
        entries: Sequence[Seen],
        removals: list[Removal | None],
        keep: Keep,
        copy_of: CopyOf,
    ) -> None:
        sizes = [entries[at].stamp[1] for at in places]
        parts = [[places[place] for place in part] for part in portions(sizes, BATCH_BYTES, BATCH_KEYS)]
        whole: list[int] = []
        copies: list[EntryCopy] = []
        proven: list[Proven] = []
        dumped: list[int] = []
        for part, answer in zip(parts, self._link.run_each(self._copy, self._calls(parts, entries)), strict=True):
            if not isinstance(answer, bytes):  # one key that may not be looked at refuses the whole call
                continue
            for at, dump, expiry, accessed in zip(part, *msgpack.unpackb(answer, raw=True), strict=True):
                if not dump:
                    fate = Fate.CHANGED if dump == _CHANGED else Fate.GONE
                    removals[at] = Removal(entries[at].id, fate)
                    continue
                name, proof = _name(entries[at]), sha1(dump, usedforsecurity=False).hexdigest()
                whole.append(at)
                copies.append(copy_of(KeyCopy(name, expiry, accessed, proof, dump), entries[at].stamp[1]))
                proven.append(([name], [(proof, expiry)]))
                dumped.append(len(dump))
        if whole:
            keep.copies(copies)
            self._note(removals, entries, whole, self._remover.remove_proven(proven, dumped, "equal"))

    def _calls(self, parts: Sequence[Sequence[int]], entries: Sequence[Seen]) -> list[ScriptCall]:
        calls: list[ScriptCall] = []
        for part in parts:
            told: list[object] = []
            for at in part:
                told += (entries[at].id, *_proof(entries[at]))
            calls.append(((), (*self._how, one_argument(told))))
        return calls

    @staticmethod
    def _note(
        removals: list[Removal | None],
        entries: Sequence[Seen],
        places: Sequence[int],
        fates: Sequence[Fate | str],
    ) -> None:
        for at, fate in zip(places, fates, strict=True):
            seen = entries[at]
            if fate is Fate.REMOVED:
                removals[at] = Removal(seen.id, fate, seen.stamp[1])
            elif isinstance(fate, Fate):
                removals[at] = Removal(seen.id, fate)
            else:
                removals[at] = Removal(seen.id, Fate.FAILED, reason=fate)


def _name(seen: Seen) -> bytes:
    return bytes_of(cast(str, seen.id))


def _proof(seen: Seen) -> tuple[str, int]:
    """What the server answers for a key that is still what was seen: type and memory, and its expiry."""
    kind, size, expiry = seen.stamp
    return f"{KINDS[kind]}:{size}", expiry
