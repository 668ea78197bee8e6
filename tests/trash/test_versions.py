"""Whole versions of files that were displaced while their application wrote."""

import os
from pathlib import Path

import pytest

from cache_studio.model.errors import CacheStudioError
from cache_studio.trash import files
from cache_studio.trash.trash import Trash

NOW = 1_800_000_000.0


def kept(trash: Trash, source: Path) -> tuple[str, Path]:
    """Hand a file over as a removal does; what is said and where it lies."""
    bin_ = trash.begin("purge", str(source), "json-file", {}, "cache", 1, "test", NOW)
    with source.open("rb") as file:
        sentence = bin_.version(file.fileno(), source.stat().st_size, source.name)
    bin_.finish()
    return sentence, Path(sentence.rpartition(" as ")[2].rstrip("."))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "responses .json"
    path.write_bytes(b'{"a": 1}')
    return path


def test_a_version_is_kept_whole_and_named_in_a_sentence(tmp_path: Path, source: Path) -> None:
    trash = Trash(tmp_path / "trash", NOW)
    sentence, path = kept(trash, source)
    assert sentence.startswith("The application wrote the file at the same moment")
    assert path.read_bytes() == source.read_bytes()
    assert path.name.endswith("-responses_.json")
    assert path.stat().st_mode & 0o077 == 0
    trash.close()


def test_it_goes_when_its_time_is_over_and_no_sooner(tmp_path: Path, source: Path) -> None:
    trash = Trash(tmp_path / "trash", NOW)
    old, young = kept(trash, source)[1], kept(trash, source)[1]
    os.utime(old, (NOW - 31 * 86_400, NOW - 31 * 86_400))
    os.utime(young, (NOW - 86_400, NOW - 86_400))
    trash.enforce_retention(30, 1_000_000, NOW)
    assert (old.exists(), young.exists()) == (False, True)
    trash.close()


def test_without_room_nothing_is_kept_and_it_is_said(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "RESERVE", 1 << 60)
    trash = Trash(tmp_path / "trash", NOW)
    with pytest.raises(CacheStudioError, match="no room"):
        kept(trash, source)
    assert list((tmp_path / "trash" / "versions").glob("*")) == []
    trash.close()
