"""The trash: what it took comes back exactly, and it never holds less than it said."""

import os
import sqlite3
import time
from pathlib import Path

import pytest
from trashed_folder import NOW, content, fill, remove_all, undo_all

from cache_studio.adapters.base import EntryCopy
from cache_studio.model.errors import BadRequest, CacheStudioError, UnsupportedAction
from cache_studio.model.seeing import Fate, Removal
from cache_studio.trash.bin import TrashBin
from cache_studio.trash.index import State
from cache_studio.trash.trash import Trash

DAY = 86_400.0


@pytest.fixture
def trash(tmp_path: Path):
    opened = Trash(tmp_path / "trash", NOW)
    yield opened
    opened.close()


def begin(trash: Trash, now: float = NOW) -> TrashBin:
    return trash.begin("invalidate", "/caches/\udcff", "json-file", {"ttl": "24h"}, "My cache", 3, "window", now)


def copies_of(*keys: str, data: bytes = b"data") -> list[EntryCopy]:
    return [EntryCopy(key, "ns", 10, data, key.encode("utf-8", "surrogateescape")) for key in keys]


def removed(trash: Trash, *keys: str, data: bytes = b"data", now: float = NOW) -> str:
    bin = begin(trash, now)
    bin.copies(copies_of(*keys, data=data))
    bin.settle({key.encode("utf-8", "surrogateescape"): Fate.REMOVED for key in keys})
    bin.finish()
    return bin.action_id


def stored_files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "trash" / "files").rglob("*") if path.is_file()]


def test_what_was_kept_comes_back_after_a_restart(tmp_path: Path, trash: Trash) -> None:
    keys = ("plain", "<b>x</b>\n\0", "bytes \udcff\udc80")
    name = removed(trash, *keys, data=bytes(range(256)))
    trash.close()
    again = Trash(tmp_path / "trash", NOW)
    assert [copy for _, copy in again.copies(name)] == copies_of(*keys, data=bytes(range(256)))
    action = again.action()
    assert (action.id, action.verb, action.target, action.options) == (
        name,
        "invalidate",
        "/caches/\udcff",
        {"ttl": "24h"},
    )
    assert (action.planned, action.removed, action.bytes, action.waiting) == (3, 3, 30, 3)
    assert action.state is State.DONE
    assert again.usage() == (3, 768)
    again.close()


def test_files_return_as_they_were_and_go_with_their_copies(tmp_path: Path, trash: Trash) -> None:
    fill(tmp_path / "cache", 20)
    remove_all(trash, tmp_path / "cache")
    assert os.listdir(tmp_path / "cache") == []
    assert len(stored_files(tmp_path)) == 7
    action = trash.action()
    undo_all(trash, tmp_path / "cache", action.id)
    assert {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()} == {
        f"k{number:03}": content(f"k{number:03}") for number in range(20)
    }
    assert stored_files(tmp_path) == []
    done = trash.action(action.id)
    assert (done.state, done.restored, done.waiting, done.undone_at) == (State.UNDONE, 20, 0, NOW)
    assert trash.usage() == (0, 0)
    with pytest.raises(BadRequest, match="nothing to undo"):
        trash.action()


def test_copies_come_in_pages(trash: Trash) -> None:
    name = removed(trash, *(f"k{number}" for number in range(1200)))
    seen: list[str] = []
    after = 0
    while page := trash.copies(name, after, 500):
        after = page[-1][0]
        seen += [copy.key for _, copy in page]
    assert seen == [f"k{number}" for number in range(1200)]


def test_only_removed_entries_wait(trash: Trash) -> None:
    bin = begin(trash)
    bin.copies(copies_of("gone", "changed", "removed", "failed", "unsaid"))
    bin.settle({b"gone": Fate.GONE, b"changed": Fate.CHANGED, b"removed": Fate.REMOVED, b"failed": Fate.FAILED})
    bin.finish()
    assert [copy.key for _, copy in trash.copies(bin.action_id)] == ["removed"]
    (open_action,) = trash.unsettled()
    assert open_action.state is State.OPEN
    recovered = trash.recover(lambda copies: [copy.key == "failed" for copy in copies], bin.action_id)
    assert (recovered.state, recovered.removed) == (State.DONE, 2)
    assert [copy.key for _, copy in trash.copies(bin.action_id)] == ["removed", "unsaid"]
    assert trash.unsettled() == []


