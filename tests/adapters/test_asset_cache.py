"""An index in SQLite and a value file an entry."""

import json
import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from contract import AdapterContract, file_manifest

from cache_studio.model.targets import Target

NOW = time.time()
SCHEMA = (
    "CREATE TABLE cache_entries(id INTEGER PRIMARY KEY, asset_type TEXT NOT NULL, prompt_hash TEXT NOT NULL,"
    " prompt_text TEXT NOT NULL, file_path TEXT NOT NULL, metadata TEXT, created_at TEXT, last_used_at TEXT,"
    " use_count INTEGER DEFAULT 1, UNIQUE(asset_type, prompt_hash))"
)


def hash_of(text: str) -> str:
    """As the application hashes a prompt."""
    return sha256(text.encode()).hexdigest()


def store(
    folder: Path,
    prompt: str,
    asset_type: str = "image",
    *,
    age: float = 60,
    uses: int = 1,
    content: bytes = b"",
    **columns: object,
) -> Path:
    """Store an entry as the application does: the file, then the row."""
    key = hash_of(prompt)
    (folder / asset_type).mkdir(exist_ok=True)
    file = folder / asset_type / f"{key}{'.wav' if asset_type == 'tts' else '.png'}"
    file.write_bytes(content or b"\x89PNG\r\n\x1a\n" + prompt.encode())
    row = {
        "asset_type": asset_type,
        "prompt_hash": key,
        "prompt_text": prompt,
        "file_path": str(file),
        "metadata": json.dumps({"width": 512, "tags": ["draft"]}),
        "created_at": datetime.fromtimestamp(NOW - age).isoformat(),
        "last_used_at": datetime.fromtimestamp(NOW - age / 2).isoformat(),
        "use_count": uses,
    } | columns
    with closing(sqlite3.connect(folder / "cache.db")) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute(
            f"INSERT OR REPLACE INTO cache_entries({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            list(row.values()),
        )
    return file


def make_cache(base: Path) -> Path:
    """An empty cache folder as the application makes it."""
    folder = base / "assets" / "cache"
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "cache.db")) as database:
        database.execute(SCHEMA)
    return folder


class TestAssetCache(AdapterContract):
    format_name = "asset-cache"
    ordinary = tuple(hash_of(f"prompt {number}") for number in range(6))
    stale = (hash_of("old"),)
    broken = (hash_of("outside"), hash_of("no time"))
    count = 12

    def make(self, tmp_path: Path) -> Target:
        folder = make_cache(tmp_path)
        for number in range(6):
            store(folder, f"prompt {number}", "tts" if number % 2 else "image", uses=number + 1)
        store(folder, "old", age=90_000)
        relative = store(folder, "relative to the folder")
        store(folder, "relative to the folder", file_path=f"image/{relative.name}")
        below = store(folder, "relative to the start")
        store(folder, "relative to the start", file_path=f"assets/cache/image/{below.name}")
        store(folder, "twice", "image")
        store(folder, "outside", file_path="/etc/hostname").unlink()
        store(folder, "no time", created_at="yesterday")
        return Target(str(folder), "asset-cache", {"ttl": "24h"})

    def application_rewrites(self, target: Target, key: str) -> None:
        prompt = next(f"prompt {number}" for number in range(6) if hash_of(f"prompt {number}") == key)
        kind = "tts" if self.ordinary.index(key) % 2 else "image"
        store(Path(target.location), prompt, kind, age=1, content=b"newer" * 1000)

    def application_deletes(self, target: Target, key: str) -> None:
        folder = Path(target.location)
        with closing(sqlite3.connect(folder / "cache.db")) as database, database:
            rows = database.execute("SELECT file_path FROM cache_entries WHERE prompt_hash = ?", (key,)).fetchall()
            database.execute("DELETE FROM cache_entries WHERE prompt_hash = ?", (key,))
        for (path,) in rows:
            os.unlink(path)

    def stored(self, target: Target) -> Mapping[str, object]:
        folder = Path(target.location)
        found = {name: what for name, what in file_manifest(folder).items() if not name.startswith("cache.db")}
        with closing(sqlite3.connect(folder / "cache.db")) as database:
            return found | {str(row[0]): row for row in database.execute("SELECT * FROM cache_entries")}
