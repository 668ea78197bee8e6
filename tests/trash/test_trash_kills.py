"""Processes killed and failing disks: every entry is in the cache or, whole, in the trash."""

import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

from patience import PATIENCE
from trashed_folder import NOW, clear_and_undo, content, fill, present, undo_all

from cache_studio.trash.index import State
from cache_studio.trash.trash import Trash

KILLS = 25
ENTRIES = 60
HERE = Path(__file__).parent
ROOT = Path(__file__).parents[2]


def run_child(trash: Path, cache: Path) -> BaseProcess:
    """A process that clears and undoes; it has begun when this returns."""
    context = multiprocessing.get_context("fork")  # a new interpreter takes a hundred times longer than a round
    here, there = context.Pipe()
    child = context.Process(target=clear_and_undo, args=(trash, cache, there))
    child.start()
    assert here.recv()
    here.close()
    there.close()
    return child


def kill(child: BaseProcess) -> None:
    child.kill()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    child.close()


def test_kills_at_any_moment_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(7)
    cache = tmp_path / "cache"
    fill(cache, ENTRIES)
    keys = {f"k{number:03}" for number in range(ENTRIES)}
    in_the_middle = 0
    for _ in range(KILLS):
        child = run_child(tmp_path / "trash", cache)
        time.sleep(chance.uniform(0.0, 0.08))  # the moment of the kill is what is tried
        kill(child)
        in_the_middle += check_and_repair(tmp_path, cache, keys)
    assert in_the_middle > KILLS / 3


def check_and_repair(tmp_path: Path, cache: Path, keys: set[str]) -> bool:
    """Recover as a start does, look whether all is there, undo; whether the kill came in the middle of something."""
    trash = Trash(tmp_path / "trash", NOW)
    assert trash.notice == ""
    open_actions = trash.unsettled()
    for action in open_actions:
        assert trash.recover(partial(present, cache), action.id).state is State.DONE
    assert trash.unsettled() == []
    waiting = {copy.key for action in trash.actions() for _, copy in trash.copies(action.id)}
    stored = set(os.listdir(cache))
    assert stored | waiting == keys
    for action in trash.actions():
        assert trash.damaged(action.id) == []
        if action.waiting:
            undo_all(trash, cache, action.id)
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == {key: content(key) for key in keys}
    trash.enforce_retention(30, 10**9, time.time() + 2 * 86_400)
    assert [path for path in (tmp_path / "trash" / "files").rglob("*") if path.is_file()] == []
    assert os.listdir(tmp_path / "trash" / "claims") == []
    trash.close()
    return bool(waiting)


def test_two_processes_share_one_trash(tmp_path: Path) -> None:
    fill(tmp_path / "one", ENTRIES)
    fill(tmp_path / "two", ENTRIES)
    first = run_child(tmp_path / "trash", tmp_path / "one")
    second = run_child(tmp_path / "trash", tmp_path / "two")
    watching = Trash(tmp_path / "trash", NOW)
    deadline = time.monotonic() + PATIENCE
    while sum(action.state is State.UNDONE for action in watching.actions()) < 6:
        assert watching.unsettled() == []
        assert first.is_alive()
        assert second.is_alive()
        assert time.monotonic() < deadline
    kill(first)
    kill(second)
    watching.close()


def test_a_disk_that_takes_no_more_stops_before_anything_is_removed(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    fill(cache, 5)
    (cache / "k000").write_bytes(b"x" * 3_000_000)
    script = (
        "import resource, signal, sys; from pathlib import Path; import trashed_folder as f;"
        "from cache_studio.trash.trash import Trash; t = Trash(Path(sys.argv[1]), f.NOW);"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000));"
        "f.remove_all(t, Path(sys.argv[2]))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{HERE}"}
    command = [sys.executable, "-c", script, str(tmp_path / "trash"), str(cache)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "There is no room left to keep copies for undo" in ended.stderr
    assert len(os.listdir(cache)) == 5
    assert [path for path in (tmp_path / "trash" / "files").rglob("*") if path.is_file()] == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
