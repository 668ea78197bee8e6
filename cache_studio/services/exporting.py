"""Exports the entries that are shown, and snapshots of the statistics. Both faces call these."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cache_studio.model.columns import View
from cache_studio.model.entries import entry_at, entry_object
from cache_studio.model.errors import BadRequest, Cancelled
from cache_studio.model.times import format_iso
from cache_studio.reports import snapshots
from cache_studio.reports.entries import WRITERS, writer_for
from cache_studio.reports.files import report_file, require_free
from cache_studio.reports.page import as_html
from cache_studio.services.attachment import Attachment
from cache_studio.services.monitor import Monitor
from cache_studio.services.statistics import statistics_object

ENTRY_FORMATS = tuple(WRITERS)
"""What entries can be exported as."""
SNAPSHOT_FORMATS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "json": snapshots.as_json,
    "csv": snapshots.as_csv,
    "md": snapshots.as_markdown,
    "html": as_html,
}
"""What a snapshot can be written as, by the file's ending."""
STEP = 1_000
"""Entries written between two questions whether to stop."""
SNAPSHOT_SECONDS = 86_400.0
"""How far back the plots of a snapshot go."""
SNAPSHOT_POINTS = 300


def entry_rows(
    view: View,
    rows: Sequence[int],
    now: float,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Iterator[dict[str, Any]]:
    """The entries of these rows as `list --format json` has them; Cancelled as soon as `stop` says so."""
    for done, row in enumerate(rows):
        if done % STEP == 0:
            if stop():
                raise Cancelled
            on_progress(done)
        yield entry_object(entry_at(view, int(row)), now)


def export_entries(path: Path, rows: Iterator[dict[str, Any]], *, format_name: str = "", replace: bool = False) -> None:
    """Write entries to a file, whole or not at all; the format is the file's ending unless named.

    BadRequest for an unknown format, CacheStudioError for a file that exists.
    """
    write = writer_for(format_name or ending(path))
    with report_file(path, replace=replace) as file:
        write(rows, file)


def check_export(path: Path, *, replace: bool = False) -> None:
    """Refuse at once what `export_entries` would refuse after a long listing."""
    writer_for(ending(path))
    require_free(path, replace=replace)


def check_snapshot(path: Path, *, replace: bool = False) -> None:
    """Refuse at once what `write_snapshot` would refuse after a long listing."""
    _snapshot_writer(ending(path))
    require_free(path, replace=replace)


def snapshot(attachment: Attachment, monitor: Monitor | None = None) -> dict[str, Any]:
    """The statistics at this moment, with `at` and, where a history is kept, the series of the last day."""
    now = time.time()
    figures = {"at": format_iso(now), **statistics_object(attachment, now)}
    if monitor is not None:
        series = monitor.series(attachment.place, now - SNAPSHOT_SECONDS, now, SNAPSHOT_POINTS)
        names = ("times", "hit_rate", "volume", "entries", "stale")
        figures["series"] = {name: _plain(getattr(series, name)) for name in names}
    return figures


def write_snapshot(figures: Mapping[str, Any], path: Path, *, format_name: str = "", replace: bool = False) -> None:
    """Write a snapshot; the format is the file's ending unless named."""
    text = _snapshot_writer(format_name or ending(path))(figures)
    with report_file(path, replace=replace) as file:
        file.write(text)


def _snapshot_writer(name: str) -> Callable[[Mapping[str, Any]], str]:
    if name not in SNAPSHOT_FORMATS:
        raise BadRequest(f"A snapshot cannot be written as “{name}”.", "Use " + ", ".join(SNAPSHOT_FORMATS) + ".")
    return SNAPSHOT_FORMATS[name]


def compare_files(before: Path, after: Path) -> dict[str, Any]:
    """Two snapshots side by side, as JSON."""
    return snapshots.comparison_object(snapshots.read_snapshot(before), snapshots.read_snapshot(after))


def ending(path: Path) -> str:
    """The format that a file's name asks for."""
    return path.suffix.lstrip(".").lower()


def _plain(values: Any) -> list[float | None]:
    return [None if math.isnan(value) else float(value) for value in values.tolist()]
