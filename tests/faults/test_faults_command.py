"""The command that prints the promises: rows, exit codes, and the table of the catalogue beside it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import faults
import pytest
from promises import Promise, Size, workplace

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LAST = {"P": 19, "S": 24, "F": 16, "R": 20, "U": 8}
ROW = re.compile(r"^\| *([PSFRU]\d+) *\|(.*)\|(.*)\| *$", re.MULTILINE)
TEST = re.compile(r"(tests/[\w/.]+\.py)::(\w+)")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> list[Promise]:
    """A loop called `scripted` that answers with what is put into this list."""
    answers: list[Promise] = []

    def promises(size: Size) -> Iterator[Promise]:
        yield from answers
        if not answers:
            raise RuntimeError("it stumbled")

    loop = ModuleType("loops.scripted")
    loop.promises = promises  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "loops.scripted", loop)
    monkeypatch.setattr(faults, "names", lambda: ["scripted"])
    monkeypatch.setenv("CACHE_STUDIO_HOME", "")
    return answers


def test_kept_promises_are_rows_and_end_with_0(scripted: list[Promise], capsys: pytest.CaptureFixture[str]) -> None:
    scripted += [Promise("nothing is lost", "7 kills | 0 lost", True), Promise("nothing runs", "0", True)]
    assert faults.main(["--quick", "--seed", "5"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert "quick size, seed 5" in table[0]
    assert re.fullmatch(
        r"\| nothing is lost \| 7 kills / 0 lost \| yes \| \d+\.\d \| `dev.py faults --quick --seed 5 scripted` \|",
        table[-2],
    )


def test_a_broken_promise_ends_with_1_and_its_reason(
    scripted: list[Promise], capsys: pytest.CaptureFixture[str]
) -> None:
    scripted += [Promise("one", "1", True), Promise("two", "0 of 3", False, "the third\nwas lost")]
    assert faults.main([]) == 1
    printed = capsys.readouterr()
    assert "**NO**" in printed.out
    assert "    was lost" in printed.err
    assert "1 broken:\n  two: 0 of 3" in printed.err


def test_a_loop_that_stumbles_is_a_broken_promise(scripted: list[Promise], capsys: pytest.CaptureFixture[str]) -> None:
    assert faults.main(["scripted"]) == 1
    assert "RuntimeError: it stumbled" in capsys.readouterr().err


def test_a_loop_that_does_not_exist_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        faults.main(["no_such_loop"])
    assert ended.value.code == 2
    assert "no loop is called no_such_loop" in capsys.readouterr().err


def test_sizes_and_chances_repeat() -> None:
    assert (Size(quick=True).of(3, 400), Size(quick=False).of(3, 400)) == (3, 400)
    assert Size(seed=3).chance("a").random() == Size(quick=False, seed=3).chance("a").random()
    assert Size(seed=3).chance("a").random() != Size(seed=3).chance("b").random()


def test_a_workplace_leaves_nothing() -> None:
    with workplace() as folder:
        (folder / "below").mkdir()
    assert not folder.exists()


def test_every_entry_of_the_catalogue_has_its_line() -> None:
    found = [row[0] for row in ROW.findall((HERE / "README.md").read_text(encoding="utf-8"))]
    if not found:
        pytest.skip("the table is not there yet")
    assert found == [f"{letter}{number}" for letter, last in LAST.items() for number in range(1, last + 1)]


def test_the_tests_that_the_table_names_exist() -> None:
    named = {pair for path in HERE.glob("README*.md") for pair in TEST.findall(path.read_text(encoding="utf-8"))}
    missing = [
        f"{path}::{name}"
        for path, name in sorted(named)
        if not (ROOT / path).is_file() or not re.search(rf"\b(def|class) {name}\b", (ROOT / path).read_text("utf-8"))
    ]
    assert missing == []
