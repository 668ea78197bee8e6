"""Looking leaves no trace, working keeps nobody waiting, and what cannot be done is said before it is tried."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

from loops import _applications as applications
from promises import Promise, Size, workplace
from standstills import Span, Standstills, watched
from starts import PATIENCE

from cache_studio.adapters.sqlite_database import Database
from cache_studio.config.paths import HOME_VARIABLE
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.targets import Target
from cache_studio.services import act, plans
from cache_studio.services.attachment import Attachment
from cache_studio.services.statistics import statistics_object
from cache_studio.services.studio import Studio

GOAL = 50.0
"""Milliseconds that the application may have to wait for us."""
NOBODY = 65534
INDEX_OF_A_CRASH = os.path.join("crashed", "app.db-shm")
"""SQLite needs it to read a log, and takes it away only where it may write the log into the database: we may not."""
_FORK = multiprocessing.get_context("fork")
_OPTIONS = {"table": "http_cache", "key": "k", "value": "v", "created": "at", "expires": "until"}


def promises(size: Size) -> Iterator[Promise]:
    """Rows for traces, for the application's wait in both journal modes, for VACUUM, and for two sentences."""
    with workplace() as folder:
        yield _no_trace(folder)
    for journal in ("DELETE", "WAL"):
        with workplace() as folder:
            yield from _waiting(size, folder, journal)
    with workplace() as folder:
        yield _vacuum(size, folder)
    with workplace() as folder:
        yield _sentences(folder)


# No trace --------------------------------------------------------------------------------------------------------


def _no_trace(folder: Path) -> Promise:
    wrong: list[str] = []
    caches = [kind(folder) for kind in applications.FILES]
    crashed = _crashed_log(folder)
    before = _manifest(folder)
    home = folder.parent / f"{folder.name} home"
    looks = 0
    try:
        for target in [*(cache.target for cache in caches), Target(str(crashed), "sqlite-table", dict(_OPTIONS))]:
            looks += _look(home, target)
            after = _manifest(folder)
            changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
            wrong += [f"{target.format}: {name} is not as it was" for name in changed if name != INDEX_OF_A_CRASH]
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return Promise(
        "Looking leaves no trace",
        f"{len(caches) + 1} caches recognised, listed, watched, measured and {looks} values read: {len(wrong)} bytes, "
        "times or files changed",
        not wrong and looks > applications.COUNT * len(caches) - 1,
        "\n".join(["beside the log that a crash left SQLite's own index of it stays (-shm)", *wrong[:20]]),
    )


def _crashed_log(folder: Path) -> Path:
    """A database whose application died with its last writes in the log alone."""
    place = folder / "crashed"
    place.mkdir()
    file = _table(place / "live.db", 100, "WAL")
    with closing(sqlite3.connect(file)) as database:
        database.execute("INSERT INTO http_cache VALUES('in the log', 'x', 1.0, 2.0)")
        database.commit()
        for ending in ("", "-wal"):
            shutil.copy(f"{file}{ending}", place / f"app.db{ending}")
    for path in place.glob("live.db*"):
        path.unlink()
    return place / "app.db"


def _look(home: Path, target: Target) -> int:
    """Everything that looks; how many values were read."""
    with _studio(home, follow=True) as studio:
        place = studio.resolve(Target(target.location, "", {}) if target.format != "json-table" else target)
        attachment = studio.attach(place)
        view = attachment.listed().result(PATIENCE).view
        assert view is not None
        ids = [view.ids[row] for row in view.rows()]
        for entry_id in ids:
            studio.reader.show(attachment, entry_id).result(PATIENCE)
        attachment.refresh()
        attachment.listed().result(PATIENCE)
        statistics_object(attachment, time.time())
        act.plan_compact(attachment).result(PATIENCE)
        return len(ids)


@contextmanager
def _studio(home: Path, *, follow: bool) -> Iterator[Studio]:
    os.environ[HOME_VARIABLE] = str(home)
    studio = Studio(follow=follow)
    try:
        yield studio
    finally:
        studio.close()


