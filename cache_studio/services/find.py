"""Finds one entry by its key, and reads its stored bytes whole."""

from concurrent.futures import Future

from cache_studio.model.entries import Entry, entry_at
from cache_studio.model.errors import BadRequest, EntryNotFound
from cache_studio.model.identity import EntryId
from cache_studio.model.payload import Piece
from cache_studio.services.attachment import Attachment
from cache_studio.services.browse import current_view


def find_entries(attachment: Attachment, key: str, namespace: str | None) -> list[Entry]:
    """Every listed entry with this key, in one namespace or (None) in all. Blocks.

    Where no listed key is that text the cache itself is asked: it may store a hash of it, or list it under its URL.
    """
    view = current_view(attachment)
    rows = [row for row in view.rows().tolist() if view.keys[row] == key]
    if not rows:
        ids = attachment.call(lambda adapter: adapter.lookup([key], namespace).ids).result()
        rows = [row for row in map(view.row_of, ids) if row is not None]
    entries = [entry_at(view, row) for row in rows]
    return [entry for entry in entries if namespace is None or entry.namespace == namespace]


def find_entry(attachment: Attachment, key: str, namespace: str | None) -> Entry:
    """The one entry with this key; EntryNotFound for none, BadRequest when several namespaces have it."""
    found = find_entries(attachment, key, namespace)
    if not found:
        raise EntryNotFound(f"There is no entry “{key}”.", "`list` shows the keys that exist.")
    if len(found) > 1:
        names = sorted({entry.namespace or '""' for entry in found})
        hint = f"Name one of the namespaces: {', '.join(names)}." if len(names) > 1 else "Choose one with a selection."
        raise BadRequest(f"{len(found)} entries have the key “{key}”.", hint)
    return found[0]


def read_raw(attachment: Attachment, entry_id: EntryId) -> "Future[Piece]":
    """The entry's main value as it is stored, whole."""
    return attachment.call(lambda adapter: adapter.read(entry_id).pieces[0])
