"""The first entries of a cache as a choice of options would list them: what the attach dialog shows while one maps."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cache_studio.adapters.base import Adapter
from cache_studio.adapters.defaults import take
from cache_studio.adapters.registry import get_format
from cache_studio.config import project
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target

ROWS = 10
VALUE_BYTES = 200


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One entry; times in epoch seconds, sizes in bytes, NaN where not recorded, expires +inf for never."""

    key: str
    value: str
    """The beginning of the value as text; of other bytes only how many they are."""
    namespace: str
    tags: tuple[str, ...]
    created: float
    accessed: float
    expires: float
    hits: float
    size: float
    problem: str


def preview(target: Target) -> list[PreviewRow]:
    """Up to ROWS entries, read-only. Blocks; raises what opening and listing raise."""
    known = get_format(target.format)
    options = read_options(known.options, target.options)
    with closing(known.adapter_class().open(target, options, writable=False)) as adapter:
        batch = _first(adapter)
        return [] if batch is None else [_row(adapter, batch, row) for row in range(len(batch))]


def share(target: Target, name: str, folder: str) -> str:
    """Write the cache with its options into the project file of `folder`, as the preview showed it; the file's path.

    BadRequest for a cache that does not lie below it.
    """
    file = Path(folder) / project.FILE_NAME
    project.save(file, project.ProjectCache(target.location, target.format, name, dict(target.options)))
    return str(file)


def _first(adapter: Adapter) -> Batch | None:
    walk = adapter.scan()
    try:
        batch = next(walk, None)
    finally:
        walk.close()
    if batch is None:
        return None
    batch = take(batch, list(range(min(ROWS, len(batch)))))
    waiting = [batch.ids[row] for row in range(len(batch)) if batch.pending[row]]
    if not waiting:
        return batch
    filled = adapter.fill(waiting)
    return filled if len(filled) == len(batch) else batch


def _row(adapter: Adapter, batch: Batch, row: int) -> PreviewRow:
    number = {name: float(column[row]) for name, column in batch.numbers.items()}
    return PreviewRow(
        key=batch.keys[row],
        value=_value(adapter, batch, row),
        namespace=batch.namespaces[row],
        tags=() if batch.tags is None else tuple(batch.tags[row]),
        created=number["created"],
        accessed=number["accessed"],
        expires=number["expires"],
        hits=number["hits"],
        size=number["size"],
        problem=batch.problems.get(row, ""),
    )


def _value(adapter: Adapter, batch: Batch, row: int) -> str:
    if not adapter.capabilities.can(Ability.READ):
        return ""
    try:
        piece = adapter.read(batch.ids[row], VALUE_BYTES).pieces[0]
    except CacheStudioError:
        return ""
    text = piece.data.decode("utf-8", "ignore" if piece.total > len(piece.data) else "replace")
    if "\0" in text or "\ufffd" in text:
        return f"{piece.total:,} bytes"
    return text
