"""Discovery over the folders of a system against `find -type d`; both have read the disk once before."""

from collections.abc import Iterator
from pathlib import Path

import awake
import floors
from floors import Program
from sizes import Bench
from table import Against, Row, Rule

from cache_studio.adapters.discovery import walk

GOAL = 3
SYSTEM = ("/usr", "/etc", "/opt", "/var")
"""The folders of a fresh system."""


def rows(bench: Bench) -> Iterator[Row]:
    """One row."""
    folders = [folder for folder in SYSTEM if Path(folder).is_dir()]
    find = Program("find -type d", lambda: floors.run("find", *folders, "-type", "d"))
    found, ours = [], []
    list(walk(folders))  # the formats are imported, and the disk is read
    for _ in range(bench.size.rounds):
        found.append(awake.took(find.run))
        ours.append(awake.took(lambda: list(walk(folders))))
    floor = Against.of(find.name, found)
    yield Row.of_rounds("discovery", " ".join(folders), ours, "s", GOAL, Rule.FLOOR, floor)
