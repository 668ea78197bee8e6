"""The rows of a big table as frames; runs in a child process."""

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from cache_studio.adapters.batch_frames import TOLD, frame_of
from cache_studio.adapters.sqlite_errors import replaced
from cache_studio.adapters.sqlite_open import Cell
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target


def list_rows(
    adapter: str,
    path: bytes,
    options: Mapping[str, OptionValue],
    identity: Sequence[int],
    after: Sequence[Cell] | None,
    lost: Sequence[str],
) -> Iterator[dict[str, Any]]:
    """What `ListsRows` of the class `adapter` ("module:Class") lists behind the place `after`, each page a frame.

    `lost`: what could not be read up to there. CacheUnavailable where another file than the one of `identity` stands at
    the path by now.
    """
    module, _, name = adapter.partition(":")
    opened = getattr(import_module(module), name).open(Target(os.fsdecode(path)), options, writable=False)
    try:
        file = opened.database.file
        if [file.st_dev, file.st_ino] != list(identity):
            raise replaced()
        rows = opened.entries_of(opened.pages_after(None if after is None else tuple(after), lost))
        while True:
            try:
                yield frame_of(next(rows))
            except StopIteration as end:
                yield {TOLD: end.value}
                return
    finally:
        opened.close()
