"""Saves the stored bytes of a value as a file: whole or not at all. Runs in a thread, not on the window's."""

import os
import secrets
from pathlib import Path

from cache_studio.adapters.base import Adapter
from cache_studio.model.errors import CacheStudioError, EntryNotFound
from cache_studio.model.identity import EntryId
from cache_studio.services.attachment import Attachment


def save_value(attachment: Attachment, entry_id: EntryId, piece_name: str, path: Path) -> int:
    """Read one piece of an entry whole and write it to `path`, replacing what is there; its length.

    EntryNotFound when the entry is gone, CacheStudioError when the file cannot be written.
    """

    def read(adapter: Adapter) -> bytes:
        pieces = adapter.read(entry_id).pieces
        found = next((piece for piece in pieces if piece.name == piece_name), None)
        if found is None:
            raise EntryNotFound("This part of the entry is gone.", "Look at the entry again.")
        return found.data

    data = attachment.call(read).result()
    part = path.with_name(f".{path.name[:80]}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise CacheStudioError(
            f"{path} cannot be written: {error.strerror}.", "Check the folder, its rights and the free space."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return len(data)
