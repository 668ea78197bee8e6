"""What is there before and after: every file below a folder, every descriptor of this process."""

import hashlib
import os
from pathlib import Path


def file_manifest(folder: Path) -> dict[str, tuple[object, ...]]:
    """Every name below a folder with length, modification time and content hash."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
        moved = 0 if path.is_dir() else status.st_mtime_ns
        found[os.fsdecode(bytes(path.relative_to(folder)))] = (status.st_mode, moved, content)
    return found


def open_descriptors() -> int:
    """How many files this process holds open."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
