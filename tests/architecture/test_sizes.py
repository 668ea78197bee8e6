"""Modules and functions stay small enough to read at once, and are named after what they hold."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("cache_studio", "packaging", "tests") for path in (ROOT / folder).rglob("*.py"))
MODULE_LINES = 500
FUNCTION_LINES = 60
CLASS_LINES = 300
CLASS_METHODS = 20
DEV_LINES = 149
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "core", "base_utils"}


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@pytest.fixture(scope="module")
def definitions() -> dict[str, Definition]:
    """Every class and function, by the place to open in an editor."""
    return {
        f"{path.relative_to(ROOT).as_posix()}:{node.lineno} {node.name}": node
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, Definition)
    }


def length(node: Definition) -> int:
    """Lines from `def` or `class` to the last one."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_there_is_something_to_measure() -> None:
    assert ROOT / "cache_studio" / "model" / "errors.py" in SOURCES


def test_modules() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: count for name, count in lines.items() if count > MODULE_LINES} == {}


def test_functions(definitions: dict[str, Definition]) -> None:
    lengths = {place: length(node) for place, node in definitions.items() if not isinstance(node, ast.ClassDef)}
    assert {place: count for place, count in lengths.items() if count > FUNCTION_LINES} == {}


def test_classes(definitions: dict[str, Definition]) -> None:
    """Classes of tests may be longer: a contract is one class, and a list."""
    ours = {place: node for place, node in definitions.items() if place.startswith("cache_studio/")}
    classes = {place: node for place, node in ours.items() if isinstance(node, ast.ClassDef)}
    assert {place: length(node) for place, node in classes.items() if length(node) > CLASS_LINES} == {}
    methods = {place: public_methods(node) for place, node in classes.items()}
    assert {place: names for place, names in methods.items() if len(names) > CLASS_METHODS} == {}


def public_methods(node: ast.ClassDef) -> list[str]:
    """Names of the methods and properties that others may use."""
    return [item.name for item in node.body if isinstance(item, ast.FunctionDef) and not item.name.startswith("_")]


def test_the_script_a_newcomer_runs() -> None:
    assert len((ROOT / "packaging" / "dev.py").read_text(encoding="utf-8").splitlines()) <= DEV_LINES


def test_no_module_is_a_drawer_for_everything() -> None:
    assert [str(path.relative_to(ROOT)) for path in SOURCES if path.stem in VAGUE_NAMES] == []


def test_basenames_of_tests_are_unique() -> None:
    """Without `__init__.py` in the test folders, pytest imports two files of one name as the same module."""
    counts = Counter(path.name for path in SOURCES if ROOT / "tests" in path.parents and path.name != "conftest.py")
    assert [name for name, count in counts.items() if count > 1] == []
