"""The README's table of formats says what the formats declare, and which libraries the tests beside it attach to.

`python tests/adapters/test_formats_table.py` (with the checkout on PYTHONPATH) prints the table as it should be.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from cache_studio.adapters.base import Format
from cache_studio.adapters.registry import all_formats
from cache_studio.model.capabilities import Ability

ROOT = Path(__file__).parents[2]
HEAD = "| format | what it is | tested with | list, read | remove | undo | compact | live | TTL |"
COLUMNS = (Ability.READ, Ability.REMOVE, Ability.UNDO, Ability.COMPACT, Ability.WATCH, Ability.SET_EXPIRY)
OWN = frozenset({"json-directory", "json-file", "multi-level", "asset-cache", "redis-response", "redis", "redis-hash",
                 "sqlite-table", "json-table"})  # fmt: skip
"""Formats that no library of others writes."""
BY_HAND = {"redis-celery": "Celery 5.7.0", "redis-rq": "RQ 2.12.0", "dbm": "Python 3.11"}
"""What is only looked at and never removed has tests of its own, with the library but without its agreement."""


def versions_named() -> dict[str, list[str]]:
    """By format, the versions that the tests of this folder name, in order."""
    found: dict[str, list[str]] = {}
    for format_name, versions in sorted(_named()):
        known = found.setdefault(format_name, [])
        if versions not in known:
            known.append(versions)
    return found


def _named() -> Iterator[tuple[str, str]]:
    for path in Path(__file__).parent.glob("test_*.py"):
        formats: dict[str, str] = {}
        for node in ast.parse(path.read_text("utf-8")).body:
            if not isinstance(node, ast.ClassDef):
                continue
            constants = {
                target.id: part.value.value
                for part in node.body
                if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant)
                for target in part.targets
                if isinstance(target, ast.Name)
            }
            bases = [formats[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in formats]
            formats[node.name] = str(constants.get("format_name", bases[0] if bases else ""))
            if "versions" in constants:
                yield formats[node.name], str(constants["versions"])


def row(known: Format, versions: list[str]) -> str:
    """One line of the table."""
    can = ["yes" if wanted in known.abilities else "" for wanted in COLUMNS]
    tested = ", ".join(versions) or BY_HAND.get(known.name, "")
    cells = [f"`{known.name}`", known.title.replace("|", "/"), tested, *can]
    return "| " + " | ".join(cells) + " |"


def table() -> list[str]:
    """Every line below the head."""
    versions = versions_named()
    return [row(known, versions.get(known.name, [])) for known in all_formats()]


def test_the_readme_has_the_table() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    start = lines.index(HEAD) + 2
    end = next(number for number in range(start, len(lines)) if not lines[number].startswith("|"))
    assert lines[start:end] == table()


def test_what_a_library_writes_is_tested_with_the_library() -> None:
    without = {known.name for known in all_formats()} - set(versions_named()) - OWN
    assert without == set(BY_HAND), "a new format needs a LibraryContract"


if __name__ == "__main__":
    print(HEAD, "|---" * 9 + "|", *table(), sep="\n")
