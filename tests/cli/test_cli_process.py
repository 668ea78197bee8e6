"""The real process: exit codes, streams, signals and what is imported."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "adapters"))

from layout_trees import TREES

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "cache_studio"]


def ended(*arguments, **how):
    return subprocess.run([*COMMAND, *map(str, arguments)], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=50, **how)  # fmt: skip


def test_help_needs_neither_numpy_nor_redis_nor_qt():
    code = (
        "import sys; sys.argv = ['cache-studio', '--help']; from cache_studio.cli.main import run; assert run() == 0;"
        "heavy = {'numpy', 'redis', 'PySide6', 'rich', 'watchdog', 'regex', 'msgpack'} & set(sys.modules);"
        "sys.exit(','.join(sorted(heavy)) or 0)"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=30)
    assert (found.returncode, found.stderr) == (0, b"")


def test_a_key_that_is_no_text_is_whole_json_in_any_locale(tmp_path):
    target = tmp_path / "cache"
    target.mkdir()
    entry = '{"cache_key": "%s", "timestamp": "2026-01-01T00:00:00", "result": {}}'
    (target / "a.json").write_text(entry % "\\ud800 \u202e ü", "utf-8")
    for locale in ("C.UTF-8", "POSIX"):
        found = ended("list", f"json-directory:{target}", "--format", "json", env=os.environ | {"LC_ALL": locale})
        assert found.returncode == 0, found.stderr
        assert json.loads(found.stdout)[0]["key"] == "\ud800 \u202e ü"


def test_a_reader_that_goes_away_is_no_fault(tmp_path):
    target = TREES["json-directory"](tmp_path)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        found = subprocess.run([*COMMAND, "list", str(target)], cwd=ROOT, stdout=out, stderr=subprocess.PIPE,
                               timeout=50)  # fmt: skip
    assert found.returncode == 0
    assert b"Traceback" not in found.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_an_interrupt_ends_a_watch(tmp_path):
    target = TREES["json-directory"](tmp_path)
    process = subprocess.Popen(
        [*COMMAND, "watch", str(target), "--format", "json", "--interval", "30"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout.readline().startswith(b'{"at":')
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=50)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert told.strip() == b"Stopped."


def test_nobody_is_asked_where_nobody_is(tmp_path):
    target = TREES["json-directory"](tmp_path)
    found = ended("clear", target)
    assert (found.returncode, found.stdout) == (1, b"")
    assert len(list(target.iterdir())) == 3
