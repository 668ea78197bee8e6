"""What the window takes while nothing happens: a table whose TTL ticks, ten attached caches, and of a Redis server."""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress

import data
import load
import redis
from attaching import attach, is_whole, open_window
from event_loop import rest, until
from servers import RedisServer
from sizes import Bench
from table import Row

TICKING, IDLE, SERVER = 1.0, 2.0, 0.5
"""Per cent of a core."""
CACHES = 10
ENTRIES = 500
SETTLED = 2.0
"""Seconds until what attaching began is over."""


def rows(bench: Bench) -> Iterator[Row]:
    """Shares of a core, of the window and all its children, over a time in which nobody does anything."""
    folder = bench.folder / "at-rest"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for number in range(CACHES):
        data.make_json_files(folder / str(number), ENTRIES)
    # So long that no entry is in its last half minute, whose pills glow.
    target = f"json-directory:{folder}/{{}}?ttl={round(time.time() - data.START) + 86_400}s"
    with open_window() as window:
        for number in range(CACHES):
            page = attach(window, window.controller.studio.resolve(target.format(number)))
            until(lambda page=page: is_whole(page, ENTRIES))  # type: ignore[misc]
            if number == 0:
                visible = len(page.entries.table.visible_ids())
                share = _share(bench.size.seconds)
                assert visible > 10, f"{visible} rows on the screen"
                yield Row("idle: a table whose TTL ticks", f"{visible} visible rows", share, "%", TICKING)
        yield Row("idle: ten attached caches", f"{CACHES} x {ENTRIES} files", _share(bench.size.seconds), "%", IDLE)
    with suppress(OSError):
        shutil.rmtree(folder)
    with RedisServer() as server:
        yield _server(bench, server)


def _server(bench: Bench, server: RedisServer) -> Row:
    """Of the server's processor time, what it spends for us; it takes some when nobody is there."""
    count = bench.size.removed_files
    with redis.Redis(port=server.port) as client:
        data.redis_keys(client.execute_command, count)
    alone = _share(bench.size.seconds, server.pid)
    with open_window() as window:
        target = f"redis://127.0.0.1:{server.port}/0?format=redis&prefix=app:cache:"
        page = attach(window, window.controller.studio.resolve(target))
        until(lambda: is_whole(page, count))
        share = _share(bench.size.seconds, server.pid) - alone
    return Row("idle: an attached Redis, of the server", f"{count:,} keys", max(0.0, share), "%", SERVER)


def _share(seconds: float, pid: int | None = None) -> float:
    """Per cent of a core in so many seconds, after what came before has settled."""
    rest(SETTLED)
    with load.share(pid) as found:
        rest(seconds)
    return found.percent
