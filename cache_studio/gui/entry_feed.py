"""Keeps the entry list of one attachment true: lists anew when the cache, the expression or the sort changes.

All of it is computed off the window's thread. What the user changes starts at once and drops the listing
under way; what the cache changes waits for the listing under way, and a dear listing is made less often.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from cache_studio.gui.conditions import (
    CHIPS,
    LIFETIMES,
    chosen_in,
    group_part,
    lifetime_terms,
    namespace_terms,
    parts_of,
    tag_terms,
)
from cache_studio.gui.controller import Controller
from cache_studio.gui.item_models.entry_rows import EntryRows
from cache_studio.gui.tasks import Stop
from cache_studio.model.columns import Mask, View
from cache_studio.model.errors import CacheStudioError, SelectionError
from cache_studio.model.matching import match
from cache_studio.model.selection import comparisons, parse_selection
from cache_studio.model.statistics import Group, Totals, by_namespace, by_tag, total
from cache_studio.services.attachment import Attachment
from cache_studio.services.browse import Listing, list_entries
from cache_studio.services.ordering import Sort

TYPING_MS = 150
"""An expression applies this long after the last key press."""
LEAST_MS = 100
"""Between two listings that nobody asked for."""
SOON_MS = 10
"""The same where all is listed and only changes are followed: there is a new view ten times a second at most."""
SHOWN = 40
"""Facets of a group that are shown at most; the search box reaches the others."""
FACETS_EVERY = 1.0
"""Seconds between two counts of facets that nobody asked for."""
REST = 5.0
"""A listing or count that nobody asked for leaves so many times its length to the other threads."""
QUICK = 0.03
"""Seconds of a listing that take nothing from anybody that a user would notice: no rest for them while following."""
ACTING_REST = 50.0
"""The same while an action changes the cache: the list lies behind its progress, and takes the interpreter from it."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The groups of one kind that are shown as facets: the biggest SHOWN, and those that the expression chooses."""

    groups: tuple[Group, ...]
    more: int
    """How many are left out: there may be a million."""
    terms: Mapping[str, str]
    """The condition of each of `groups` that has one."""


@dataclass(frozen=True, slots=True)
class FacetFigures:
    """What stands beside and above the list. A group is counted without its own condition."""

    namespaces: Choices
    tags: Choices
    lifetimes: tuple[Group, ...]
    """One for each of LIFETIMES."""
    chips: tuple[int | None, ...]
    """Entries shown that each of CHIPS would leave; None where what it asks is not recorded."""
    whole: Totals
    """The totals of the whole cache."""


class EntryFeed(QObject):
    """The listing in force and its facets.

    Signals:
        listed(EntryRows): a new listing.
        wrong(SelectionError): the expression cannot be read; the last listing stays.
        failed(CacheStudioError): the listing could not be made.
        counted(FacetFigures): facets and chips.
        looked(int, int): values read so far, and how many there are to read.
    """

    listed = Signal(object)
    wrong = Signal(object)
    failed = Signal(object)
    counted = Signal(object)
    looked = Signal(int, int)

    def __init__(self, controller: Controller, attachment: Attachment, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller, self._attachment = controller, attachment
        self.expression = ""
        self.sort = Sort()
        self.shown: EntryRows | None = None
        self._outdated = self._whole_listed = self._whole_counted = self._gives_way = self._asked = False
        self._began = self._seconds = self._counted_at = self._count_seconds = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._list)
        self._count_timer = QTimer(self)
        self._count_timer.setSingleShot(True)
        self._count_timer.timeout.connect(self._count)

    def set_expression(self, expression: str, at_once: bool) -> None:
        """List what `expression` selects, now or after the user stopped typing."""
        self.expression = expression
        self._counted_at, self._gives_way, self._asked = 0.0, False, True
        self._timer.start(0 if at_once else TYPING_MS)

    def set_sort(self, sort: Sort) -> None:
        """List in another order."""
        self.sort, self._gives_way, self._asked = sort, False, True
        self._timer.start(0)

    def note_change(self) -> None:
        """The cache has a new view. The first whole one is listed at once: what is shown till then lacks entries."""
        view = self._attachment.standing.view
        running = self._is_under_way("list")
        if self.shown is not None and self.shown.view is view and not running:
            return  # it was told of once more while its listing was under way
        if view is not None and view.complete and not self._whole_listed:
            self._whole_listed = True
            self._timer.start(0)
        elif running:
            self._outdated = True
        elif not self._timer.isActive() or (self._gives_way and not self._attachment.is_acting):
            self._gives_way = self._attachment.is_acting
            self._timer.start(self._rest_ms(view is not None and view.complete))

    def _rest_ms(self, complete: bool) -> int:
        """Until the next listing that nobody asked for."""
        if self._gives_way:
            return max(LEAST_MS, round(1_000 * ACTING_REST * self._seconds))
        if complete:
            return max(SOON_MS, round(1_000 * REST * (self._seconds - QUICK)))
        return max(LEAST_MS, round(1_000 * REST * self._seconds))

    def stop(self) -> None:
        """Want nothing any more."""
        self._timer.stop()
        self._count_timer.stop()
        for what in ("list", "count"):
            self._controller.tasks.drop(self._name(what))

    def _name(self, what: str) -> str:
        return f"{what} {id(self)}"

    def _is_under_way(self, what: str) -> bool:
        return self._controller.tasks.is_under_way(self._name(what))

    def _list(self) -> None:
        attachment, expression, sort = self._attachment, self.expression, self.sort
        view = attachment.standing.view
        if view is None or not self._controller.is_ready:
            return
        if not (view.complete or self._asked) and self._is_under_way("count"):
            self._timer.start(LEAST_MS)  # one after the other: beside a cache that is read both take the window's core
            return
        reader, tasks = self._controller.studio.reader, self._controller.tasks
        self._outdated, self._asked, self._began = False, False, time.monotonic()

        def work(stop: Stop) -> EntryRows:
            def looked(done: int, of: int) -> None:
                tasks.tell(lambda: self.looked.emit(done, of))

            now = time.time()
            return EntryRows.of(list_entries(attachment, expression, sort, now, reader, stop.between_steps, looked))

        tasks.run(self._name("list"), work, self._on_listed, self._on_error)

    def _on_listed(self, shown: EntryRows) -> None:
        self.shown = shown
        self._ended()
        self.listed.emit(shown)
        wait = max(FACETS_EVERY, REST * self._count_seconds) - (time.monotonic() - self._counted_at)
        if shown.view.complete and not self._whole_counted:
            self._whole_counted = True
            self._count_timer.start(0)
        elif not self._count_timer.isActive():
            self._count_timer.start(max(0, round(wait * 1000)))

    def _on_counted(self, figures: FacetFigures) -> None:
        self._count_seconds = time.monotonic() - self._counted_at
        self.counted.emit(figures)

    def _on_error(self, error: CacheStudioError) -> None:
        self._ended()
        if isinstance(error, SelectionError):
            self.wrong.emit(error)
        else:
            self.failed.emit(error)

    def _ended(self) -> None:
        self._seconds = time.monotonic() - self._began
        if self._outdated:
            self.note_change()

    def _count(self) -> None:
        if self.shown is None:
            return
        if not self.shown.view.complete and self._is_under_way("list"):
            self._count_timer.start(LEAST_MS)  # see `_list`
            return
        listing = self.shown.listing
        self._counted_at = time.monotonic()
        self._controller.tasks.run(
            self._name("count"),
            lambda stop: count_facets(listing, time.time(), stop),
            self._on_counted,
            self.failed.emit,
        )


