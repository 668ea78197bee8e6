"""The access log: bounded, whole batches only, from many processes, and never in the application's way."""

import math
import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import PATIENCE

from cache_studio.model.errors import BadRequest
from cache_studio.recording import access_log
from cache_studio.recording.access_log import Access, AccessLog, Op, Result, key_hash, older_segment, read_accesses
from cache_studio.recording.places import accesses_path

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return accesses_path(str(tmp_path / "cache"))


def get(log: AccessLog, at: float, key: str = "key") -> None:
    log.note(at, Op.GET, Result.HIT, "", key)


def size(path: Path) -> int:
    return sum(part.stat().st_size for part in (path, older_segment(path)) if part.exists())


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_was_noted_is_read_oldest_first(path: Path) -> None:
    rows = [
        Access(3.0, Op.GET, Result.EXPIRED, "ai", "c", None, None, 0.25),
        Access(1.0, Op.PUT, Result.NONE, "", "a \udcff", 12, math.inf, None),
        Access(2.0, Op.DELETE, Result.NONE, "ai", "", 0, 3600.0, 0.0),
    ]
    with AccessLog(path) as log:
        for row in rows:
            log.note(row.at, row.op, row.result, row.namespace, row.key, row.size, row.ttl, row.seconds)
    assert list(read_accesses(path)) == [rows[1], rows[2], rows[0]]


def test_nothing_is_read_where_there_is_nothing(path: Path) -> None:
    assert list(read_accesses(path)) == []


def test_a_hashed_log_holds_no_key_and_tells_keys_apart(path: Path) -> None:
    with AccessLog(path, hashed=True) as log:
        for key in ("secret prompt", "another", "secret prompt"):
            get(log, 1.0, key)
    assert b"secret" not in path.read_bytes()
    keys = [access.key for access in read_accesses(path)]
    assert keys == [f"{key_hash(key):016x}" for key in ("secret prompt", "another", "secret prompt")]
    assert len(set(keys)) == 2


def test_rows_are_written_soon_without_being_asked(path: Path) -> None:
    log = AccessLog(path)
    for round_ in range(2):  # the flusher falls asleep between
        get(log, float(round_))
        wait_until(lambda expected=round_ + 1: len(list(read_accesses(path))) == expected)
    log.close()


def test_a_full_batch_is_not_kept_waiting(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "FLUSH_SECONDS", 3600.0)
    with AccessLog(path) as log:
        for number in range(access_log.BATCH):
            get(log, float(number))
        wait_until(lambda: len(list(read_accesses(path))) >= access_log.BATCH - 1)


def test_the_ring_stays_below_its_bound_and_keeps_the_newest(path: Path) -> None:
    bound, biggest = 20_000, 0
    with AccessLog(path, max_bytes=bound) as log:
        for number in range(5_000):
            get(log, float(number), f"key {number}")
            if number % 100 == 99:
                log.flush()
                biggest = max(biggest, size(path))
    times = [access.at for access in read_accesses(path)]
    assert biggest <= bound
    assert times == [float(number) for number in range(5_000 - len(times), 5_000)]
    assert size(path) > bound / 3


def test_a_batch_bigger_than_a_segment_is_divided_and_a_row_bigger_is_left_out(path: Path) -> None:
    with AccessLog(path, max_bytes=10_000) as log:
        get(log, 0.0, "x" * 6_000)
        for number in range(1, 8):
            get(log, float(number), "y" * 1_000)
    times = [access.at for access in read_accesses(path)]
    assert times
    assert times == [float(number) for number in range(8 - len(times), 8)]
    assert size(path) <= 10_000


def test_what_was_cut_short_is_passed_over(path: Path) -> None:
    with AccessLog(path) as log:
        for at in (1.0, 2.0, 3.0):
            get(log, at)
            log.flush()
    whole = path.read_bytes()
    frame = len(whole) // 3
    for torn in (whole[: 2 * frame + 5], whole[: 2 * frame + frame - 1]):
        path.write_bytes(torn)
        assert [access.at for access in read_accesses(path)] == [1.0, 2.0]
        with AccessLog(path) as log:
            get(log, 4.0)
        assert [access.at for access in read_accesses(path)] == [1.0, 2.0, 4.0]
    path.write_bytes(whole[: frame + 20] + b"\xff" + whole[frame + 21 :])
    assert [access.at for access in read_accesses(path)] == [1.0, 3.0]


