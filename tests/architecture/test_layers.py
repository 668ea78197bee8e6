"""The layers hold: who may import whom, and what an import may load."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cache_studio"
QT = {"PySide6", "shiboken6", "pyqtgraph"}
HEAVY = QT | {"redis", "numpy"}
# Runs one line, whatever way that ends; the last line on stderr is which top-level modules are loaded.
REPORT = """
import sys
try:
    {code}
except SystemExit:
    pass
print(*sorted({{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""


def loaded_by(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter after one line of code."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", REPORT.format(code=code)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return set(run.stderr.splitlines()[-1].split())


def modules_of(*packages: str) -> list[str]:
    """Dotted names of all modules below these packages."""
    files = [path for package in packages for path in sorted((PACKAGE / package).rglob("*.py"))]
    dotted = [path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in files]
    return [name.removesuffix(".__init__") for name in dotted if not name.endswith("__main__")]


def test_import_contracts() -> None:
    # In a process of its own: it sets up logging anew, and that silences every logger there is.
    code = "import sys; from importlinter.cli import lint_imports as run; sys.exit(run(no_cache=True, no_logo=True))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_importing_the_commands_loads_nothing_heavy() -> None:
    assert not HEAVY & loaded_by("import cache_studio.cli")


def test_looking_at_a_place_loads_nothing_heavy(tmp_path: Path) -> None:
    """A child looks at every path that is attached, and at every candidate of a discovery: it has to be light."""
    (tmp_path / "x.json").write_text('{"a": {"created_at": 1700000000}}')
    with closing(sqlite3.connect(tmp_path / "x.db")) as made, made:
        made.execute("CREATE TABLE t (key TEXT PRIMARY KEY, value BLOB)")
        made.execute("INSERT INTO t VALUES ('a', x'80049580')")
    paths = [str(tmp_path), *map(str, tmp_path.iterdir())]
    code = f"from cache_studio.adapters.registry import recognise; [recognise(path) for path in {paths!r}]"
    assert not HEAVY & loaded_by(code)


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_starting_a_command_loads_nothing_heavy(option: str) -> None:
    code = f"sys.argv[1:] = ['{option}']; import runpy; runpy.run_module('cache_studio', run_name='__main__')"
    loaded = loaded_by(code)
    assert "cache_studio" in loaded
    assert not HEAVY & loaded


def test_importing_the_runtime_loads_nothing_heavy() -> None:
    assert not HEAVY & loaded_by(f"import {', '.join(modules_of('runtime'))}")


def test_a_cache_in_a_file_loads_nothing_that_it_does_not_use(tmp_path: Path) -> None:
    use = "; ".join(
        (
            "from cache_studio.runtime import Cache",
            f"cache = Cache('json-file:{tmp_path}/answers.json', memory=5)",
            "cache.put('a', 1)",
            "cache.get('a')",
            "cache.close()",
        )
    )
    loaded = loaded_by(use)
    assert "cache_studio" in loaded
    assert not (HEAVY | {"asyncio", "concurrent", "sqlite3"}) & loaded


def test_only_the_window_loads_qt() -> None:
    packages = [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name not in ("gui", "__pycache__")]
    names = modules_of(*sorted(packages))
    assert "cache_studio.model.errors" in names
    assert not QT & loaded_by(f"import {', '.join(names)}")


def test_the_model_loads_no_third_party_module_with_io() -> None:
    loaded = loaded_by(f"import {', '.join(modules_of('model'))}")
    assert not {"redis", "sqlite3", "socket", "watchdog", "subprocess"} & loaded
