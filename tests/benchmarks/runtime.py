"""The runtime beside its peers: memory, files, SQLite, Redis, similar prompts. Prints a table each, with ratios.

`python3 packaging/dev.py bench [--quick]` runs it after the listings; each part can be run by its own name, too.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import bench

HERE = Path(__file__).parent


class Part(NamedTuple):
    """A script beside this one, and its arguments for the small size."""

    script: str
    quick: tuple[str, ...]
    needs: str = ""
    """A program that must be there."""


PARTS = (
    Part("runtime_memory.py", ("--quick",)),
    Part("runtime_files.py", ("--entries", "500")),
    Part("runtime_sqlite.py", ("--quick",)),
    Part("runtime_redis.py", ("--rounds", "5"), "redis-server"),
    Part("runtime_similarity.py", ("--prompts", "5000", "--lookups", "200")),
)


def main() -> int:
    """Run every part; 1 when one failed. Does nothing where jobs of the table are named: they alone are wanted."""
    chosen = bench.command_line().parse_args()
    if chosen.jobs:
        return 0
    quick = chosen.size != "full"
    failed = 0
    for part in PARTS:
        print(f"\n{part.script.removesuffix('.py')}", flush=True)
        if part.needs and not shutil.which(part.needs):
            print(f"left out: there is no {part.needs} here")
            continue
        failed |= subprocess.run([sys.executable, HERE / part.script, *(part.quick if quick else ())]).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
