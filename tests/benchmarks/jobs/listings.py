"""From attaching to the last row in the window's model, with facets and totals, for the four kinds of caches."""

import shutil
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

import awake
import data
import floors
import redis
import server_commands
from attaching import Arrival, arrive, leave, open_window
from floors import Program
from servers import RedisServer
from sizes import Bench
from table import Against, Row, Rule

from cache_studio.config.paths import listings_folder
from cache_studio.gui.main_window import MainWindow

FIRST_ROWS = 0.3
GAP_MS, WORST_GAP_MS = 50.0, 100.0
SERVER_COMMAND_MS = 5.0


@dataclass(frozen=True)
class Listing:
    """A cache, what listing it is compared with, and by how much it may take longer."""

    name: str
    size: str
    target: str
    entries: int
    floor: Program
    goal: float
    peer: Program | None = None
    peer_goal: float = 0.0
    """0: the peer is only shown."""
    again_goal: float = 0.0
    """Of a second attach of what did not change, to the floor; 0: none."""


@dataclass
class Figures:
    """What the rounds measured."""

    floors: list[float] = field(default_factory=list)
    peers: list[float] = field(default_factory=list)
    first: list[Arrival] = field(default_factory=list)
    again: list[Arrival] = field(default_factory=list)
    detached: list[float] = field(default_factory=list)
    """The longest gaps of the event loop while it was detached."""

    def floor(self, program: Program) -> Against:
        """The median of the floor."""
        return Against.of(program.name, self.floors)


def rows(bench: Bench) -> Iterator[Row]:
    """Every listing, and the longest command that a Redis server was busy with."""
    with open_window() as window:
        for listing in _files(bench):
            yield from _measured(window, bench, listing)
        with RedisServer() as server:
            listing = _redis(bench, server)
            yield from _measured(window, bench, listing)
            with redis.Redis(port=server.port) as client:
                longest = server_commands.longest(client, window.controller.studio.resolve(listing.target))
            yield Row("Redis: longest command of the server", listing.size, longest, "ms", SERVER_COMMAND_MS)


def _files(bench: Bench) -> Iterator[Listing]:
    size = bench.size
    files = data.json_files(bench.folder, size.files)
    yield Listing(
        "JSON folder",
        f"{size.files:,} files",
        f"json-directory:{files}",
        size.files,
        floors.find(files),
        3,
        again_goal=1.3,
    )
    one = data.json_file(bench.folder, size.file_entries)
    yield Listing(
        "one JSON file",
        f"{one.stat().st_size / 1e6:.0f} MB",
        f"json-file:{one}",
        size.file_entries,
        floors.read(one),
        4,
        floors.jq(one),
        0.1,
    )
    table = data.sqlite_rows(bench.folder, size.rows)
    yield Listing(
        "SQLite",
        f"{size.rows:,} rows",
        f"sqlite-table:{table}?table=entries",
        size.rows,
        floors.sqlite_scan(table),
        2.5,
        floors.datasette(table),
    )


def _redis(bench: Bench, server: RedisServer) -> Listing:
    count = bench.size.rows
    with redis.Redis(port=server.port) as client:
        data.redis_keys(client.execute_command, count)
    url = f"redis://127.0.0.1:{server.port}/0?format=redis&prefix=app:cache:"
    floor, peer = floors.redis_scan(server.port), floors.bigkeys(server.port)
    return Listing("Redis", f"{count:,} keys", url, count, floor, 2.6, peer)


def _measured(window: MainWindow, bench: Bench, listing: Listing) -> Iterator[Row]:
    figures = Figures()
    for number in range(bench.size.rounds):
        figures.floors.append(awake.took(listing.floor.run))
        if listing.peer is not None and number % 3 == 0:  # a peer may take minutes
            figures.peers.append(awake.took(listing.peer.run))
        shutil.rmtree(listings_folder(), ignore_errors=True)  # the first is one of a cache that was never seen
        for arrivals in (figures.first, figures.again) if listing.again_goal else (figures.first,):
            page, arrival = arrive(window, listing.target, listing.entries)
            arrivals.append(arrival)
            figures.detached.append(leave(window, page))
    return _rows(listing, figures)


def _rows(listing: Listing, figures: Figures) -> Iterator[Row]:
    name, size, arrivals = listing.name, listing.size, figures.first
    floor = figures.floor(listing.floor)
    peer = Against.of(listing.peer.name, figures.peers) if listing.peer is not None else None
    listed = [one.listed for one in arrivals]
    shown = [one.shown for one in arrivals]
    yield Row.of_rounds(f"{name}: every entry known", size, listed, "s", listing.goal, Rule.FLOOR, floor, peer)
    yield Row.of_rounds(
        f"{name}: last row and facets in the window", size, shown, "s", listing.goal, Rule.FLOOR, floor, peer
    )
    if listing.again_goal:
        again = [one.listed for one in figures.again]
        yield Row.of_rounds(
            f"{name}: attached again, unchanged", size, again, "s", listing.again_goal, Rule.FLOOR, floor
        )
    if listing.peer_goal and peer is not None:
        yield Row.of_rounds(
            f"{name}: against {peer.name}", size, listed, "s", listing.peer_goal, Rule.PEER, floor, peer
        )
    first = statistics.median(one.first_rows for one in arrivals)
    yield Row(f"{name}: first rows", size, first, "s", FIRST_ROWS)
    longest = [one.longest_gap * 1000 for one in arrivals]
    bare = Against("a bare loop", statistics.median(one.bare_gap for one in arrivals) * 1000)
    yield Row(
        f"{name}: longest gap of the event loop",
        size,
        statistics.median(longest),
        "ms",
        GAP_MS,
        floor=bare,
        worst=max(longest),
        worst_goal=WORST_GAP_MS,
    )
    left = statistics.median(figures.detached) * 1000
    yield Row(f"{name}: longest gap while it is detached", size, left, "ms", WORST_GAP_MS)
