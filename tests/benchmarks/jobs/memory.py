"""Memory of all our processes: what a listed cache adds, what detaching gives back, and the peak over a big file."""

from collections.abc import Iterator

import data
from attaching import open_window
from listed_memory import BY_A_CHILD, FEW, peak_of_listing, settled, while_listed
from sizes import Bench
from table import Against, Row, Rule

ENTRY_BYTES = 400.0
LEFT_SHARE = 10.0
"""Per cent of what a cache added that may stay when it is detached."""
FOLDER_MB = 500.0


def rows(bench: Bench) -> Iterator[Row]:
    """A table with keys of 64 characters from the empty window on; a folder and one JSON file after a small one."""
    table = data.sqlite_rows(bench.folder, bench.size.rows)
    small = data.sqlite_rows(bench.folder, BY_A_CHILD)
    with open_window() as window:
        empty = settled()
        while_listed(window, BY_A_CHILD, f"sqlite-table:{small}?table=entries")
        loaded = settled()
        listed = while_listed(window, bench.size.rows, f"sqlite-table:{table}?table=entries")
        left = (settled() - loaded) / (listed - loaded)
    size = f"{bench.size.rows:,} rows"
    yield Row("memory: growth by an entry, keys of 64", size, (listed - empty) / bench.size.rows, "B", ENTRY_BYTES)
    yield Row("memory: left of the growth after detaching", size, left * 100, "%", LEFT_SHARE)
    one, few = (data.json_file(bench.folder, count) for count in (bench.size.file_entries, FEW))
    with open_window() as window:
        while_listed(window, FEW, f"json-file:{few}")
        empty = settled()
        most = peak_of_listing(window, f"json-file:{one}", bench.size.file_entries) - empty
        folder = data.json_files(bench.folder, bench.size.files)
        before = settled()
        files = while_listed(window, bench.size.files, f"json-directory:{folder}") - before
    yield Row("JSON folder: memory", f"{bench.size.files:,} files", files / 1e6, "MB", FOLDER_MB)
    file = Against("the file", one.stat().st_size / 1e6)
    times, size = bench.size.peak_times, f"{file.value:.0f} MB"
    yield Row("one JSON file: peak memory", size, most / 1e6, "MB", times, Rule.FLOOR, file)
