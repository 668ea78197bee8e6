"""The recorder: many processes count, none is counted twice, none is lost, none waits."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from patience import PATIENCE

from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.recording import slots
from cache_studio.recording.counts import OTHERS, Fill, Tally, from_fields, pack, to_fields, unpack
from cache_studio.recording.meter import EXPIRED, MOST_PLACES, Event, Meter
from cache_studio.recording.places import memory_recorder_path, recorder_path, redis_recorder_prefix
from cache_studio.recording.reader import Recorded, combine, read_recorder
from cache_studio.recording.writer import RecorderWriter

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return recorder_path(str(tmp_path / "cache"))


class Recording(RecorderWriter):
    """A recorder with the meter that it writes."""

    def __init__(self, path: Path) -> None:
        meter = Meter()
        self.count, self.happened, self.set_level = meter.count, meter.happened, meter.set_level
        super().__init__(path, meter)


def read(path: Path) -> Recorded:
    recorded = read_recorder(path, time.time())
    assert recorded is not None
    return recorded


def test_the_recorder_lies_beside_the_cache_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    expected = tmp_path.resolve() / "cache.recorder"
    for text in ("cache", "./cache/", f"{tmp_path}/cache//", "link", "x/../cache"):
        assert recorder_path(text) == expected
    monkeypatch.chdir(tmp_path / "cache")
    assert recorder_path(".") == expected
    assert recorder_path("../responses.json").name == "responses.json.recorder"
    for text in ("", "/"):
        with pytest.raises(BadRequest):
            recorder_path(text)


def test_names_of_memory_and_redis_caches(tmp_path: Path) -> None:
    assert memory_recorder_path("a/../b", tmp_path) == tmp_path / "recorders" / "a%2F..%2Fb.recorder"
    assert redis_recorder_prefix("app:cache:") == "app:recorder:cache:"
    assert redis_recorder_prefix("cache:") == "recorder:cache:"
    assert redis_recorder_prefix("") == "recorder::"


def test_counts_arrive_by_namespace_and_level(path: Path) -> None:
    with Recording(path) as writer:
        for _ in range(3):
            writer.count("tts", "memory", True, 0.5)
            writer.count("tts", "", True, 0.5)
        writer.count("img", "memory", False)
        writer.count("img", "disk", False)
        writer.count("img", "", False, reason=EXPIRED)
        writer.happened("img", "", Event.PUT)
        writer.happened("img", "memory", Event.EVICTION, 4)
        writer.set_level("memory", 10, 1000)
        writer.flush()
        recorded = read(path)
        assert (recorded.totals.hits, recorded.totals.misses, recorded.totals.hit_rate) == (3, 1, 0.75)
        assert (recorded.totals.expirations, recorded.totals.puts, recorded.totals.evictions) == (1, 1, 0)
        assert recorded.levels["memory"].evictions == 4  # they may lie on disk still
        assert recorded.namespaces["tts"].seconds == 1.5
        assert set(recorded.levels) == {"memory", "disk"}
        assert (recorded.levels["memory"].hits, recorded.levels["memory"].misses) == (3, 1)
        assert recorded.fills["memory"].entries == 10
        assert recorded.pids == (os.getpid(),)
    ended = read(path)
    assert ended.totals == recorded.totals
    assert ended.epoch == recorded.epoch
    assert ended.fills == {}
    assert ended.pids == ()


def test_levels_alone_say_what_the_lookup_was(path: Path) -> None:
    with Recording(path) as writer:
        for _ in range(10):
            writer.count("", "memory", False)
        for hit in (True, True, True, False, False, False, False, False, False, False):
            writer.count("", "disk", hit)
    recorded = read(path)
    assert (recorded.totals.hits, recorded.totals.misses) == (3, 7)


def test_there_is_no_recorder_where_there_is_none(path: Path) -> None:
    assert read_recorder(path, 0) is None
    path.write_bytes(b"something else" * 10_000)
    assert read_recorder(path, 0) is None
    with Recording(path) as writer:
        writer.count("", "", True)
    assert read(path).totals.hits == 1
    assert path.with_name("cache.recorder.broken").read_bytes() == b"something else" * 10_000


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CacheUnavailable, match="cannot be written"):
        Recording(tmp_path / "missing" / "x.recorder")


def test_the_flusher_writes_by_itself_and_leaves_no_thread(path: Path) -> None:
    before = threading.active_count()
    with Recording(path) as writer:
        assert threading.active_count() == before
        writer.count("", "", True)
        deadline = time.monotonic() + PATIENCE
        while read(path).totals.hits != 1:
            assert time.monotonic() < deadline
    assert threading.active_count() == before


def test_threads_lose_no_count(path: Path) -> None:
    with Recording(path) as writer:

        def count() -> None:
            for number in range(5000):
                writer.count(f"n{number % 3}", "", number % 2 == 0)

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (read(path).totals.hits, read(path).totals.misses) == (10_000, 10_000)


def test_a_lookup_costs_less_than_two_microseconds(path: Path) -> None:
    with Recording(path) as writer:
        best = min(_timed(writer) for _ in range(10))
    assert best < 2e-6


def _timed(writer: Recording) -> float:
    started = time.perf_counter()
    for _ in range(5000):
        writer.count("namespace", "", True, 0.001)
    return (time.perf_counter() - started) / 5000


def test_many_namespaces_are_counted_together_and_completely(path: Path) -> None:
    with Recording(path) as writer:
        for number in range(MOST_PLACES * 3):
            writer.count(f"namespace {number} " + "x" * 500, "memory", True)
        writer.flush()
        assert read(path).totals.hits == MOST_PLACES * 3
        assert OTHERS in read(path).namespaces
    assert read(path).totals.hits == MOST_PLACES * 3


def _count_until_killed(path: Path, ready: Connection) -> None:
    writer = Recording(path)
    for _ in range(10):
        writer.count("", "", True)
    writer.flush()
    ready.send(True)
    while True:
        writer.happened("", "", Event.PUT)
        writer.flush()


def _run(path: Path) -> BaseProcess:
    here, there = FORK.Pipe()
    child = FORK.Process(target=_count_until_killed, args=(path, there))
    child.start()
    assert here.recv()
    here.close()
    there.close()
    return child


def test_killed_processes_keep_their_counts_and_their_slots_are_used_again(path: Path) -> None:
    for round_number in range(1, 6):
        children = [_run(path) for _ in range(3)]
        assert len(read(path).pids) == 3
        puts = [read(path).totals.puts for _ in range(20)]
        assert puts == sorted(puts)
        for child in children:
            child.kill()
            child.join()
            assert child.exitcode == -signal.SIGKILL
        assert read(path).totals.hits == round_number * 30
    with Recording(path):
        assert read(path).totals.hits == 150
        assert read(path).pids == (os.getpid(),)
    assert path.stat().st_size <= slots.slot_offset(4)


def test_a_fold_cut_short_counts_once(path: Path) -> None:
    child = _run(path)
    child.kill()
    child.join()
    before = read(path).totals
    whole = path.read_bytes()
    with slots.locked_file(path, 1.0) as file:
        slots.fold(file, whole, 1, 1.0)
        file.close()
    folded = bytearray(path.read_bytes())
    start = slots.slot_offset(1)
    folded[start:] = whole[start:]  # as if the kill had come before the slot was freed
    path.write_bytes(folded)
    assert read(path).totals == before
    Recording(path).close()
    assert read(path).totals == before


def test_a_write_cut_short_leaves_the_one_before(path: Path) -> None:
    with Recording(path) as writer:
        for number in range(2):
            writer.count("", "", True)
            writer.flush()
            kept = path.read_bytes()
            assert read(path).totals.hits == number + 1
        content = slots.content_of(kept, 1)
        assert content is not None
        torn = bytearray(kept)
        place = slots.slot_offset(1) + slots.OWNER_SIZE + content.sequence % 2 * slots.PLACE_SIZE
        torn[place + 40 : place + 60] = b"\xff" * 20
        older = slots.content_of(bytes(torn), 1)
        assert older is not None
        assert older.tally.rows["", ""][0] == 1


def test_a_forked_child_counts_for_itself(path: Path) -> None:
    with Recording(path) as writer:
        writer.count("", "", True)
        pid = os.fork()
        if pid == 0:
            writer.count("", "", False)
            writer.close()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    assert (read(path).totals.hits, read(path).totals.misses) == (1, 1)


def test_a_recorder_that_was_deleted_begins_anew(path: Path) -> None:
    with Recording(path) as writer:
        writer.count("", "", True)
        writer.flush()
        epoch = read(path).epoch
        path.unlink()
        writer.count("", "", True)
        writer.flush()
        assert read(path).totals.hits == 1
        assert read(path).epoch != epoch


def test_a_slot_that_was_taken_away_costs_no_count(path: Path) -> None:
    with Recording(path) as writer:
        writer.count("", "", True)
        writer.flush()
        with slots.locked_file(path, 1.0) as file:  # as a process of another machine would after a day
            slots.fold(file, path.read_bytes(), 1, 1.0)
            file.close()
        writer.count("", "", True)
        writer.flush()
        assert read(path).totals.hits == 2
    assert read(path).totals.hits == 2


def test_a_process_that_ends_without_close_has_written_all(path: Path) -> None:

    script = (
        "import sys; from pathlib import Path; from cache_studio.recording.writer import RecorderWriter;"
        "from cache_studio.recording.meter import Meter;"
        "m = Meter(); w = RecorderWriter(Path(sys.argv[1]), m); m.count('', '', True); print('numpy' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
    assert read(path).totals.hits == 1


def test_bytes_and_fields_return_what_they_were_given() -> None:
    tally = Tally(
        {("a|b", "memory"): [1, 2, 3, 4, 5, 0.25], ("\udcff", ""): [2.0**40, 0, 0, 0, 0, 1e-9]},
        {"memory": Fill(None, 5, False, 1.5), "disk": Fill(3, 0, True, 2.5)},
    )
    assert unpack(pack(tally, slots.ROOM)) == tally
    assert from_fields(to_fields(tally, 7.5)) == (tally, 7.5)
    assert from_fields({"count|x": "1", "fill|y": "a b c d", "count||n": "1 2 3", "started_at": "?"}) == (Tally(), None)
    with pytest.raises(ValueError, match="slot"):
        unpack(b"\xff" * 50)
    both = combine([tally, tally], 7.5, "e")
    assert both.namespaces["a|b"].hits == 2
    assert both.fills["disk"] == Fill(3, 0, True, 2.5)
    assert both.fills["memory"] == Fill(None, 10, False, 1.5)
