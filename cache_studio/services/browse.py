"""What a list shows: entries selected, put in order, counted by facet. Computed off the window's thread."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache_studio.adapters.base import Adapter
from cache_studio.model.columns import Mask, View
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, Cancelled, EntryNotFound
from cache_studio.model.identity import EntryId
from cache_studio.model.matching import Matched, Truth, match, text_tester
from cache_studio.model.payload import Payload
from cache_studio.model.selection import EVERYTHING, AllOf, AnyOf, Compare, Node, Not, comparisons, parse_selection
from cache_studio.model.statistics import Group, Totals, by_namespace, by_tag, by_type, total
from cache_studio.services.attachment import Attachment
from cache_studio.services.ordering import Sort, ordered
from cache_studio.services.show import Reader

READ_AT_ONCE = 20
"""Values read in one call to the attachment while a selection looks into them."""
VALUE_BYTES = 1_000_000
"""How much of a value a selection looks into."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The result of a search: rows of `view` in order, and what could not be decided."""

    view: View
    rows: NDArray[np.int32]
    matched: Matched
    totals: Totals
    expression: str = ""


@dataclass(frozen=True, slots=True)
class Facets:
    """What can be chosen beside the list, each with its entries and bytes."""

    namespaces: tuple[Group, ...]
    types: tuple[Group, ...]
    tags: tuple[Group, ...]
    totals: Totals


def list_entries(
    attachment: Attachment,
    expression: str,
    sort: Sort,
    now: float,
    reader: Reader,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Listing:
    """The entries that `expression` selects at `now`, in order. Not for the window's or the attachment's thread.

    SelectionError with the place for a wrong expression; Cancelled as soon as `stop` says so.
    """
    view = current_view(attachment)
    node = parse_selection(expression)
    matched = select(attachment, view, node, now, reader, stop, on_progress)
    rows = ordered(view, matched.true, sort, stop)
    return Listing(view, rows, matched, total(view, now, matched.true), expression)


def current_view(attachment: Attachment) -> View:
    """The newest view; an empty one is no view: EntryNotFound while nothing was listed yet."""
    view = attachment.standing.view
    if view is None:
        raise EntryNotFound("Nothing is listed yet.", "Wait until the cache is open.")
    return view


def select(
    attachment: Attachment,
    view: View,
    node: Node,
    now: float,
    reader: Reader,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> Matched:
    """What `node` selects on `view`. Values are read last, only where the rest leaves it open."""
    terms = [term for term in comparisons(node) if term.field == "value"]
    if not terms:
        return match(node, view, now, stop=stop)
    nowhere = np.zeros(view.n, np.bool_)
    at_best = match(_with_values(node, True), view, now, stop=stop).true
    at_worst = match(_with_values(node, False), view, now, stop=stop).true
    open_rows = np.flatnonzero(at_best & ~at_worst)
    values = {term: Truth(nowhere.copy(), nowhere.copy()) for term in terms}
    done = 0
    for start in range(0, open_rows.size, READ_AT_ONCE):
        if stop():
            raise Cancelled
        rows = open_rows[start : start + READ_AT_ONCE].tolist()
        for row, payload in zip(rows, _read(attachment, [view.ids[row] for row in rows]), strict=True):
            _look_into(values, row, payload, reader)
        done += len(rows)
        on_progress(done, int(open_rows.size))
    return match(node, view, now, values=values, stop=stop)


def _with_values(node: Node, favourable: bool) -> Node:
    """`node` with every comparison of a value decided in favour of the whole (or against it)."""
    match node:
        case Compare(field="value"):
            return EVERYTHING if favourable else Not(EVERYTHING)
        case Not(inner):
            return Not(_with_values(inner, not favourable))
        case AllOf(parts):
            return AllOf(tuple(_with_values(part, favourable) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_with_values(part, favourable) for part in parts))
        case _:
            return node


def _read(attachment: Attachment, ids: list[EntryId]) -> list[Payload | None]:
    def read(adapter: Adapter) -> list[Payload | None]:
        found: list[Payload | None] = []
        for entry_id in ids:
            try:
                found.append(adapter.read(entry_id, VALUE_BYTES))
            except (CacheUnavailable, Cancelled):
                raise
            except CacheStudioError:  # gone or broken: what it holds is not known
                found.append(None)
        return found

    future: Future[list[Payload | None]] = attachment.call(read)
    return future.result()


def _look_into(values: dict[Compare, Truth], row: int, payload: Payload | None, reader: Reader) -> None:
    text = "" if payload is None else reader.text_of(payload)
    whole = payload is not None and not any(piece.problem or piece.total > len(piece.data) for piece in payload.pieces)
    for term, truth in values.items():
        found = bool(text_tester(term)(text))
        if whole or (found and term.operator == ":"):
            truth.true[row] = found
        else:  # the part that was not read could decide otherwise
            truth.unknown[row] = True


def facets(view: View, now: float, mask: Mask | None = None) -> Facets:
    """The groups of a view, or of the entries in `mask`."""
    return Facets(
        namespaces=tuple(by_namespace(view, now, mask)),
        types=tuple(by_type(view, now, mask)),
        tags=tuple(by_tag(view, now, mask)),
        totals=total(view, now, mask),
    )
