"""Watching real folders: what is written is said, what is read is not, and nothing is left behind."""

import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.observers.polling import PollingObserver

from cache_studio.live import watch as watching
from cache_studio.live.throttle import MOST_NAMES, REST, SETTLE, SHORTEST, Changed, Throttle
from cache_studio.live.watch import Watcher


class Ear:
    """Collects what it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, Changed]] = []
        self._condition = threading.Condition()

    def __call__(self, changed: Changed) -> None:
        with self._condition:
            self.heard.append((time.monotonic(), changed))
            self._condition.notify_all()

    @property
    def names(self) -> set[str]:
        return {os.path.basename(name) for _, changed in self.heard for name in changed.names}

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._condition:
            assert self._condition.wait_for(condition, 10), self.heard


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    made = Watcher()
    yield made
    made.close()


def test_what_is_written_is_said_and_what_is_read_is_not(watcher: Watcher, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("x")
    ear = Ear()
    watcher.watch([(str(tmp_path), False)], ear)
    (tmp_path / "old").read_text()
    os.listdir(tmp_path)
    (tmp_path / "new \udcff").write_text("x")
    ear.wait(lambda: "new \udcff" in ear.names)
    (tmp_path / "draft").write_text("x")
    os.replace(tmp_path / "draft", tmp_path / "moved")
    (tmp_path / "new \udcff").unlink()
    ear.wait(lambda: "moved" in ear.names)
    assert "old" not in ear.names
    assert not any(changed.everything for _, changed in ear.heard)


def test_folders_below_when_wanted(watcher: Watcher, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    deep, flat = Ear(), Ear()
    watcher.watch([(str(tmp_path), True)], deep)
    watcher.watch([(str(tmp_path), False)], flat)
    (tmp_path / "a" / "below").write_text("x")
    (tmp_path / "top").write_text("x")
    deep.wait(lambda: {"below", "top"} <= deep.names)
    flat.wait(lambda: "top" in flat.names)
    assert "below" not in flat.names


def test_a_file_is_watched_with_its_companions(watcher: Watcher, tmp_path: Path) -> None:
    one, two = Ear(), Ear()
    watcher.watch([(str(tmp_path / "cache.db"), False)], one)
    second = watcher.watch([(str(tmp_path / "other.db"), False)], two)
    for name in ("other.db", "else", "cache.db-wal", "cache.db"):
        (tmp_path / name).write_text("x")
    one.wait(lambda: {"cache.db-wal", "cache.db"} <= one.names)
    two.wait(lambda: "other.db" in two.names)
    assert one.names == {"cache.db-wal", "cache.db"}
    assert two.names == {"other.db"}
    second.stop()
    (tmp_path / "cache.db-journal").write_text("x")
    one.wait(lambda: "cache.db-journal" in one.names)


def test_many_writes_are_few_calls(watcher: Watcher, tmp_path: Path) -> None:
    ear = Ear()
    watcher.watch([(str(tmp_path), False)], ear)
    for number in range(1500):
        (tmp_path / f"f{number}").write_text("x")
    ear.wait(lambda: len(ear.names) == 1500 or any(changed.everything for _, changed in ear.heard))
    first, last = ear.heard[0][0], ear.heard[-1][0]
    assert len(ear.heard) <= (last - first) / SHORTEST + 2


def test_an_overflow_means_everything(watcher: Watcher, tmp_path: Path) -> None:
    ear = Ear()
    watcher.watch([(str(tmp_path), False)], ear)
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed; filesystem events were lost")
    ear.wait(lambda: any(changed.everything for _, changed in ear.heard))


def test_a_folder_that_comes_back_is_watched_again(
    watcher: Watcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.05)
    cache = tmp_path / "cache"
    cache.mkdir()
    ear = Ear()
    watcher.watch([(str(cache), False)], ear)
    shutil.rmtree(cache)
    ear.wait(lambda: any(changed.everything for _, changed in ear.heard))
    ear.heard.clear()
    cache.mkdir()
    ear.wait(lambda: any(changed.everything for _, changed in ear.heard))
    (cache / "again").write_text("x")
    ear.wait(lambda: "again" in ear.names)
    os.rename(cache, tmp_path / "away")
    ear.heard.clear()
    cache.mkdir()
    ear.wait(lambda: any(changed.everything for _, changed in ear.heard))
    (cache / "third").write_text("x")
    ear.wait(lambda: "third" in ear.names)


def test_without_the_systems_help_it_polls(watcher: Watcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "Observer", _full)
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.05)
    ear = Ear()
    watcher.watch([(str(tmp_path), False)], ear)
    (tmp_path / "new").write_text("x")
    ear.wait(lambda: "new" in ear.names)
    assert list(watcher._observers) == [PollingObserver]


def _full() -> None:
    raise OSError(28, "inotify watch limit reached")


def test_a_listener_may_stop_and_may_fail(watcher: Watcher, tmp_path: Path, expect_log: Callable[[str], None]) -> None:
    expect_log("A listener failed")
    ear, ended = Ear(), threading.Event()

    def stops(_: Changed) -> None:
        first.stop()
        ended.set()

    def fails(_: Changed) -> None:
        raise ValueError

    first = watcher.watch([(str(tmp_path), False)], stops)
    watcher.watch([(str(tmp_path), False)], fails)
    watcher.watch([(str(tmp_path), False)], ear)
    (tmp_path / "x").write_text("x")
    ear.wait(lambda: "x" in ear.names)
    assert ended.wait(5)


def test_a_throttle_waits_for_companions_and_rests_after_dear_work() -> None:
    throttle = Throttle()
    assert throttle.due_at() is None
    throttle.add("a", 100.0)
    throttle.add("b", 100.01)
    assert throttle.due_at() == 100.0 + SETTLE
    assert throttle.take(100.02) == Changed(frozenset("ab"))
    assert throttle.due_at() is None
    throttle.add("c", 100.03)
    assert throttle.due_at() == pytest.approx(100.02 + SHORTEST)
    throttle.took(2.0, 102.0)
    assert throttle.due_at() == 102.0 + REST * 2.0
    throttle.add_everything(103.0)
    assert throttle.take(110.0) == Changed(frozenset(), True)
    for number in range(MOST_NAMES + 1):
        throttle.add(str(number), 111.0)
    assert throttle.take(112.0).everything


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only inotify tells a move in two halves")
def test_half_a_move_holds_what_comes_after_it_only_for_a_moment(tmp_path: Path) -> None:
    from watchdog.observers.inotify_move_event_grouper import InotifyMoveEventGrouper

    watcher = Watcher()
    watcher.watch([(str(tmp_path), False)], lambda changed: None)
    watcher.close()
    assert InotifyMoveEventGrouper().delay <= SHORTEST