def _manifest(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


# The application's wait ---------------------------------------------------------------------------------------------


def _table(file: Path, count: int, journal: str) -> Path:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"PRAGMA journal_mode={journal}")
        database.execute("CREATE TABLE http_cache(k TEXT PRIMARY KEY, v BLOB, at REAL, until REAL)")
        rows = ((applications.key(number), os.urandom(200), 1000.0, 2000.0) for number in range(count))
        database.executemany("INSERT INTO http_cache VALUES(?,?,?,?)", rows)
        database.execute("CREATE TABLE counts(n INTEGER)")
        database.execute("INSERT INTO counts VALUES(0)")
    return file


def _waiting(size: Size, folder: Path, journal: str) -> Iterator[Promise]:
    """A purge of all rows while the application commits all the time."""
    count = size.of(5_000, 20_000)
    file = _table(folder / "app.db", count, journal)
    here, there = _FORK.Pipe()
    process = _FORK.Process(target=_commit_all_the_time, args=(file, there))
    process.start()
    held, reads = _Stopwatch(), _Stopwatch()
    try:
        with watched() as standstills:
            alone = _figures_after(here, 3.0 if size.quick else 10.0)
            with _timed(held, reads), _studio(folder / "home", follow=False) as studio:
                place = studio.place_of(Target(str(file), "sqlite-table", dict(_OPTIONS)))
                attachment = studio.attach(place)
                attachment.listed().result(PATIENCE)
                _read_some(studio, attachment)
                plan = plans.plan_purge(attachment, time.time())
                removed = act.run(attachment, plan, studio.trash, "traces").future.result(PATIENCE).removed
            busy = _figures_after(here, 0.0)
    finally:
        here.send("end")
        process.join(PATIENCE)
    waits, alone_waits = _Stopwatch(busy[0]), _Stopwatch(alone[0])
    mode = "rollback" if journal == "DELETE" else "write-ahead"
    yield Promise(
        f"The application never waits long for us ({mode} journal)",
        f"{removed:,} rows purged while it committed {len(waits.spans):,} times: {waits.words(standstills)} "
        f"(alone {alone_waits.words(standstills)}); our {len(held.spans)} locks {held.words(standstills)}",
        removed == count and not busy[1] and waits.longest(standstills) <= GOAL + alone_waits.longest(standstills),
        f"refused commits: {busy[1]}; {standstills}",
        timed=True,
    )
    yield Promise(
        f"No read transaction is held long ({mode} journal)",
        f"{len(reads.spans):,} queries {reads.words(standstills)}",
        reads.longest(standstills) <= GOAL,
        str(standstills),
        timed=True,
    )


class _Stopwatch:
    """When something began and ended, each time."""

    def __init__(self, spans: Sequence[Span] = ()) -> None:
        self.spans = list(spans)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure a block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.spans.append((began, time.perf_counter()))

    def longest(self, standstills: Standstills) -> float:
        """Milliseconds, without the times in which the machine stood still."""
        return max((1000 * standstills.seconds_without(span) for span in self.spans), default=0.0)

    def words(self, standstills: Standstills) -> str:
        """The middle and the longest; what the clock said where that is more."""
        in_order = sorted(1000 * (end - begin) for begin, end in self.spans) or [0.0]
        longest = self.longest(standstills)
        clock = f", {in_order[-1]:.0f} by the clock" if in_order[-1] - longest > 1 else ""
        return f"{in_order[len(in_order) // 2]:.1f} ms, the longest {longest:.0f} ms{clock}"


@contextmanager
def _timed(held: _Stopwatch, reads: _Stopwatch) -> Iterator[None]:
    """Measure every write lock from when it is ours, and every query that reads."""
    writing, rows = Database.writing, Database.rows

    @contextmanager
    def timed_writing(database: Database) -> Iterator[sqlite3.Connection]:
        with ExitStack() as stack:
            connection = stack.enter_context(writing(database))
            with held.running():
                yield connection
                stack.close()  # the commit belongs to it

    def timed_rows(database: Database, *arguments: Any, **named: Any) -> list[tuple[Any, ...]]:
        with reads.running():
            return rows(database, *arguments, **named)

    with patch.object(Database, "writing", timed_writing), patch.object(Database, "rows", timed_rows):
        yield


