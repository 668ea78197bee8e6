"""Actions whose entries stay in their cache: what they were waits for undo, apart from what was removed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cache_studio.adapters.base import EntryCopy
from cache_studio.model.plans import Verb
from cache_studio.model.seeing import Fate
from cache_studio.trash.index import STAYING, State
from cache_studio.trash.trash import Trash

NOW = 1_763_719_200.0
DAY = 86_400.0


@pytest.fixture
def trash(tmp_path: Path) -> Iterator[Trash]:
    opened = Trash(tmp_path / "trash", NOW)
    yield opened
    opened.close()


def done(trash: Trash, verb: str, *keys: str, now: float = NOW, amended: bytes = b"") -> str:
    bin_ = trash.begin(verb, "/cache", "json-file", {}, "My cache", len(keys), "window", now, "Said.")
    bin_.copies([EntryCopy(key, "", 0, b"before", key.encode()) for key in keys])
    if amended:
        bin_.amend({keys[0].encode(): amended})
    bin_.settle({key.encode(): Fate.REMOVED for key in keys})
    bin_.finish()
    return bin_.action_id


def test_the_verb_is_the_one_of_the_model() -> None:
    assert STAYING == Verb.TTL


def test_it_is_no_part_of_the_trash_that_is_shown_and_emptied(trash: Trash) -> None:
    removed, changed = done(trash, "purge", "a"), done(trash, STAYING, "a", "b")
    assert trash.usage() == (1, 6)
    assert [entry.action_id for entry in trash.search()] == [removed]
    assert trash.empty() == (1, 6)
    action = trash.action()
    assert (action.id, action.waiting, action.note) == (changed, 2, "Said.")
    assert trash.empty([changed]) == (2, 12)


def test_copies_can_be_amended_and_forgotten(trash: Trash) -> None:
    name = done(trash, STAYING, "a", "b", amended=b"after")
    (first, one), (second, two) = trash.copies(name)
    assert (one.data, two.data) == (b"after", b"before")
    trash.waiting.amend([(second, EntryCopy("b", "", 0, b"later", b"b"))])
    assert [copy.data for _, copy in trash.copies(name)] == [b"after", b"later"]
    assert trash.damaged(name) == []
    trash.waiting.forget([first])
    trash.waiting.restored([second])
    action = trash.mark_undone(name, NOW)
    assert (action.waiting, action.restored, action.kept_bytes, action.state) == (0, 1, 0, State.UNDONE)


def test_retention_keeps_the_newest_removal_behind_it(trash: Trash) -> None:
    older, removed = done(trash, "purge", "a"), done(trash, "purge", "b")
    changed, newest = done(trash, STAYING, "c"), done(trash, STAYING, "d")
    assert trash.enforce_retention(30, 0, NOW + 40 * DAY) == (2, 12)
    assert {action.id for action in trash.actions() if action.waiting} == {removed, newest}
    assert {action.id for action in trash.actions()} == {older, removed, changed, newest}
