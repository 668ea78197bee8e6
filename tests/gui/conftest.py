"""What tests of the window share: a real studio, real caches on disk, the bridge between threads."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cache_studio.gui.look import theme
from cache_studio.gui.tasks import Tasks
from cache_studio.services.attachment import Attachment
from cache_studio.services.proposals import parse
from cache_studio.services.studio import Studio

HOUR = 3600.0
HOSTILE = "<img src=x onerror=alert(1)>\u202etxt.exe"
ASSET_TABLE = (
    "CREATE TABLE cache_entries(id INTEGER PRIMARY KEY, asset_type TEXT NOT NULL, prompt_hash TEXT NOT NULL,"
    " prompt_text TEXT NOT NULL, file_path TEXT NOT NULL, metadata TEXT, created_at TEXT, last_used_at TEXT,"
    " use_count INTEGER DEFAULT 1, UNIQUE(asset_type, prompt_hash))"
)
Attach = Callable[..., Attachment]


def write_comparison(folder: Path, key: str, age: float, text: str = "") -> Path:
    """One entry of a json-directory, `age` seconds old, as the application writes it."""
    moment = datetime.fromtimestamp(time.time() - age).isoformat()
    path = folder / f"{sha256(key.encode()).hexdigest()}.json"
    result = {"before_path": "before.png", "threshold": 10, "passed": True, "note": text, "timestamp": moment}
    path.write_text(json.dumps({"cache_key": key, "timestamp": moment, "result": result}, indent=2), "utf-8")
    return path


def write_asset(folder: Path, prompt: str, kind: str, content: bytes, age: float = 60.0) -> None:
    """One entry of an asset cache: the file and its row."""
    key = sha256(prompt.encode()).hexdigest()
    (folder / kind).mkdir(parents=True, exist_ok=True)
    file = folder / kind / f"{key}{'.wav' if kind == 'tts' else '.png'}"
    file.write_bytes(content)
    created, used = (datetime.fromtimestamp(time.time() - part).isoformat() for part in (age, age / 2))
    voice = json.dumps({"engine": "piper", "voice": {"name": "amy", "rate": 1.0}, "tags": ["en", "piper"]})
    with closing(sqlite3.connect(folder / "cache.db")) as database, database:
        database.execute(ASSET_TABLE.replace("TABLE ", "TABLE IF NOT EXISTS ", 1))
        database.execute(
            "INSERT INTO cache_entries(asset_type, prompt_hash, prompt_text, file_path, metadata, created_at,"
            " last_used_at, use_count) VALUES(?,?,?,?,?,?,?,?)",
            (kind, key, prompt, str(file), voice, created, used, 3),
        )


@pytest.fixture(autouse=True)
def usual_look(qapp: QApplication) -> Iterator[None]:
    """What one test wears is no concern of the next."""
    yield
    worn = theme.apply(qapp, "light")
    worn.set_density(theme.Density.COMFORTABLE)
    worn.set_reduced_motion(False)


@pytest.fixture
def comparisons(tmp_path: Path) -> Path:
    """A json-directory of 12 entries, of which 5 are older than the default TTL of a day."""
    folder = tmp_path / "comparisons"
    folder.mkdir()
    for number in range(7):
        write_comparison(folder, f"fresh {number}", 60.0 + number)
    for number in range(4):
        write_comparison(folder, f"stale {number}", 25 * HOUR + number, "x" * 500 * number)
    write_comparison(folder, HOSTILE, 60 * HOUR)
    return folder


@pytest.fixture
def tasks(qtbot: QtBot) -> Iterator[Tasks]:
    """The bridge, closed at the end; what it reports as a bug fails the test."""
    bugs: list[BaseException] = []
    bridge = Tasks()
    bridge.bug_found.connect(bugs.append)
    yield bridge
    bridge.close()
    assert bugs == []


@pytest.fixture
def studio() -> Iterator[Studio]:
    """A studio that follows what it attaches, in an empty home."""
    made = Studio(follow=True)
    yield made
    made.close()


@pytest.fixture
def attach(studio: Studio) -> Attach:
    """Attach a target and wait until it is listed; with its format before a colon nothing is recognised (faster)."""

    def attached(target: object, *, read_only: bool = False) -> Attachment:
        known = parse(str(target))
        place = studio.place_of(known) if known.format else studio.resolve(str(target))
        attachment = studio.attach(replace(place, writable=not read_only))
        attachment.listed().result(20)
        return attachment

    return attached


@pytest.fixture(params=["light", "dark"])
def look(request: pytest.FixtureRequest, qapp: object) -> str:
    """Run in both themes."""
    theme.theme().set_mode(qapp, request.param)  # type: ignore[arg-type]
    return str(request.param)