def test_processes_write_one_log_and_lose_nothing(path: Path) -> None:
    children = [FORK.Process(target=_write, args=(path, start)) for start in (0, 1_000, 2_000)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
        assert child.exitcode == 0
        child.close()
    assert [access.at for access in read_accesses(path)] == [float(number) for number in range(3_000)]


def _write(path: Path, start: int) -> None:
    with AccessLog(path) as log:
        for number in range(start, start + 1_000):
            get(log, float(number))
            if number % 50 == 0:
                log.flush()


def test_processes_that_turn_the_ring_at_once_keep_both_segments(path: Path) -> None:
    children = [FORK.Process(target=_turn, args=(path, start)) for start in (0, 1)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
        child.close()
    assert 10_000 < size(path) <= 40_000
    times = [access.at for access in read_accesses(path)]
    assert len(times) > 200


def _turn(path: Path, start: int) -> None:
    with AccessLog(path, max_bytes=40_000) as log:
        for number in range(3_000):
            get(log, float(2 * number + start))
            if number % 20 == 0:
                log.flush()


def test_a_forked_child_writes_its_own_rows_only(path: Path) -> None:
    with AccessLog(path) as log:
        get(log, 1.0)
        child = FORK.Process(target=_note_in_child, args=(log,))
        child.start()
        child.join(30)
        assert child.exitcode == 0
        child.close()
    assert [access.at for access in read_accesses(path)] == [1.0, 2.0]


def _note_in_child(log: AccessLog) -> None:
    get(log, 2.0)
    log.close()


def test_the_end_of_the_process_writes_what_waits(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from cache_studio.recording.access_log import AccessLog, Op, Result;"
        "AccessLog(Path(sys.argv[1])).note(1.0, Op.GET, Result.MISS, '', 'key')"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=30)
    assert [access.key for access in read_accesses(path)] == ["key"]


def test_threads_lose_no_row(path: Path) -> None:
    with AccessLog(path) as log:
        threads = [
            threading.Thread(target=lambda: [get(log, float(number)) for number in range(2_000)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(list(read_accesses(path))) == 8_000


def test_a_disk_that_refuses_costs_the_rows_only(tmp_path: Path, expect_log: Callable[[str], None]) -> None:
    expect_log("Accesses are not logged")
    path = tmp_path / "missing" / "cache.accesses"
    with AccessLog(path) as log:
        get(log, 1.0)
        log.flush()
        path.parent.mkdir()
        get(log, 2.0)
    assert [access.at for access in read_accesses(path)] == [2.0]


def test_a_disk_that_hangs_does_not_fill_the_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "MOST_WAITING", 10)
    log = AccessLog(path)
    with log._lock:  # as long as somebody writes
        for number in range(30):
            get(log, float(number))
        assert len(log._rows) == 10
    log.close()
    assert len(list(read_accesses(path))) == 10


def test_a_strangers_file_is_kept(path: Path) -> None:
    path.write_bytes(b"somebody's notes")
    with AccessLog(path) as log:
        get(log, 1.0)
    assert path.with_name("cache.accesses.broken").read_bytes() == b"somebody's notes"
    assert len(list(read_accesses(path))) == 1


def test_a_frame_of_another_make_is_passed_over(path: Path) -> None:
    with AccessLog(path) as log:
        get(log, 1.0)
    for body in (b"\xc0", b"\x92\x90\x91\x91\x01", b"\xff" * 3, b"\x93\x01\x02\x03"):
        head = access_log._HEAD.pack(access_log.MAGIC, len(body), access_log.zlib.crc32(body))
        with path.open("ab") as file:
            file.write(head + body)
    assert len(list(read_accesses(path))) == 1


def test_a_bound_without_sense_is_refused(path: Path) -> None:
    with pytest.raises(BadRequest) as caught:
        AccessLog(path, max_bytes=100)
    assert caught.value.hint
