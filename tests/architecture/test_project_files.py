"""The files around the code: the project file, the lock, the packaging folder, and what no file may name."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (PACKAGING / "requirements.lock").read_text(encoding="utf-8")
LOCKED = re.compile(r"^(?P<name>[a-z0-9-]+)==[\w.]+(?: ; (?P<marker>[^\\]+))? \\$", re.MULTILINE)
# Written in halves, so that this file does not break its own rule.
HOSTS = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "crates" + ".io", "proxy.golang" + ".org"]
MACHINE_PATHS = re.compile(r"(?<![\w~.$}])/(?:work|farm|opt/py" + r"pi)/")
REGISTRY = ROOT / "cache_studio" / "adapters" / "registry.py"
ADAPTERS = PROJECT["project"]["entry-points"]["cache_studio.adapters"]


def normalised(requirement: str) -> str:
    """Name of a requirement as the lock writes it."""
    return re.split(r"[\s<>=!~;\[]", requirement, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


def tracked_text() -> dict[str, str]:
    """Text of every file that git keeps or would keep, by path."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    files = {name: ROOT / name for name in names if name and (ROOT / name).is_file()}
    contents = {name: path.read_bytes() for name, path in files.items()}
    return {name: text.decode(errors="replace") for name, text in contents.items() if b"\0" not in text[:4096]}


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout: there is no list of the project's files")
    text = tracked_text()
    assert "packaging/dev.py" in text
    found = {
        name: [*(host for host in HOSTS if host in content), *MACHINE_PATHS.findall(content)]
        for name, content in text.items()
    }
    assert {name: words for name, words in found.items() if words} == {}


def test_the_lock_holds_names_versions_and_hashes_only() -> None:
    lines = [line.strip() for line in LOCK.splitlines() if not line.lstrip().startswith("#")]
    odd = [
        line for line in lines if not LOCKED.match(line) and not re.match(r"^--hash=sha256:[0-9a-f]{64}( \\)?$", line)
    ]
    assert odd == []
    assert not re.search(r"://|^\s*(-e|-f|-i|--index|--extra|--find)", LOCK, re.MULTILINE)


def test_the_lock_covers_what_the_project_asks_for() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    asked = [*PROJECT["project"]["dependencies"], *extras["test"], *extras["lint"], *extras["build"]]
    locked = {match["name"] for match in LOCKED.finditer(LOCK)}
    assert {normalised(requirement) for requirement in asked} - locked == set()


def test_the_lock_keeps_python_3_11_off_the_qt_that_aborts_there() -> None:
    rows = re.findall(r"^pyside6-essentials==(\d+)\.(\d+)\S* ; python_full_version < '3.12'", LOCK, re.MULTILINE)
    assert [(int(major), int(minor)) < (6, 12) for major, minor in rows] == [True]


def test_the_packaging_folder_is_no_package() -> None:
    """As a package it would hide the library `packaging`, which pytest needs."""
    assert not (PACKAGING / "__init__.py").exists()


def test_dev_imports_the_standard_library_only_and_nothing_beside_it_hides_that() -> None:
    tree = ast.parse((PACKAGING / "dev.py").read_text(encoding="utf-8"))
    imports = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imports |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imports} - sys.stdlib_module_names == set()
    beside = {path.name.partition(".")[0] for path in PACKAGING.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert (beside & sys.stdlib_module_names) - {"__pycache__"} == set()


@pytest.mark.skipif(not REGISTRY.exists(), reason="no adapter exists before the registry does")
@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_adapter_entry_points_exist(name: str) -> None:
    module, _, attribute = ADAPTERS[name].partition(":")
    assert hasattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("name", sorted(PROJECT["project"]["scripts"]))
def test_scripts_exist(name: str) -> None:
    module, _, attribute = PROJECT["project"]["scripts"][name].partition(":")
    assert callable(getattr(importlib.import_module(module), attribute))