def _read_some(studio: Studio, attachment: Attachment) -> None:
    view = attachment.standing.view
    assert view is not None
    for row in view.rows()[:200]:
        studio.reader.show(attachment, view.ids[int(row)]).result(PATIENCE)


def _commit_all_the_time(file: Path, answer: Connection) -> None:
    """On every question: since the last one when every commit began and ended, and refusals."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=10)) as database:
        database.execute("PRAGMA synchronous=OFF")
        waits: list[Span] = []
        refused = 0
        while True:
            if answer.poll(0.002):
                if answer.recv() == "end":
                    return
                answer.send((waits, refused))
                waits, refused = [], 0
            began = time.perf_counter()
            try:
                database.execute("UPDATE counts SET n = n + 1")
            except sqlite3.OperationalError:
                refused += 1
            waits.append((began, time.perf_counter()))


def _figures_after(pipe: Connection, seconds: float) -> tuple[list[Span], int]:
    if pipe.poll(seconds):
        raise RuntimeError("an answer that nobody asked for")
    pipe.send("figures")
    answer: tuple[list[Span], int] = pipe.recv()
    return answer


# VACUUM and sentences ------------------------------------------------------------------------------------------------


def _vacuum(size: Size, folder: Path) -> Promise:
    file = _table(folder / "app.db", size.of(50_000, 400_000), "DELETE")
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("DELETE FROM http_cache WHERE rowid % 10 = 0")
    with _studio(folder / "home", follow=False) as studio:
        attachment = studio.attach(studio.place_of(Target(str(file), "sqlite-table", dict(_OPTIONS))))
        attachment.listed().result(PATIENCE)
        plan = act.plan_compact(attachment).result(PATIENCE)
        began = time.monotonic()
        outcome = act.compact(attachment, studio.trash, "traces").future.result(PATIENCE)
        took = time.monotonic() - began
    said = [float(word) for word in plan.note.split() if word.isdigit()]
    return Promise(
        "VACUUM says before how long it holds the database",
        f"“{plan.note}” {outcome.volume_before / 1e6:.0f} MB took {took:.1f} s",
        bool(said) and took <= said[0],
        timed=True,
    )


def _sentences(folder: Path) -> Promise:
    """A hot journal and a log in a folder that cannot be written, as a user who may only read."""
    crashed = _crashed_log(folder)
    hot = _hot_journal(folder / "hot")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    before = _manifest(folder)
    found = {file: _said_to_nobody(file) for file in (crashed, hot)}
    unchanged = _manifest(folder) == before
    rights = "-wal file that cannot be read" in found[crashed]
    died = "died in the middle of a write" in found[hot]
    return Promise(
        "A hot journal and a folder without rights are explained",
        f"“{found[hot]}” “{found[crashed]}”",
        rights and died and unchanged,
        "" if unchanged else "the files were changed",
    )


def _hot_journal(place: Path) -> Path:
    place.mkdir()
    file = _table(place / "app.db", 500, "DELETE")
    die = (
        "import os, sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "database.execute('PRAGMA cache_size = 1')\n"
        "database.execute('BEGIN')\n"
        "database.execute('UPDATE http_cache SET v = zeroblob(5000)')\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", die, str(file)], check=False)
    return file


def _said_to_nobody(file: Path) -> str:
    """What opening the database says to a user who may read it and not write beside it."""
    here, there = _FORK.Pipe()

    def ask() -> None:
        try:
            if os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            else:
                file.parent.chmod(0o555)
            with closing(Database(str(file))):
                there.send("it was opened")
        except CacheStudioError as error:
            there.send(error.message)

    process = _FORK.Process(target=ask)
    process.start()
    said = here.recv() if here.poll(PATIENCE) else "no answer"
    process.join(PATIENCE)
    file.parent.chmod(0o755)
    return str(said)
