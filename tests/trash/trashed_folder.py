"""A folder of files as the cache that the trash tests remove from: the smallest thing that is really lost when lost."""

import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from cache_studio.adapters.base import EntryCopy
from cache_studio.model.seeing import Fate
from cache_studio.trash.trash import Trash

BATCH = 7
NOW = 1_790_000_000.0


def content(key: str) -> bytes:
    """What the entry `key` holds."""
    return f"value of {key} ".encode() * 40


def fill(cache: Path, count: int) -> None:
    """Write `count` entries."""
    cache.mkdir(exist_ok=True)
    for number in range(count):
        (cache / f"k{number:03}").write_bytes(content(f"k{number:03}"))


def present(cache: Path, copies: Sequence[EntryCopy]) -> list[bool]:
    """What an adapter's `present` answers."""
    return [(cache / copy.key).exists() for copy in copies]


def remove_all(trash: Trash, cache: Path) -> str:
    """Remove every entry in batches, every third value as a file; the action's id."""
    keys = sorted(os.listdir(cache))
    bin = trash.begin("clear", str(cache), "folder", {}, "demo", len(keys), "command", NOW)
    for start in range(0, len(keys), BATCH):
        batch = keys[start : start + BATCH]
        copies = []
        for key in batch:
            with (cache / key).open("rb") as file:
                if int(key[1:]) % 3 == 0:
                    names = (bin.file(file.fileno(), os.fstat(file.fileno()).st_size),)
                    copies.append(EntryCopy(key, "", len(content(key)), b"", key.encode(), names))
                else:
                    copies.append(EntryCopy(key, "", len(content(key)), file.read(), key.encode()))
        bin.copies(copies)
        for key in batch:
            (cache / key).unlink()
        bin.settle({key.encode(): Fate.REMOVED for key in batch})
    bin.finish()
    return bin.action_id


def undo_all(trash: Trash, cache: Path, action_id: str) -> None:
    """Bring everything of an action back, in batches; what is there already stays."""
    kept = trash.kept(action_id)
    while copies := trash.copies(action_id, limit=BATCH):
        for _, copy in copies:
            if copy.files:
                with kept.open(copy.files[0]) as file:
                    data = file.read()
            else:
                data = copy.data
            draft = cache.with_suffix(".draft")
            draft.write_bytes(data)
            os.replace(draft, cache / copy.key)
        trash.waiting.restored([copy_id for copy_id, _ in copies])
    trash.mark_undone(action_id, NOW)


def clear_and_undo(folder: Path, cache: Path, ready: Connection) -> None:
    """Clear and undo for ever, until killed."""
    trash = Trash(folder, NOW)
    ready.send(True)
    while True:
        undo_all(trash, cache, remove_all(trash, cache))