@pytest.mark.parametrize(
    ("fates", "stored", "waiting"),
    [
        ("RRR", None, ["a", "b", "c"]),
        ("CGC", None, []),
        ("RCR", ["b"], ["a", "c"]),
        ("FFF", ["a"], ["b", "c"]),
        ("RFC", [], ["a", "b", "c"]),
    ],
)
def test_settling_by_answers_alone(trash: Trash, fates: str, stored: list[str] | None, waiting: list[str]) -> None:
    bin = begin(trash)
    bin.copies(copies_of("a", "b", "c"))
    names = {"R": Fate.REMOVED, "C": Fate.CHANGED, "G": Fate.GONE, "F": Fate.FAILED}

    def ask(copies: object) -> list[bool]:
        assert stored is not None, "the cache was asked although the answers say all"
        return [copy.key in stored for copy in copies]

    bin.settle_removals([Removal(number, names[fate]) for number, fate in enumerate(fates)], ask)
    bin.finish()
    assert [copy.key for _, copy in trash.copies(bin.action_id)] == waiting
    assert trash.action(bin.action_id).removed == len(waiting)


def test_a_running_action_is_nobody_elses(tmp_path: Path, trash: Trash) -> None:
    bin = begin(trash)
    bin.copies(copies_of("a"))
    other = Trash(tmp_path / "trash", NOW)
    assert other.unsettled() == []
    assert other.recover(lambda copies: [True] * len(copies), bin.action_id).state is State.OPEN
    assert other.empty() == (0, 0)
    bin.settle({b"a": Fate.REMOVED})
    with pytest.raises(BadRequest):
        other.action()
    bin.finish()
    assert other.action().id == bin.action_id
    other.close()


def test_damaged_copies_are_named_and_the_rest_is_offered(tmp_path: Path, trash: Trash) -> None:
    fill(tmp_path / "cache", 7)
    remove_all(trash, tmp_path / "cache")
    name = trash.action().id
    broken, shortened, _ = stored_files(tmp_path)
    keys = {copy.files[0]: copy.key for _, copy in trash.copies(name) if copy.files}
    expected = {"k001", *(keys[f"{name}/{path.name}"] for path in (broken, shortened))}
    broken.write_bytes(broken.read_bytes()[:-1] + b"X")
    shortened.unlink()
    with sqlite3.connect(tmp_path / "trash" / "index.db") as index:
        index.execute("UPDATE copies SET data=x'00' WHERE key=CAST('k001' AS BLOB)")
    index.close()
    assert {key for _, key, sentence in trash.damaged(name) if "damaged" in sentence} == expected
    assert len(trash.copies(name)) == 4
    assert len(trash.copies(name, limit=4)) == 4


def test_kept_opens_only_its_own(tmp_path: Path, trash: Trash) -> None:
    name = removed(trash, "a")
    with pytest.raises(CacheStudioError, match="lost its file"):
        trash.kept(name).open("../index.db")


def test_no_room_is_said_before_anything_is_copied(tmp_path: Path, trash: Trash) -> None:
    bin = begin(trash)
    (tmp_path / "value").write_bytes(b"x")
    with (tmp_path / "value").open("rb") as file:
        with pytest.raises(CacheStudioError, match="no room to keep 1000000 TB"):
            bin.file(file.fileno(), 10**18)
        with pytest.raises(CacheStudioError, match="became shorter"):
            bin.file(file.fileno(), 2)
        bin.file(file.fileno(), 1)
    bin.finish()
    assert stored_files(tmp_path) == []


def test_a_file_that_was_damaged_on_the_way_stops_the_batch(tmp_path: Path, trash: Trash) -> None:
    bin = begin(trash)
    (tmp_path / "value").write_bytes(b"value")
    with (tmp_path / "value").open("rb") as file:
        name = bin.file(file.fileno(), 5)
    (tmp_path / "trash" / "files" / name).write_bytes(b"val")
    with pytest.raises(CacheStudioError, match="not complete"):
        bin.copies([EntryCopy("a", "", 5, b"", b"a", (name,))])
    bin.finish()
    assert trash.action(bin.action_id).removed == 0


def test_the_activity_list_has_everything(trash: Trash) -> None:
    first = trash.note("compact", "/a", "json-file", "A", "command", NOW, bytes=500, note="3 parts")
    second = removed(trash, "x", now=NOW + 1)
    actions = trash.actions()
    assert [action.id for action in actions] == [second, first]
    assert (actions[1].verb, actions[1].bytes, actions[1].note, actions[1].waiting) == ("compact", 500, "3 parts", 0)
    assert trash.action().id == second
    with pytest.raises(BadRequest, match="no action “zz9zz”"):
        trash.action("zz9zz")


def test_search_finds_text_in_keys_and_nothing_more(trash: Trash) -> None:
    first = removed(trash, "user:1", "user:2", "100%", "a_b")
    second = removed(trash, "User:3", "\udcffuser", now=NOW + 1)
    assert [waiting.key for waiting in trash.search("user")] == ["User:3", "\udcffuser", "user:1", "user:2"]
    assert [waiting.key for waiting in trash.search("%")] == ["100%"]
    assert [waiting.key for waiting in trash.search("_")] == ["a_b"]
    assert [waiting.key for waiting in trash.search("user", second)] == ["User:3", "\udcffuser"]
    assert len(trash.search()) == 6
    assert len(trash.search(limit=2)) == 2
    assert {waiting.action_id for waiting in trash.search()} == {first, second}


