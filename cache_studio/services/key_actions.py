"""Renaming one entry, and emptying a whole database: what only servers do. Both are noted in the activity list."""

import time
from concurrent.futures import Future

from cache_studio.adapters.base import Adapter
from cache_studio.adapters.key_actions import FlushesDatabase, RenamesKeys
from cache_studio.model.errors import BadRequest, EntryNotFound, UnsupportedAction
from cache_studio.model.identity import EntryId
from cache_studio.model.plans import Verb
from cache_studio.model.seeing import Seen
from cache_studio.services.attachment import Attachment
from cache_studio.services.telling import tell_applications
from cache_studio.trash.trash import Trash

NO_UNDO = "No copy is kept of anything: this cannot be undone."


def rename(attachment: Attachment, entry_id: EntryId, name: str, trash: Trash, by: str) -> Future[EntryId]:
    """Give an entry another key, as `RenamesKeys.rename` promises; its new id. Renaming it back undoes it."""
    view = attachment.standing.view
    row = view.row_of(entry_id) if view is not None else None
    if view is None or row is None:
        raise EntryNotFound(
            "The entry is not listed any more.", "It may have been removed meanwhile; refresh the list."
        )
    seen, key = Seen(entry_id, view.stamp(row)), view.keys[row]

    def work(adapter: Adapter) -> EntryId:
        if not isinstance(adapter, RenamesKeys):
            raise UnsupportedAction("Entries of this format cannot be renamed.")
        renamed = adapter.rename(seen, name)
        _note(attachment, Verb.RENAME, trash, by, 1, 0, f"{key} → {name}")
        attachment.forget([entry_id])
        _tell(attachment)
        return renamed

    return attachment.call(work)


def flushed_place(attachment: Attachment) -> Future[str]:
    """What `flush` would empty, as a user types it to agree; UnsupportedAction with the reason where it may not."""
    return attachment.call(lambda adapter: _flushing(adapter).flushed_place())


def flush(attachment: Attachment, typed: str, trash: Trash, by: str) -> Future[int]:
    """Empty the whole database for good; how many keys there were.

    BadRequest unless `typed` is `flushed_place` to the letter: no other yes is one.
    """

    def work(adapter: Adapter) -> int:
        flushing = _flushing(adapter)
        place = flushing.flushed_place()
        if typed != place:
            raise BadRequest("That is not the name of the place; nothing was removed.", f"It is {place}.")
        keys = flushing.flush()
        _note(attachment, Verb.FLUSH, trash, by, keys, keys, NO_UNDO)
        _tell(attachment)
        return keys

    return attachment.call(work)


def _flushing(adapter: Adapter) -> FlushesDatabase:
    if not isinstance(adapter, FlushesDatabase):
        raise UnsupportedAction("Caches of this format are not emptied at once.", "Use clear.")
    return adapter


def _tell(attachment: Attachment) -> None:
    tell_applications(attachment)
    attachment.refresh()


def _note(attachment: Attachment, verb: Verb, trash: Trash, by: str, planned: int, removed: int, note: str) -> None:
    place = attachment.place
    trash.note(
        verb.value,
        str(place.target),
        place.format.name,
        place.name,
        by,
        time.time(),
        planned=planned,
        removed=removed,
        note=note,
    )
