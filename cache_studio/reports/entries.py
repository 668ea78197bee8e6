"""Entries as JSON, NDJSON and CSV: the fields of `list`, streamed."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

from cache_studio.model.errors import BadRequest

Row = Mapping[str, Any]
"""An entry as `model.entries.entry_object` gives it."""
FIELDS = (
    "key", "namespace", "type", "size", "created_at", "accessed_at", "expires_at", "ttl", "state", "hits", "tags",
    "stale", "problem",
)  # fmt: skip
"""The fields, in the order of the columns."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""A cell of text that begins so would be run as a formula by a spreadsheet (OWASP, CSV injection)."""


def write_json(rows: Iterable[Row], out: TextIO) -> None:
    """One array, one object a line."""
    out.write("[")
    separator = "\n"
    for row in rows:
        out.write(separator + dumps(row))
        separator = ",\n"
    out.write("\n]\n")


def write_ndjson(rows: Iterable[Row], out: TextIO) -> None:
    """One object a line."""
    for row in rows:
        out.write(dumps(row) + "\n")


def write_csv(rows: Iterable[Row], out: TextIO) -> None:
    """A header and a line an entry; unknown is empty, tags are joined by spaces, formulas are quoted."""
    writer = csv.writer(out)
    writer.writerow(FIELDS)
    for row in rows:
        writer.writerow([cell(row[name]) for name in FIELDS])


WRITERS: dict[str, Callable[[Iterable[Row], TextIO], None]] = {
    "json": write_json,
    "ndjson": write_ndjson,
    "csv": write_csv,
}
"""Format name to writer; the name is also the file's ending."""


def writer_for(name: str) -> Callable[[Iterable[Row], TextIO], None]:
    """The writer of a format; BadRequest when there is none."""
    if name not in WRITERS:
        raise BadRequest(f"Entries cannot be written as “{name}”.", "Use " + ", ".join(WRITERS) + ".")
    return WRITERS[name]


def dumps(row: Any) -> str:
    """JSON of one value; bytes that were no UTF-8 are written as escapes, so any reader can take it."""
    text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(row, ensure_ascii=True, allow_nan=False)
    return text


def cell(value: Any) -> str:
    """One CSV cell of text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        value = " ".join(str(part) for part in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    text = value.encode("utf-8", "backslashreplace").decode()
    return "'" + text if text.startswith(FORMULA_STARTS) else text
