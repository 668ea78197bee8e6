"""Where others build on it, every public name says what it promises."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cache_studio"
PROMISED = [*sorted((PACKAGE / "model").rglob("*.py")), *sorted((PACKAGE / "services").rglob("*.py"))]
PROMISED += [PACKAGE / "adapters" / "base.py"]
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def silent(node: Documented, name: str) -> Iterator[str]:
    """Public names in this node, itself included, that have no docstring."""
    if not ast.get_docstring(node):
        yield name
    if isinstance(node, ast.Module | ast.ClassDef):
        for child in node.body:
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not hidden(child):
                yield from silent(child, f"{name}.{child.name}")


def hidden(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Private, special, or the further half of a property or an overload, which its first half documents."""
    marks = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return node.name.startswith("_") or bool(marks & {"setter", "overload", "override"})


@pytest.mark.parametrize("path", PROMISED, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_public_names_are_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert list(silent(tree, path.stem)) == []


def test_every_module_says_what_it_is() -> None:
    sources = [path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts]
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sources}
    assert [str(path.relative_to(ROOT)) for path, tree in trees.items() if not ast.get_docstring(tree)] == []
