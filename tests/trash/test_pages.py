"""Many copies at once are written as a page: whoever asks for one of them finds what single rows would say."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from trashed_folder import NOW

from cache_studio.adapters.base import EntryCopy
from cache_studio.model.seeing import Fate, Removal
from cache_studio.trash import pages
from cache_studio.trash.bin import TrashBin
from cache_studio.trash.index import State
from cache_studio.trash.trash import Trash

MANY = pages.FOLDED_FROM


@pytest.fixture
def trash(tmp_path: Path) -> Iterator[Trash]:
    with closing(Trash(tmp_path / "trash", NOW)) as opened:
        yield opened


def copies_of(count: int, first: int = 0) -> list[EntryCopy]:
    """Copies with keys that are no UTF-8 and data of different lengths."""
    return [
        EntryCopy(f"Key {n:04}\udcff", "ns" if n % 2 else "", n, bytes([n % 256]) * (n % 50), b"id%d" % n)
        for n in range(first, first + count)
    ]


def begin(trash: Trash, verb: str = "purge") -> TrashBin:
    return trash.begin(verb, "/cache", "sqlite-table", {}, "demo", MANY, "command", NOW)


def removed(trash: Trash, *batches: list[EntryCopy]) -> str:
    """An action that removed all of these."""
    bin = begin(trash)
    for batch in batches:
        bin.copies(batch)
        bin.settle_removals([Removal(copy.key, Fate.REMOVED) for copy in batch], lambda _: [])
    bin.finish()
    return bin.action_id


def counted(tmp_path: Path, table: str) -> int:
    with closing(sqlite3.connect(tmp_path / "trash" / "index.db")) as index:
        return int(index.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_many_copies_are_one_row_and_come_back_exactly(tmp_path: Path, trash: Trash) -> None:
    first, second = copies_of(MANY), copies_of(MANY + 50, MANY)
    name = removed(trash, first, second)
    assert (counted(tmp_path, "pages"), counted(tmp_path, "copies")) == (2, 0)
    action = trash.action(name)
    assert (action.removed, action.waiting, action.state) == (2 * MANY + 50, 2 * MANY + 50, State.DONE)
    assert action.kept_bytes == sum(len(copy.data) for copy in first + second)
    assert action.bytes == sum(copy.size for copy in first + second)
    found, after = [], 0
    while batch := trash.copies(name, after, 70):
        found += batch
        after = batch[-1][0]
    assert [copy for _, copy in found] == first + second
    trash.waiting.restored([copy_id for copy_id, _ in found])
    assert trash.action(name).kept_bytes == trash.action(name).waiting == 0


@pytest.mark.parametrize("copies", [copies_of(MANY - 1), [EntryCopy("k", "", 1, b"x" * 200_000, b"i")] * MANY])
def test_few_or_large_ones_are_rows(tmp_path: Path, trash: Trash, copies: list[EntryCopy]) -> None:
    removed(trash, copies)
    assert counted(tmp_path, "pages") == 0


def test_a_search_unfolds_the_newest_pages_it_needs(tmp_path: Path, trash: Trash) -> None:
    older, newer = removed(trash, copies_of(MANY), copies_of(MANY, MANY)), removed(trash, copies_of(MANY, 5000))
    assert [entry.action_id for entry in trash.search(limit=5)] == [newer] * 5
    assert counted(tmp_path, "pages") == 2
    assert [entry.action_id for entry in trash.search("kEY 0", limit=5)] == [older] * 5
    assert counted(tmp_path, "pages") == 1
    assert trash.search("0%") == []
    found = trash.search(f"y {MANY + 7:04}")
    assert [(entry.key, entry.action_id) for entry in found] == [(f"Key {MANY + 7:04}\udcff", older)]
    assert [copy.key for _, copy in trash.copies(older, only=[found[0].copy_id])] == [found[0].key]
    assert counted(tmp_path, "pages") == 0


def test_a_search_of_one_action_leaves_the_others_folded(tmp_path: Path, trash: Trash) -> None:
    older, _newer = removed(trash, copies_of(MANY)), removed(trash, copies_of(MANY))
    assert len(trash.search("Key", older)) == MANY
    assert counted(tmp_path, "pages") == 1


def test_a_key_is_found_on_its_page(tmp_path: Path, trash: Trash) -> None:
    name = removed(trash, copies_of(MANY), copies_of(MANY, MANY))
    (copy_id,) = trash.named(name, [f"Key {MANY:04}\udcff"])
    assert [copy for _, copy in trash.copies(name, only=[copy_id])] == copies_of(1, MANY)
    assert counted(tmp_path, "pages") == 1


@pytest.mark.parametrize(
    ("fates", "waiting", "asked"),
    [
        ([Fate.REMOVED] * MANY, MANY, False),
        ([Fate.GONE, *[Fate.CHANGED] * (MANY - 1)], 0, False),
        ([Fate.CHANGED, *[Fate.REMOVED] * (MANY - 1)], MANY - 1, True),
        ([Fate.FAILED] * MANY, MANY - 1, True),
    ],
)
def test_settling_by_answers(tmp_path: Path, trash: Trash, fates: list[Fate], waiting: int, asked: bool) -> None:
    asks: list[int] = []

    def present(copies: Sequence[EntryCopy]) -> list[bool]:
        asks.append(len(copies))
        return [copy.id == b"id0" for copy in copies]

    bin = begin(trash)
    bin.copies(copies_of(MANY))
    bin.settle_removals([Removal(number, fate) for number, fate in enumerate(fates)], present)
    bin.finish()
    assert bool(asks) == asked
    assert len(trash.copies(bin.action_id)) == trash.action(bin.action_id).waiting == waiting
    assert trash.unsettled() == []
    assert counted(tmp_path, "pages") == 0


def test_what_was_cut_short_is_settled_by_the_cache(tmp_path: Path, trash: Trash) -> None:
    bin = begin(trash)
    bin.copies(copies_of(MANY))
    bin.settle_removals([Removal(number, Fate.REMOVED) for number in range(MANY)], lambda _: [])
    bin.copies(copies_of(MANY, MANY))
    assert len(trash.search("Key")) == MANY  # what is not settled is nobody's yet
    bin.finish()
    assert [action.id for action in trash.unsettled()] == [bin.action_id]
    action = trash.recover(lambda copies: [int(copy.id[2:]) % 2 == 0 for copy in copies], bin.action_id)
    assert (action.removed, action.waiting, action.state) == (MANY * 3 // 2, MANY * 3 // 2, State.DONE)
    assert {int(copy.id[2:]) % 2 for _, copy in trash.copies(bin.action_id, MANY)} == {1}
    assert trash.unsettled() == []


def test_copies_that_stay_are_amended_one_by_one(trash: Trash) -> None:
    bin = begin(trash, "ttl")
    bin.copies(copies_of(MANY))
    bin.amend({})
    bin.amend({b"id3": b"amended"})
    bin.settle({b"id%d" % number: Fate.REMOVED for number in range(1, MANY)})
    bin.finish()
    trash.recover(lambda copies: [True] * len(copies), bin.action_id)
    found = {copy.id: copy.data for _, copy in trash.copies(bin.action_id)}
    assert found[b"id3"] == b"amended"
    assert len(found) == MANY - 1


def test_emptying_takes_pages_along(tmp_path: Path, trash: Trash) -> None:
    removed(trash, copies_of(MANY))
    kept = trash.usage()[1]
    assert trash.empty() == (MANY, kept)
    assert (counted(tmp_path, "pages"), trash.usage()) == (0, (0, 0))


@pytest.mark.parametrize(("damage", "lost"), [(b"\x07" * 7, 1), (b"\xc1", MANY)])
def test_a_damaged_page_loses_what_is_damaged_alone(tmp_path: Path, trash: Trash, damage: bytes, lost: int) -> None:
    name = removed(trash, copies_of(MANY))
    with closing(sqlite3.connect(tmp_path / "trash" / "index.db")) as index, index:
        (data,) = index.execute("SELECT data FROM pages").fetchone()
        at = data.index(b"\xc4" + b"\x07" * 8) + 2 if lost == 1 else 0  # behind the length, or the very beginning
        broken = data[:at] + bytes(255 - byte for byte in damage) + data[at + len(damage) :]
        index.execute("UPDATE pages SET data=?", (broken,))
    assert len(trash.copies(name)) == MANY - lost
    assert len(trash.damaged(name)) == lost
