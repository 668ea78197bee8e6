"""Undo to the end: every removing action of every format, after a restart, back to the byte and the millisecond."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from redis_caches import application, dumps

from cache_studio.model.plans import Outcome, Plan
from cache_studio.services import act, plans
from cache_studio.services.attachment import Attachment
from cache_studio.services.proposals import parse
from cache_studio.services.studio import Studio

YEARS = 10 * 365 * 86_400.0
"""So far ahead everything that expires is stale."""
ACTIONS: dict[str, Callable[[Attachment], Plan]] = {
    "invalidate": lambda one: plans.plan_invalidate_ids(one, [one.standing.view.ids[0]], time.time()),  # type: ignore[union-attr]
    "purge": lambda one: plans.plan_purge(one, time.time() + YEARS),
    "evict": lambda one: plans.plan_evict(one, "size", time.time(), to_entries=1),
    "clear": lambda one: plans.plan_clear(one, None, time.time()),
}
GOING = {"invalidate": 1, "purge": 3, "evict": 2, "clear": 3}
NEVER_STALE = ("sqlite-table", "json-table", "asset-cache")
"""Their entries here have no expiry: a purge has nothing to do."""


@pytest.fixture
def target(target: str) -> str:
    """With format and options: it is recognised once, and not at every start."""
    studio = Studio(follow=False)
    try:
        return str(studio.resolve(target).target)
    finally:
        studio.close()


@contextmanager
def started(target: str) -> Iterator[tuple[Studio, Attachment]]:
    """The program from start to end, with the cache attached and listed."""
    studio = Studio(follow=False)
    try:
        attachment = studio.attach(studio.place_of(parse(target)))
        attachment.listed().result(20)
        yield studio, attachment
    finally:
        studio.close()


def stored(target: str) -> object:
    """What the application stored, to the byte: files with their time, rows, values with their expiry."""
    place = parse(target)
    if place.is_url:
        return {key: value for key, value in dumps(place).items() if ":recorder:" not in key}
    path = Path(place.location)
    if path.suffix == ".json":
        return json.loads(path.read_text())
    found: dict[str, object] = {}
    for file in [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]:
        if file.suffix == ".db":
            found[file.name] = rows_of(file)
        elif file.suffix not in (".db-wal", ".db-shm"):
            found[os.fspath(file)] = (file.read_bytes(), file.stat().st_mtime_ns)
    return found


def rows_of(file: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(file)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {name: database.execute(f"SELECT rowid, * FROM {name} ORDER BY rowid").fetchall() for name in tables}


def removed(target: str, verb: str) -> Outcome:
    with started(target) as (studio, attachment):
        plan = ACTIONS[verb](attachment)
        assert plan.no_undo == ""
        return act.run(attachment, plan, studio.trash, "window").future.result(20)


def test_every_action_is_undone_exactly_after_a_restart(target: str, format_name: str) -> None:
    before = stored(target)
    for verb, going in GOING.items():
        if verb == "purge" and format_name in NEVER_STALE:
            going = 0
        outcome = removed(target, verb)
        assert (outcome.removed, outcome.is_whole) == (going, True), verb
        if not going:
            continue
        assert stored(target) != before
        with started(target) as (studio, attachment):
            undone = act.undo(attachment, act.find_action(studio.trash), studio.trash).future.result(20)
            assert (undone.restored, undone.newer_kept, undone.failed) == (going, 0, 0), verb
            assert studio.trash.usage() == (0, 0)
        assert stored(target) == before, verb


def test_single_entries_come_back_after_a_restart_and_the_rest_later(target: str) -> None:
    before = stored(target)
    outcome = removed(target, "clear")
    with started(target) as (studio, attachment):
        waiting = studio.trash.search()
        action = act.find_action(studio.trash)
        undone = act.undo(attachment, action, studio.trash, only=[waiting[1].copy_id]).future.result(20)
        assert undone.restored == 1
        view = attachment.listed().result(20).view
        assert view is not None
        assert [view.keys[int(row)] for row in view.rows()] == [waiting[1].key]
    with started(target) as (studio, attachment):
        action = act.find_action(studio.trash, outcome.undo_id)
        assert act.undo(attachment, action, studio.trash).future.result(20).restored == 2
    assert stored(target) == before


@pytest.mark.parametrize("format_name", ["redis", "redis-response"])
def test_without_the_right_to_restore_it_is_said_before(target: str, redis_url: str) -> None:
    with application(redis_url) as client:
        client.execute_command("ACL", "SETUSER", "narrow", "on", ">narrow", "~*", "&*", "+@all", "-restore", "-multi")
    try:
        narrow = target.replace("redis://", "redis://narrow:narrow@")
        with started(narrow) as (_, attachment):
            plan = plans.plan_clear(attachment, None, time.time())
            assert "RESTORE" in plan.no_undo.upper()
    finally:
        with application(redis_url) as client:
            client.execute_command("ACL", "DELUSER", "narrow")
