"""What listed caches add to the memory of all our processes."""

import gc
from functools import partial

import footprint
from attaching import attach, detach, is_whole
from event_loop import rest, until

from cache_studio.adapters.sqlite_listing import LISTED_HERE
from cache_studio.gui.main_window import MainWindow

FEW = 10
"""Entries of a cache that is listed first, so that nothing has to be imported any more."""
BY_A_CHILD = 10 * LISTED_HERE
"""Entries of a cache that is listed and detached first, so that the child that lists has its modules, too."""
SETTLED = 2.0


def settled() -> int:
    """Bytes of our processes when nothing is under way."""
    rest(SETTLED)
    gc.collect()
    return footprint.memory()


def while_listed(window: MainWindow, entries: int, *targets: str) -> int:
    """Bytes of our processes with caches of so many entries in the window; they are detached again."""
    pages = [attach(window, window.controller.studio.resolve(target)) for target in targets]
    for page in pages:
        window.show_cache(page.attachment)
        until(partial(is_whole, page, entries))
    taken = settled()
    for page in pages:
        detach(window, page)
    return taken


def peak_of_listing(window: MainWindow, target: str, entries: int) -> int:
    """The most bytes that our processes had together from attaching to the last row and facets."""
    place = window.controller.studio.resolve(target)
    with footprint.peak() as found:
        page = attach(window, place)
        until(lambda: is_whole(page, entries))
    detach(window, page)
    return found.most
