"""Install the real caching libraries that tests attach to: below `.libraries/`, a folder for each pinned set.

They stay out of .venv, so the studio can never come to need one of them; generations of one library that exclude
each other get a folder each. Nothing is done where the lock has not changed.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "packaging" / "libraries"
PLACE = ROOT / ".libraries"


def install(lock: Path) -> None:
    """Bring the folder of one lock to what it says."""
    folder = PLACE / lock.stem
    stamp = folder / "installed"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print(f"Installing {lock.relative_to(ROOT)}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv")
    pip = [uv, "pip", "install", "--python", sys.executable] if uv else _own_pip()
    subprocess.run([*pip, "--quiet", "--require-hashes", "--target", str(folder), "-r", str(lock)], check=True)
    stamp.write_text(wanted)


def _own_pip() -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps"]


def main() -> int:
    """Install every set."""
    for lock in sorted(LOCKS.glob("*.lock")):
        install(lock)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"The libraries could not be installed: {error}")
