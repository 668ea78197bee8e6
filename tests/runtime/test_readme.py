"""The recipes of the runtime's README, run as they stand there."""

import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "cache_studio" / "runtime" / "README.md"
RECIPE = re.compile(r"^### [^\n]*\((S\d)\)\n```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
RECIPES = {found[1]: found[2] for found in RECIPE.finditer(README.read_text())}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a recipe in an empty folder; what it left in its names."""
    monkeypatch.chdir(tmp_path)

    def run_it(recipe: str) -> dict[str, Any]:
        names: dict[str, Any] = {}
        exec(compile(RECIPES[recipe], f"recipe {recipe}", "exec"), names)
        return names

    return run_it


def test_each_system_has_a_recipe() -> None:
    assert sorted(RECIPES) == ["S1", "S2", "S3", "S4", "S5"]


def test_results_in_a_folder(run: Any, tmp_path: Path) -> None:
    (tmp_path / "before.png").write_bytes(b"before")
    (tmp_path / "after.png").write_bytes(b"after")
    names = run("S1")
    assert names["again"] == names["result"]
    assert (names["stats"].counted.hits, names["stats"].counted.misses) == (1, 1)
    assert names["stats"].time_saved is not None
    assert [path.name for path in (tmp_path / "comparisons" / "cache").iterdir()] == [names["key"] + ".json"]


def test_answers_in_a_file(run: Any, tmp_path: Path) -> None:
    names = run("S2")
    assert names["first"] == names["second"] == "model-large says: a long text"
    assert '"response"' in (tmp_path / "output" / "cache" / "ai_responses.json").read_text()


def test_results_of_operations(run: Any) -> None:
    names = run("S3")
    assert names["summary"] == {"summary": "short"}
    assert names["removed"] == 1
    assert names["levels"] == {"memory": 0, "compressed": 0, "disk": 0}


def test_assets(run: Any, tmp_path: Path) -> None:
    names = run("S4")
    assert (tmp_path / "again.wav").read_bytes() == b"RIFF....WAVE"
    assert names["copied"].similarity == 1
    assert names["other_voice"] is None
    assert (names["figures"].hits, names["figures"].similarity_hits, names["figures"].misses) == (1, 1, 2)


def test_responses(run: Any, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    names = run("S5")
    assert names["first"] == names["second"]
    assert len(names["spent"].rows) == 1
    assert (names["stats"].hits, names["stats"].misses) == (1, 1)
    assert names["stats"].money_saved == pytest.approx(0.0021)


def test_every_test_that_is_named_is_there() -> None:
    here = Path(__file__).parent
    named = re.findall(r"`((?:tests/)?[\w/]+\.py)::(\w+)`", README.read_text())
    assert len(named) > 50
    for file, test in named:
        path = here.parents[1] / file if file.startswith("tests/") else here / file
        assert f"def {test}(" in path.read_text(), f"{file}::{test}"
