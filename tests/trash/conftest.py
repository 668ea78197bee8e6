"""Folders in memory where there are any: order and content are tried here, a loaded disk's `fsync` takes a second."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """A new folder, gone after the test."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="cache-studio-trash-", dir=MEMORY))
    yield folder
    shutil.rmtree(folder)
