"""Entries that a json-directory holds, written as its application does."""

import json
from datetime import datetime, timedelta
from pathlib import Path

HOSTILE = {
    "html": "<img src=x onerror=alert(1)>",
    "formula": "=cmd|' /C calc'!A0",
    "bidi": "a\u202eb",
    "control": "a\x1b[31mb\nc",
    "surrogate": "a\udc80b",
    "markdown": "a|b`*c*_d_[e](f)",
}


def write_entry(folder: Path, name: str, key: str, age: timedelta, **more: object) -> None:
    """One entry of a json-directory; its TTL is a day."""
    entry = {"cache_key": key, "timestamp": (datetime.now() - age).isoformat(), "result": {"text": key}, **more}
    (folder / f"{name}.json").write_text(json.dumps(entry))
