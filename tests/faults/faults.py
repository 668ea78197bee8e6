"""The promises, each with the figure of this run: `python3 packaging/dev.py faults [--quick] [--seed N] [NAME...]`.

Prints one row of a Markdown table for each promise as soon as it is known, and ends with 1 when one is broken. NAME
is a module of `loops/`; without names all of them run. Progress and reasons go to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

from promises import Promise, Size, workplace

LOOPS = Path(__file__).parent / "loops"
COMMAND = "dev.py faults"


def names(folder: Path = LOOPS) -> list[str]:
    """The loops that exist."""
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def rows_of(name: str, size: Size) -> Iterator[Promise]:
    """The promises of one loop, which runs in a process of its own: none has the threads, caches or end of another."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_send_rows, args=(LOOPS, name, size, there))
    process.start()
    there.close()
    try:
        while (row := here.recv()) is not None:
            yield row
    except EOFError:
        process.join()
        yield Promise(f"the loop “{name}” runs to its end", f"its process ended with {process.exitcode}", False)
    finally:
        here.close()
        process.join()


def _send_rows(folder: Path, name: str, size: Size, rows: Connection) -> None:
    sys.path[:0] = [str(folder), str(Path(__file__).parent)]
    try:
        loop: ModuleType = importlib.import_module(name)
        for row in loop.promises(size):
            rows.send(row)
    except Exception:  # a loop that stumbles must not hide what the others found
        why = traceback.format_exc()
        rows.send(Promise(f"the loop “{name}” runs to its end", "it ended with an error", False, why))
    rows.send(None)


def print_row(promise: Promise, seconds: float, repeat: str) -> None:
    """One line of the table, and below it on stderr what there is to say."""
    cells = [promise.name, promise.figure, "yes" if promise.kept else "**NO**", f"{seconds:.1f}", f"`{repeat}`"]
    print("| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |", flush=True)
    for line in promise.detail.splitlines():
        print(f"    {line}", file=sys.stderr, flush=True)


def run(chosen: Sequence[str], size: Size) -> list[Promise]:
    """Run these loops one after the other and print their rows; the broken promises."""
    options = (" --quick" if size.quick else "") + (f" --seed {size.seed}" if size.seed != Size().seed else "")
    when = datetime.now(UTC)
    print(f"{when:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, ", end="")
    print(f"Python {platform.python_version()}, {'quick' if size.quick else 'full'} size, seed {size.seed}\n")
    print("| promise | this run | kept | seconds | repeat |\n|---|---|---|---|---|", flush=True)
    broken = []
    for name in chosen:
        began = time.monotonic()
        for promise in rows_of(name, size):
            now = time.monotonic()
            print_row(promise, now - began, f"{COMMAND}{options} {name}")
            began = now
            if not promise.kept and not (promise.timed and size.quick):
                broken.append(promise)
    return broken


def main(argv: Sequence[str] | None = None) -> int:
    """0 when every promise was kept, 1 when one was broken, 2 for a loop that does not exist."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="loops: " + ", ".join(names()))
    parser.add_argument("--quick", action="store_true", help="the size of every day: all loops in under 6 minutes")
    parser.add_argument("--seed", type=int, default=Size().seed, help="repeat what another run tried")
    chosen = parser.parse_args(argv)
    unknown = set(chosen.names) - set(names())
    if unknown:
        parser.error(f"no loop is called {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    with workplace() as home:
        os.environ["CACHE_STUDIO_HOME"] = str(home)  # no loop may come near the user's own trash and history
        broken = run(chosen.names or names(), Size(chosen.quick, chosen.seed))
    if broken:
        print(f"\n{len(broken)} broken:", *(f"  {row.name}: {row.figure}" for row in broken), sep="\n", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
