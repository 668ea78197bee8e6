"""The generation number: nobody misses what another did, and nobody forgets for what it did itself."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from cache_studio.recording.generation import Generation, bump_where_used
from cache_studio.recording.locking import held
from cache_studio.recording.places import accesses_path, generation_path, recorder_path

FORK = multiprocessing.get_context("fork")
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return generation_path(str(tmp_path / "cache"))


def test_the_files_of_a_cache_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "cache")
    places = [place(str(tmp_path / "link")) for place in (recorder_path, generation_path, accesses_path)]
    assert [place.name for place in places] == ["cache.recorder", "cache.generation", "cache.accesses"]
    assert {place.parent for place in places} == {tmp_path.resolve()}


def test_the_token_stays_until_a_bump_and_an_own_bump_is_told_apart_from_anothers(path: Path) -> None:
    one, other = Generation(path), Generation(path)
    token = one.look()
    assert other.look() == token == one.look()
    made = one.bump()
    assert made is not None
    assert made != token
    assert one.look() == other.look() == made
    again = one.bump()
    assert again is not None
    assert again not in (token, made)  # at once, within one tick of any clock
    assert other.bump() is None  # it has not seen what `one` did last
    assert other.look() == one.look() != again


def test_after_another_process_a_bump_says_so(path: Path) -> None:
    here = Generation(path)
    before = here.look()
    mine, its = SPAWN.Pipe()
    child = SPAWN.Process(target=_bump_when_told, args=(path, its))
    child.start()
    try:
        assert mine.poll(30)
        assert mine.recv() == before
        first = here.bump()
        assert first is not None
        mine.send("bump")
        assert mine.poll(30)
        assert mine.recv() is None  # the child had not looked since `first`
        assert here.look() != first
        mine.send("bump")
        assert mine.poll(30)
        made = mine.recv()
        assert here.bump() is None
        assert here.look() not in (made, first)
    finally:
        mine.close()
        child.join(30)
        child.close()


def _bump_when_told(path: Path, pipe: Connection) -> None:
    generation = Generation(path)
    pipe.send(generation.look())
    for look in (False, True):
        pipe.recv()
        if look:
            generation.look()
        pipe.send(generation.bump())


def test_of_many_who_bump_at_once_only_the_first_may_believe_that_it_was_alone(path: Path) -> None:
    generations = [Generation(path) for _ in range(4)]
    for generation in generations:
        generation.look()
    start = threading.Barrier(4)
    answers: list[list[bool]] = [[] for _ in generations]

    def bump(generation: Generation, alone: list[bool]) -> None:
        start.wait()
        alone.extend(generation.bump() is not None for _ in range(50))

    threads = [threading.Thread(target=bump, args=pair) for pair in zip(generations, answers, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(any(alone) for alone in answers) == 1
    assert all(sorted(alone, reverse=True) == alone for alone in answers)


def test_threads_that_share_one_never_take_their_own_bumps_for_anothers(path: Path) -> None:
    generation = Generation(path)
    answers: list[bytes | None] = []

    def bump() -> None:
        for _ in range(50):
            answers.append(generation.bump())

    threads = [threading.Thread(target=bump) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None not in answers
    assert generation.look() in answers


def test_a_deleted_file_is_another_token_and_is_made_again(path: Path) -> None:
    one, other = Generation(path), Generation(path)
    token = one.look()
    path.unlink()
    healed = one.look()
    assert healed != token
    assert other.look() == one.look() == healed
    path.unlink()
    assert one.bump() is None  # what happened before it was deleted is not known


@pytest.mark.parametrize("length", [0, 3, 8, 20, 23])
def test_a_file_cut_short_is_another_token_and_is_made_again(path: Path, length: int) -> None:
    generation = Generation(path)
    token = generation.look()
    os.truncate(path, length)
    assert generation.look() != token
    assert generation.look() == generation.look()
    assert not path.with_name("cache.generation.broken").exists()


def test_a_strangers_file_is_kept(path: Path, expect_log: Callable[[str], None]) -> None:
    expect_log("is no generation number")
    path.write_bytes(b"somebody's notes")
    bump_where_used(path)
    Generation(path, create=False).bump()
    assert path.read_bytes() == b"somebody's notes"
    generation = Generation(path)
    assert generation.look() == generation.look()
    assert path.with_name("cache.generation.broken").read_bytes() == b"somebody's notes"


def test_where_no_file_can_be_every_look_is_another_token(tmp_path: Path, expect_log: Callable[[str], None]) -> None:
    expect_log("cannot be told through")
    for path in (tmp_path / "missing" / "cache.generation", tmp_path):
        generation = Generation(path)
        assert len({generation.look() for _ in range(5)}) == 5
        assert generation.bump() is None


def test_a_cache_that_nobody_keeps_in_memory_gets_no_file(path: Path) -> None:
    bump_where_used(path)
    assert Generation(path, create=False).bump() is None
    assert not path.exists()
    application = Generation(path)
    token = application.look()
    bump_where_used(path)
    assert application.look() != token


def test_a_child_forked_in_the_middle_of_a_bump_keeps_no_lock(path: Path) -> None:
    end = FORK.Event()
    with held(path, 0o644):
        child = FORK.Process(target=end.wait, args=(30,))
        child.start()
    bumped = threading.Thread(target=Generation(path, create=False).bump, daemon=True)
    bumped.start()
    bumped.join(10)
    waits = bumped.is_alive()
    end.set()
    child.join(30)
    bumped.join(30)
    child.close()
    assert not waits
