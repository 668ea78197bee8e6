"""Discovery over the folders of a system against `find`, in processor time; `discovery.py` says more."""

from collections.abc import Iterator
from pathlib import Path

import discovery
from sizes import Bench
from table import Against, Row, Rule


def rows(bench: Bench) -> Iterator[Row]:
    """One row."""
    folders = [folder for folder in discovery.SYSTEM if Path(folder).is_dir()]
    list(discovery.walk([]))  # the formats are imported once
    discovery.find_seconds(folders)  # and the disk is read once
    floors, ours = [], []
    for _ in range(bench.size.rounds):
        floors.append(discovery.find_seconds(folders))
        ours.append(discovery.spent(lambda: list(discovery.walk(folders))))
    floor = Against.of("find -type d", floors)
    yield Row.of_rounds("discovery: processor time", " ".join(folders), ours, "s", discovery.GOAL, Rule.FLOOR, floor)
