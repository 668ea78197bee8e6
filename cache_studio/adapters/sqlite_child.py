"""The rows of a big table as frames; runs in a child process."""

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from cache_studio.adapters.batch_frames import TOLD, frame_of, id_from
from cache_studio.adapters.defaults import without
from cache_studio.adapters.sqlite_errors import replaced
from cache_studio.model.options import OptionValue
from cache_studio.model.targets import Target


def list_rows(
    adapter: str, path: bytes, options: Mapping[str, OptionValue], identity: Sequence[int], listed: Sequence[Any]
) -> Iterator[dict[str, Any]]:
    """`RowsAdapter.pages` of the class `adapter` ("module:Class") without the ids `listed`, each page a frame.

    CacheUnavailable where another file than the one of `identity` stands at the path by now.
    """
    module, _, name = adapter.partition(":")
    opened = getattr(import_module(module), name).open(Target(os.fsdecode(path)), options, writable=False)
    try:
        file = opened.database.file
        if [file.st_dev, file.st_ino] != list(identity):
            raise replaced()
        rows = opened.pages()
        seen = {id_from(found) for found in listed}
        while True:
            try:
                yield frame_of(without(next(rows), seen))
            except StopIteration as end:
                yield {TOLD: end.value}
                return
    finally:
        opened.close()
