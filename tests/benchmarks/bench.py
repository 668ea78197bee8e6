"""The benchmarks: every job against its floor, its peers and its goal, in one table of Markdown.

    python3 packaging/dev.py bench [--quick] [--rounds N] [--json FILE] [--data FOLDER] [JOB...]

A job is a module of `jobs/` with `def rows(bench: Bench) -> Iterator[Row]`; without names all of them run, each in a
process of its own with an empty home. Rounds are interleaved (floor, ours, floor, ours...) and medians compared, so
that a machine that slows down in the middle slows both; time in which it stood still is taken out (`awake.py`). Ends
with 3 only when a ratio is in every round worse than twice its goal (or than twice what `reasons.py` says it is known
to be), with 2 when a job did not end well. A machine where a loop that only sleeps stands still for long all the same
leaves goals open on which its rounds do not agree (`table.py`); one that stood still before that was taken out only
tries the jobs with --quick, at their smallest size. Data are made once and kept in FOLDER.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import awake
import table
from sizes import SIZES, Bench, Size
from table import Row, Verdict

JOBS = Path(__file__).parent / "jobs"
FAILED, TOO_SLOW = 2, 3
"""What a run ends with when a job did not end well, and when a ratio is too bad in every round."""


class JobFailed(Exception):
    """A job raised, or its process ended before its end; the text says how."""


def names(folder: Path) -> list[str]:
    """The jobs that exist."""
    return sorted(path.stem for path in folder.glob("*.py"))


def rows_of(folder: Path, name: str, bench: Bench) -> Iterator[Row]:
    """The rows of one job; it has no memory, caches or threads of another. JobFailed when it does not end well."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_send_rows, args=(folder, name, bench, there))
    process.start()
    there.close()
    try:
        while (found := here.recv()) is not None:
            if isinstance(found, str):
                raise JobFailed(found)
            yield found
    except EOFError:
        process.join()
        raise JobFailed(f"its process ended with {process.exitcode}") from None
    finally:
        here.close()
        process.join()


def _send_rows(folder: Path, name: str, bench: Bench, rows: Connection) -> None:
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    sys.path.insert(0, str(folder))
    with tempfile.TemporaryDirectory(prefix="home-", dir=bench.folder, ignore_cleanup_errors=True) as home:
        os.environ["QT_LOGGING_RULES"] = "default.warning=false"  # offscreen says it of every window
        os.environ |= {"CACHE_STUDIO_HOME": home, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_RUNTIME_DIR": home}
        try:
            for row in importlib.import_module(name).rows(bench):
                rows.send(row)
            rows.send(None)
        except Exception:  # a job that stumbles must not hide what the others measure
            rows.send(traceback.format_exc())


def _end_with_parent() -> None:
    """What a killed run leaves behind would be measured by the next one."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def run(folder: Path, chosen: Sequence[str], bench: Bench, stood_still_ms: float) -> tuple[list[Row], list[str]]:
    """Run these jobs one after the other and print their rows as soon as they are known.

    All rows, of each job as far as it came, and the jobs that failed.
    """
    found: list[Row] = []
    failed: list[str] = []
    print(table.head(), flush=True)
    for name in chosen:
        began = time.monotonic()
        try:
            for row in rows_of(folder, name, bench):
                found.append(row)
                print(table.line(row, stood_still_ms), flush=True)
        except JobFailed as error:
            failed.append(name)
            print(f"{name} did not end well: {error}", file=sys.stderr, flush=True)
        print(f"    {name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return found, failed


def command_line(folder: Path = JOBS) -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=", ".join(names(folder)))
    parser.add_argument("--size", choices=sorted(SIZES), default="full")
    parser.add_argument("--quick", action="store_const", const="quick", dest="size", help="the same as --size quick")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there, too")
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "cache-studio-benchmarks")
    return parser


def main(arguments: Sequence[str] | None = None, folder: Path = JOBS) -> int:
    """Measure and print; 3 when a ratio is worse than twice its goal in every round, 2 when a job failed."""
    parser = command_line(folder)
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.jobs) - set(names(folder)):
        parser.error(f"there is no job {', '.join(sorted(unknown))}")
    chosen.data.mkdir(parents=True, exist_ok=True)
    unwatched = awake.stand_still_ms()
    restless = unwatched > awake.MOST_MS  # everything takes several times as long there
    size = SIZES["tiny" if chosen.size == "quick" and restless else chosen.size]
    with awake.watching():
        code = measure(folder, chosen, size, unwatched)
    return 0 if code == TOO_SLOW and size.name != chosen.size else code  # jobs that were only tried are not judged


def measure(folder: Path, chosen: argparse.Namespace, size: Size, unwatched: float) -> int:
    """Measure what was chosen on the command line, and print; as `main`.

    `unwatched` is how long the machine stands still at a time, in milliseconds, before that is taken out.
    """
    stood_still = awake.stand_still_ms()
    rounds = chosen.rounds or size.rounds
    bench = Bench(replace(size, rounds=rounds), chosen.data.absolute())
    facts = {
        **table.machine(),
        "size": size.name,
        "rounds": rounds,
        "stood_still_ms": round(unwatched),
        "left_ms": round(stood_still),
    }
    print(", ".join(f"{name} {value}" for name, value in facts.items()) + "\n")
    if stood_still > awake.MOST_MS:
        print(f"This machine stands still for {stood_still:.0f} ms at a time: some goals will stay open.\n")
    found, failed = run(folder, chosen.jobs or names(folder), bench, stood_still)
    counts = Counter(row.verdict(stood_still) for row in found)
    print(f"\n{counts[Verdict.MET]} of {len(found)} goals met, {counts[Verdict.OPEN]} open.")
    slow = [row.job for row in found if row.too_slow]
    for job in slow:
        print(f"Worse than {table.TOO_SLOW:g} times its goal in every round: {job}")
    if chosen.json is not None:
        table.write_json(chosen.json, facts, found, failed, stood_still)
    for name in failed:
        print(f"Did not end well: {name}")
    return FAILED if failed else TOO_SLOW if slow else 0


if __name__ == "__main__":
    sys.exit(main())