def count_facets(listing: Listing, now: float, stop: Stop) -> FacetFigures:
    """Facets and chips of a listing. Not for the window's thread."""
    view, mask = listing.view, listing.matched.true
    namespaces = _choices(by_namespace, namespace_terms(view.namespace_names), listing, now, stop)
    tags = _choices(by_tag, tag_terms(_tag_names(view)), listing, now, stop)
    lifetimes = _lifetimes(view, _mask_without(listing, lifetime_terms(), now, stop), now)
    chips = tuple(_count_of(term, view, mask, now, stop) for term in CHIPS)
    return FacetFigures(namespaces, tags, tuple(lifetimes), chips, total(view, now))


def _choices(
    count: Callable[[View, float, Mask], list[Group]], terms: dict[str, str], listing: Listing, now: float, stop: Stop
) -> Choices:
    groups = count(listing.view, now, _mask_without(listing, terms, now, stop))
    chosen = chosen_in(listing.expression, terms)
    shown = tuple(group for at, group in enumerate(groups) if at < SHOWN or group.name in chosen)
    own = {group.name: terms[group.name] for group in shown if group.name in terms}
    return Choices(shown, len(groups) - len(shown), own)


def _tag_names(view: View) -> list[str]:
    return list(dict.fromkeys(tag for tags in view.tag_sets for tag in tags))


def _count_of(term: str, view: View, mask: Mask, now: float, stop: Stop) -> int | None:
    found = match(parse_selection(term), view, now, stop=stop.between_steps)
    count = int(np.count_nonzero(found.true & mask & view.alive))
    return None if not count and (found.unknown & mask & view.alive).any() else count


def _lifetimes(view: View, mask: Mask, now: float) -> Iterator[Group]:
    expires, sizes = view.numbers["expires"], np.nan_to_num(view.numbers["size"])
    shown = mask & view.alive
    parts = {"stale": expires <= now, "forever": expires == np.inf, "fresh": (expires > now) & (expires < np.inf)}
    for name in LIFETIMES:
        part = parts[name] & shown
        yield Group(name, int(np.count_nonzero(part)), int(sizes[part].sum()), 0, 0)


def _mask_without(listing: Listing, terms: dict[str, str], now: float, stop: Stop) -> Mask:
    """What would be shown without the conditions of a group; the same mask where it has none."""
    own = group_part(listing.expression, terms)
    if not own:
        return listing.matched.true
    node = parse_selection(parts_of(listing.expression).less(own).expression)
    if any(term.field == "value" for term in comparisons(node)):
        return listing.matched.true  # values are read once, for the list itself
    return match(node, listing.view, now, stop=stop.between_steps).true


def totals_of(view: View, rows: NDArray[np.int32], now: float) -> Totals:
    """The totals of some rows of a view."""
    mask = np.zeros(view.n, np.bool_)
    mask[rows] = True
    return total(view, now, mask)
