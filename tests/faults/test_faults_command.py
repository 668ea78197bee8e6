"""The command that prints the promises: rows, exit codes, and the table of the catalogue beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import faults
import pytest
from promises import Size, workplace

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LAST = {"P": 19, "S": 24, "F": 16, "R": 20, "U": 8}
ROW = re.compile(r"^\| *([PSFRU]\d+) *\|(.*)\|(.*)\| *$", re.MULTILINE)
TEST = re.compile(r"(tests/[\w/.]+\.py)::(\w+)")


LOOP = """
import os
from promises import Promise

def promises(size):
    yield Promise("nothing is lost", f"{size.of(7, 70)} kills | 0 lost", True)
"""


@pytest.fixture
def write_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A loop called `scripted` that does this after its first promise, which is kept."""
    monkeypatch.setattr(faults, "LOOPS", tmp_path)
    monkeypatch.setattr(faults, "names", lambda: ["scripted"])
    monkeypatch.setenv("CACHE_STUDIO_HOME", "")

    def write(more: str) -> None:
        (tmp_path / "scripted.py").write_text(f"{LOOP}    {more}\n")

    return write


def test_kept_promises_are_rows_and_end_with_0(
    write_loop: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    write_loop('yield Promise("nothing runs", "0", True)')
    assert faults.main(["--quick", "--seed", "5"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert "quick size, seed 5" in table[0]
    assert re.fullmatch(
        r"\| nothing is lost \| 7 kills / 0 lost \| yes \| \d+\.\d \| `dev.py faults --quick --seed 5 scripted` \|",
        table[-2],
    )


@pytest.mark.parametrize(
    ("more", "figure", "reason"),
    [
        ('yield Promise("two", "0 of 3", False, "the third\\nwas lost")', "two: 0 of 3", "    was lost"),
        ('raise RuntimeError("it stumbled")', "it ended with an error", "RuntimeError: it stumbled"),
        ("os._exit(7)", "its process ended with 7", ""),
    ],
)
def test_a_broken_promise_ends_with_1_and_its_reason(
    write_loop: Callable[[str], None], capsys: pytest.CaptureFixture[str], more: str, figure: str, reason: str
) -> None:
    write_loop(more)
    assert faults.main(["scripted"]) == 1
    printed = capsys.readouterr()
    assert "| nothing is lost | 70 kills / 0 lost | yes |" in printed.out
    assert "**NO**" in printed.out
    assert reason in printed.err
    assert re.search(rf"1 broken:\n  .*{figure}", printed.err)


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
