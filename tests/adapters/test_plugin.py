"""A format of somebody else's package (`tests/plugin`): built, laid on the path, and used like one of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tests" / "plugin"
Command = Callable[..., Any]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as a wheel makes it, with the metadata in which its entry point stands."""
    folder = tmp_path_factory.mktemp("plugin")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(build, cwd=PACKAGE, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "installed")
    return folder / "installed"


@pytest.fixture
def command(installed: Path) -> Command:
    """The program with the package on its path; what a command prints as JSON."""
    path = os.pathsep.join((str(ROOT), str(installed)))

    def run(*arguments: object) -> Any:
        words = [sys.executable, "-m", "cache_studio", *map(str, arguments), "--format", "json"]
        done = subprocess.run(
            words, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    path = tmp_path / "caches" / "app.ini"
    path.parent.mkdir()
    path.write_text("# ini-cache 1\n[fresh]\nvalue = one\nexpires = 4102444800\n[always]\nvalue = two\n", "utf-8")
    return path


def test_it_is_listed_among_the_formats(command: Command) -> None:
    (found,) = (one for one in command("formats") if one["format"] == "ini-cache")
    assert found["title"] == "INI file with a section an entry"
    assert found["abilities"] == ["read"]


def test_its_caches_are_found_recognised_listed_and_shown(command: Command, cache: Path) -> None:
    assert {"ini-cache"} == {one["format"] for one in command("discover", cache.parent) if one["target"] == str(cache)}
    rows = {row["key"]: row for row in command("list", cache)}
    assert rows["fresh"]["expires_at"] == "2100-01-01T00:00:00Z"
    assert rows["always"]["state"] == "forever"
    assert command("show", cache, "fresh")["key"] == "fresh"
    assert command("stats", cache)["capabilities"] == ["read"]
