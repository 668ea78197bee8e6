"""The guard of `conftest.py` fails a test for each kind of thing it leaves behind, and for nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
INNER = """
import logging, subprocess, sys, threading
import leftovers

leftovers.GRACE_SECONDS = 0.1
kept = []
logger = logging.getLogger("cache_studio.x")

def test_thread():
    threading.Thread(target=threading.Event().wait, name="idle", daemon=True).start()

def test_log():
    logger.warning("odd")

def test_silence(expect_log):
    expect_log("odd")

def test_window():
    from PySide6.QtWidgets import QApplication, QWidget
    kept.extend([QApplication([]), QWidget(windowTitle="lost")])

def test_process():
    kept.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))

def test_clean(expect_log):
    threading.Thread(target=lambda: None).start()
    expect_log("odd")
    logger.warning("very odd")
    logging.getLogger("other").warning("not ours")
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)
"""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The closing lines of pytest for INNER, run under our conftest in a process of its own."""
    folder = tmp_path_factory.mktemp("inner")
    shutil.copy(HERE / "conftest.py", folder)
    (folder / "test_inner.py").write_text(INNER)
    unused = [option for name in ("cacheprovider", "hypothesispytest", "pytest-qt") for option in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-q", "-rE", *unused, "-c", os.devnull, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "COLUMNS": "300"}
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("thread", "thread 'idle'"),
        ("log", "unexpected log: WARNING cache_studio.x: odd"),
        ("silence", "never logged: odd"),
        ("window", "window QWidget 'lost'"),
        pytest.param(
            "process",
            "process ",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="children are read from /proc"),
        ),
    ],
)
def test_a_leftover_fails_the_test(verdicts: str, name: str, complaint: str) -> None:
    assert f"::test_{name} - Failed: left behind: {complaint}" in verdicts


def test_a_test_that_cleans_up_passes(verdicts: str) -> None:
    assert "test_clean" not in verdicts
    assert "6 passed" in verdicts


def test_home_is_empty_and_nobody_elses(empty_home: Path, tmp_path: Path) -> None:
    assert Path.home() == empty_home
    assert empty_home not in (tmp_path, *tmp_path.parents)
    assert [path.name for path in empty_home.iterdir()] == ["run"]