def test_single_copies_are_named_by_their_keys(trash: Trash) -> None:
    first, second = removed(trash, "a", "b", "\udcff"), removed(trash, "a")
    assert [waiting.verb for waiting in trash.search("b")] == ["invalidate"]
    only = trash.named(first, ["\udcff", "a", "a"])
    assert [copy.key for _, copy in trash.copies(first, only=only)] == ["a", "\udcff"]
    assert [copy.key for _, copy in trash.copies(first, after=min(only), only=only)] == ["\udcff"]
    assert trash.copies(second, only=only) == []
    assert trash.named(first, ["a"], "ns") == trash.named(first, ["a"])
    for keys, namespace in ((["a", "c"], None), (["a"], "other")):
        with pytest.raises(BadRequest, match=r"No entry “.” of the action"):
            trash.named(first, keys, namespace)


def test_retention_takes_the_oldest_and_never_the_newest(trash: Trash) -> None:
    names = [removed(trash, "k", data=b"x" * 1000, now=NOW + day * DAY) for day in range(5)]
    assert trash.enforce_retention(2, 10_000, NOW + 4 * DAY) == (2, 2000)
    assert [action.id for action in trash.actions() if action.waiting] == names[:1:-1]
    assert trash.enforce_retention(30, 2500, NOW + 4 * DAY) == (1, 1000)
    assert trash.enforce_retention(1, 0, NOW + 400 * DAY) == (1, 1000)
    assert trash.action().id == names[4]
    assert [action.id for action in trash.actions()] == [names[4]]


def test_emptying_takes_files_too(tmp_path: Path, trash: Trash) -> None:
    fill(tmp_path / "cache", 10)
    remove_all(trash, tmp_path / "cache")
    other = removed(trash, "k")
    first = trash.actions()[1].id
    assert trash.empty([first])[0] == 10
    assert stored_files(tmp_path) == []
    assert trash.action().id == other
    assert trash.empty() == (1, 4)
    assert trash.usage() == (0, 0)


def test_a_broken_index_is_set_aside_and_the_files_stay(tmp_path: Path, trash: Trash) -> None:
    fill(tmp_path / "cache", 10)
    remove_all(trash, tmp_path / "cache")
    trash.close()
    (tmp_path / "trash" / "index.db").write_bytes(b"no database" * 1000)
    fresh = Trash(tmp_path / "trash", NOW)
    assert "set aside" in fresh.notice
    fresh.enforce_retention(30, 0, time.time())
    assert len(stored_files(tmp_path)) == 4
    fresh.enforce_retention(30, 0, time.time() + 31 * DAY)
    assert stored_files(tmp_path) == []
    fresh.close()


def test_the_trash_is_private(tmp_path: Path, trash: Trash) -> None:
    fill(tmp_path / "cache", 3)
    remove_all(trash, tmp_path / "cache")
    for path in (tmp_path / "trash").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_fifty_thousand_copies_are_kept(trash: Trash) -> None:
    bin = begin(trash)
    for start in range(0, 50_000, 500):
        copies = copies_of(*(f"key {number}" for number in range(start, start + 500)), data=b"x" * 200)
        bin.copies(copies)
        bin.settle_removals([Removal(copy.key, Fate.REMOVED) for copy in copies], lambda _: [])
    bin.finish()
    assert trash.action().waiting == 50_000


def test_an_undo_that_was_cut_short_is_settled_by_what_is_stored(trash: Trash) -> None:
    name = removed(trash, "back", "not back")

    def killed() -> None:
        with trash.undoing(name):
            assert trash.action(name).state is State.UNDOING
            assert trash.unsettled() == []  # it is running
            with pytest.raises(UnsupportedAction, match="being undone"), trash.undoing(name):
                pytest.fail("two at once")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        killed()
    assert [action.id for action in trash.unsettled()] == [name]
    recovered = trash.recover(lambda copies: [copy.key == "back" for copy in copies], name)
    assert (recovered.state, recovered.restored, recovered.waiting) == (State.PARTLY, 1, 1)
    assert [copy.key for _, copy in trash.copies(name)] == ["not back"]
    assert trash.unsettled() == []


def test_an_undo_that_brought_nothing_back_leaves_the_action_as_it_was(trash: Trash) -> None:
    name = removed(trash, "a")
    with trash.undoing(name):
        pass
    assert trash.action(name).state is State.DONE
