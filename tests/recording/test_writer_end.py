"""A writer ends, whatever its flusher is doing at that moment."""

import threading
from pathlib import Path

from patience import PATIENCE

from cache_studio.recording import writer as writer_module
from cache_studio.recording.meter import Meter
from cache_studio.recording.reader import read_recorder
from cache_studio.recording.writer import RecorderWriter


class SeenLock:
    """A lock that says when the flusher comes to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.flusher_came = threading.Event()

    def __enter__(self) -> None:
        if threading.current_thread().name == "cache-studio recorder":
            self.flusher_came.set()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_ends_while_the_flusher_waits_to_write(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(writer_module, "FLUSH_SECONDS", 0.0)
    meter = Meter()
    writer = RecorderWriter(tmp_path / "cache.recorder", meter)
    lock = SeenLock()
    monkeypatch.setattr(writer, "_lock", lock)
    leave = writer._leave

    def leave_late() -> None:
        meter.count("", "", True)  # wakes the flusher, which comes to a lock that is held
        assert lock.flusher_came.wait(PATIENCE)
        leave()

    monkeypatch.setattr(writer, "_leave", leave_late)
    monkeypatch.setattr(writer, "_flusher", threading.Thread(target=writer._flush_at_times, daemon=True))
    writer._flusher.name = "cache-studio recorder"
    writer._flusher.start()
    closing = threading.Thread(target=writer.close, daemon=True)
    closing.start()
    closing.join(PATIENCE)
    assert not closing.is_alive()


def test_writes_nothing_after_its_end(tmp_path: Path) -> None:
    meter = Meter()
    writer = RecorderWriter(tmp_path / "cache.recorder", meter)
    meter.count("", "", True)
    writer.close()
    meter.count("", "", True)
    writer.flush()
    writer.close()
    assert read_recorder(tmp_path / "cache.recorder", 1.0).totals.hits == 1
