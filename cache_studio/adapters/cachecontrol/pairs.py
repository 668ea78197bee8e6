"""A response and the file of its body: copied, removed and brought back together."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgpack
from msgspec import structs

from cache_studio.adapters.base import EntryCopy, Kept
from cache_studio.adapters.cachecontrol.layout import BODY
from cache_studio.adapters.file_copies import Copier, FileCopy, Outcome, is_present, remove_copied, restore_file
from cache_studio.adapters.files import Folder, stamp_of
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.seeing import Fate, Restoration, Return


@dataclass(frozen=True, slots=True)
class Pair:
    """Copies of both files; `body` None where the body lies in the first."""

    head: FileCopy
    body: FileCopy | None

    def entry_copy(self, key: str) -> EntryCopy:
        """The copy that waits in the trash."""
        both = [copy for copy in (self.head, self.body) if copy is not None]
        packed: bytes = msgpack.packb([copy.pack() for copy in both])
        place = os.fsencode("/".join(self.head.parts))
        kept = tuple(copy.kept for copy in both if copy.kept)
        return EntryCopy(key, "", sum(copy.length for copy in both), packed, place, kept)

    @classmethod
    def unpack(cls, data: bytes) -> "Pair":
        """Of `EntryCopy.data`; CacheStudioError when it is damaged."""
        try:
            head, *rest = msgpack.unpackb(data)
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise CacheStudioError("The copy of this entry is damaged.", "It cannot be restored.") from error
        return cls(FileCopy.unpack(head), FileCopy.unpack(rest[0]) if rest else None)


def take_pair(root: Folder, copier: Copier, head: FileCopy) -> Pair | Outcome:
    """The copied head with a copy of its body's file, where there is one; or why that cannot be copied."""
    parts = (*head.parts[:-1], head.parts[-1] + BODY)
    try:
        with root.holding(parts) as folder:
            body = copier.take(folder, parts, stamp_of(folder.status(parts[-1])))
    except FileNotFoundError:
        return Pair(head, None)
    except OSError as error:
        return Outcome(Fate.FAILED, reason=f"Its body cannot be read: {error.strerror}.")
    if isinstance(body, Outcome):
        return Pair(head, None) if body.fate is Fate.GONE else body
    return Pair(head, body)


def remove_pair(root: Folder, pair: Pair) -> Outcome:
    """Remove the head, without which the library sees no entry, then the body unless it is another one by now."""
    try:
        with root.holding(pair.head.parts) as folder:
            outcome = remove_copied(folder, pair.head)
            if outcome.fate is not Fate.REMOVED or pair.body is None:
                return outcome
            body = remove_copied(folder, pair.body)
    except FileNotFoundError:
        return Outcome(Fate.GONE)
    except OSError as error:
        return Outcome(Fate.FAILED, reason=f"Its folder cannot be opened: {error.strerror}.")
    reason = f"Its body stays. {body.reason}" if body.fate is Fate.FAILED else ""
    return structs.replace(outcome, freed=outcome.freed + body.freed, reason=reason)


def restore_pair(root: Folder, copy: EntryCopy, kept: Kept) -> Restoration:
    """Bring both back, the body first: a head without it would be served as an empty response."""
    try:
        pair = Pair.unpack(copy.data)
    except CacheStudioError as error:
        return Restoration(Return.FAILED, error.message)
    if not is_present(root, pair.head) and _exists(root, pair.head.parts):
        return Restoration(Return.NEWER_KEPT, "The application stored a newer one meanwhile.")
    both: Sequence[FileCopy] = [pair.head] if pair.body is None else [pair.body, pair.head]
    answer = Restoration(Return.RESTORED)
    for one in both:
        answer = restore_file(root, replace_data(copy, one), kept)
        if answer.fate is not Return.RESTORED:
            break
    return answer


def replace_data(copy: EntryCopy, file: FileCopy) -> EntryCopy:
    """The copy of one of its files alone."""
    return replace(copy, data=file.pack())


def is_pair_present(root: Folder, copy: EntryCopy) -> bool:
    """Whether both files lie there as they were copied."""
    try:
        pair = Pair.unpack(copy.data)
    except CacheStudioError:
        return False
    return is_present(root, pair.head) and (pair.body is None or is_present(root, pair.body))


def _exists(root: Folder, parts: Sequence[str]) -> bool:
    try:
        with root.holding(parts) as folder:
            folder.status(parts[-1])
            return True
    except OSError:
        return False
