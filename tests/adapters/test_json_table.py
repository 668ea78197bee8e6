"""json-table: lists, lines and objects of entries by a mapping."""

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from contract import AdapterContract, listing, scan_all
from keeping import MemoryKeep

from cache_studio.adapters.base import Adapter, Certainty
from cache_studio.adapters.json_table import FORMAT
from cache_studio.adapters.sight import Sight
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target

NOW = time.time()


def element(key: str, age: float = 10.0, **more: Any) -> dict[str, Any]:
    """An entry of a list."""
    return {"id": key, "body": f"text of {key} é", "saved": NOW - age, "until": NOW - age + 1000} | more


def open_file(path: Path, **options: str) -> Adapter:
    """The cache with these options."""
    return FORMAT.adapter_class().open(Target(str(path)), read_options(FORMAT.options, options), writable=True)


class ListContract(AdapterContract):
    """What a list and lines have in common."""

    format_name = "json-table"
    ordinary = tuple(f"key {number}" for number in range(9))
    stale = ("old",)
    looks_at = ("json-file",)
    count = 10
    mapping: Mapping[str, str] = {"key": "id", "value": "body", "created": "saved", "expires": "until"}

    def read(self, target: Target) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(Path(target.location).read_text("utf-8"))
        return found

    def write(self, path: Path, elements: list[dict[str, Any]]) -> None:
        temporary = path.with_name("new")
        temporary.write_text(json.dumps(elements), encoding="utf-8")
        os.replace(temporary, path)

    def make(self, tmp_path: Path) -> Target:
        path = tmp_path / "cache" / "entries.json"
        path.parent.mkdir()
        self.write(path, [*map(element, self.ordinary), element("old", 5000)])
        return Target(str(path), self.format_name, dict(self.mapping))

    def application_rewrites(self, target: Target, key: str) -> None:
        elements = [found for found in self.read(target) if found["id"] != key]
        self.write(Path(target.location), [*elements, element(key, 1, body="much longer " * 9)])

    def application_deletes(self, target: Target, key: str) -> None:
        self.write(Path(target.location), [found for found in self.read(target) if found["id"] != key])

    def stored(self, target: Target) -> Mapping[str, object]:
        return {path.name: path.read_bytes() for path in Path(target.location).parent.iterdir()}

    def test_its_own_tree_is_recognised(self, target: Target) -> None:
        found = FORMAT.recognise(Sight(target.location))
        assert found.certainty is Certainty.LOOK
        assert found.options["key"] == "id"


class TestList(ListContract):
    pass


class TestLines(ListContract):
    mapping = {**ListContract.mapping, "shape": "lines"}

    def read(self, target: Target) -> list[dict[str, Any]]:
        return [json.loads(line) for line in Path(target.location).read_text("utf-8").splitlines()]

    def write(self, path: Path, elements: list[dict[str, Any]]) -> None:
        temporary = path.with_name("new")
        temporary.write_text("".join(json.dumps(found) + "\n" for found in elements), encoding="utf-8")
        os.replace(temporary, path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "entries.json"


@pytest.mark.parametrize(
    ("document", "options"),
    [
        ([{"url": "a", "created_at": NOW}], {"key": "url", "created": "created_at"}),
        ({"items": [{"key": "a", "data": 1}], "next": None}, {"key": "key", "value": "data", "at": "/items"}),
        ({"a": {"content": 1}, "b": {"content": 2}}, {"value": "content"}),
        ({"meta": 1, "cache": {"a": {"expires": NOW + 5}}}, {"expires": "expires", "at": "/cache"}),
    ],
)
def test_the_mapping_is_guessed(path: Path, document: object, options: Mapping[str, str]) -> None:
    path.write_text(json.dumps(document))
    found = FORMAT.recognise(Sight(str(path)))
    assert (found.certainty, dict(found.options)) == (Certainty.LOOK, options)
    adapter = open_file(path, **found.options)
    rows = listing(adapter)
    assert "a" in {row.key for row in rows.values()} or rows
    keep, before = MemoryKeep(), path.read_bytes()
    adapter.remove([row.seen for row in rows.values()], keep)
    assert listing(adapter) == {}
    adapter.restore(keep.taken, keep)
    assert path.read_bytes() == before
    adapter.close()


@pytest.mark.parametrize(
    "document",
    [
        {"name": "demo", "dependencies": {"a": "^1"}, "files": ["x"]},
        {"compilerOptions": {"strict": True}, "include": ["src"]},
        {"cache_key": "ab", "timestamp": "2026-01-01T10:00:00", "result": {"passed": True, "intended_changes": []}},
        [1, 2],
        {},
    ],
)
def test_other_json_is_left_alone(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=2))
    assert FORMAT.recognise(Sight(str(path))).certainty is Certainty.NO


def test_elements_without_a_key_are_known_by_their_bytes(path: Path) -> None:
    path.write_text('[5, "x", {"a": 1}, "x", [1]]')
    adapter = open_file(path)
    rows = list(listing(adapter).values())
    assert len({row.id for row in rows}) == 5
    assert not any(row.problem for row in rows)
    keep = MemoryKeep()
    assert [removal.fate for removal in adapter.remove([rows[3].seen, rows[0].seen], keep)] == [Fate.REMOVED] * 2
    assert path.read_text() == '["x", {"a": 1}, [1]]'
    assert [copy.key for copy in keep.taken] == [rows[3].key, rows[0].key]
    assert [back.fate for back in adapter.restore(keep.taken, keep)] == [Return.RESTORED] * 2
    assert path.read_text() == '[5, "x", {"a": 1}, "x", [1]]'
    adapter.close()


def test_figures_namespaces_and_tags(path: Path) -> None:
    path.write_text(json.dumps([{"k": "a", "uses": 3, "labels": ["x", "y"], "region": "eu", "ttl": 60, "t": 1000}]))
    adapter = open_file(path, key="k", hits="uses", tags="labels", namespace="region", ttl_field="ttl", created="t")
    row = listing(adapter)["a"]
    assert (row.hits, row.tags, row.namespace, row.expires) == (3, ("x", "y"), "eu", 1060)
    keep = MemoryKeep()
    adapter.remove([row.seen], keep)
    assert keep.taken[0].namespace == "eu"
    adapter.close()


def test_a_broken_line_is_a_row_of_its_own(path: Path) -> None:
    path.write_text('{"id": "a"}\n{"id": "b\n{"id": "c"}\n')
    adapter = open_file(path, key="id", shape="lines")
    batches, end = scan_all(adapter)
    assert end.complete
    assert sum(map(len, batches)) == 3
    assert list(batches[0].problems) == [1]
    adapter.close()


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: os.mkfifo(p), lambda p: p.write_bytes(b"\0\xff")])
def test_what_is_no_json_is_not_recognised(path: Path, make: Callable[[Path], object]) -> None:
    make(path)
    assert FORMAT.recognise(Sight(str(path))).certainty is Certainty.NO
