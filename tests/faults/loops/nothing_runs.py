"""Pickles that attack, at every place of a cache; real ones are shown; a decoder that goes wrong is ended in time."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from library_values import all_values
from promises import Promise, Size, workplace

from cache_studio.decoding.decode import decode, decode_isolated
from cache_studio.isolation import Limits, Worker, parent
from cache_studio.model.errors import LimitExceeded

ROOT = Path(__file__).parents[3]
DECODER = ROOT / "tests" / "faults" / "watched_decoding.py"
ENDLESS = "tests.isolation.isolated_functions:spin"
EATER = "tests.isolation.isolated_functions:hold"
GRACE = 2.0
"""Seconds that ending a child may take on a machine that does other work."""


def watched(what: str, seed: str, count: int, canary: Path) -> dict[str, object]:
    """The figures of `watched_decoding.py`."""
    done = subprocess.run(
        [sys.executable, str(DECODER), what, seed, str(count), str(canary)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def promises(size: Size) -> Iterator[Promise]:
    """Three rows: nothing runs, real values are shown, nothing hangs."""
    with workplace() as folder:
        yield _nothing_runs(folder)
    yield _real_ones_are_shown()
    yield _stopped_in_time()


def _nothing_runs(folder: Path) -> Promise:
    found = watched("attacks", "1", 0, folder / "canary")
    control = watched("control", "1", 0, folder / "control")
    events, errors = found["events"], found["errors"]
    assert isinstance(events, list)
    assert isinstance(errors, list)
    kept = not events and not errors and not found["ran"] and bool(control["events"]) and bool(control["ran"])
    return Promise(
        "nothing of a cache is executed: hostile pickles as value, key, expiry and tag, packed and as second part",
        f"{found['count']} decodings: {len(events)} imports, calls or files, {len(errors)} errors, "
        f"worst {found['seconds']:.2f} s of processor time",
        kept,
        "\n".join(map(str, (*events, *errors)))
        or "Control: given to pickle.loads under the same watch, the attacks are seen and make their file.",
    )


def _real_ones_are_shown() -> Promise:
    shown = count = 0
    made, missing, failed = [], [], []
    for library, values, reason in all_values():
        if reason:
            missing.append(f"{library}: {reason}")
        else:
            made.append(library)
        for name, value in values:
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
                decoded = decode(pickle.dumps(value, protocol))
                count += 1
                if decoded.problem or decoded.tree is None or decoded.chain != ("pickle",):
                    failed.append(f"{library} {name} protocol {protocol}: {decoded.problem or decoded.chain}")
                else:
                    shown += 1
    return Promise(
        "real pickles are shown", f"{shown} of {count} ({', '.join(made)})", not failed, "\n".join((*failed, *missing))
    )


def _stopped_in_time() -> Promise:
    limits = Limits(seconds=5.0, memory=1_000_000_000)
    parent.PREFIXES = ("cache_studio.", "tests.")
    worker = Worker()
    try:
        worker.call("tests.isolation.isolated_functions:echo", 1)
        began = time.monotonic()
        asleep = _is_refused(worker, ENDLESS, [], limits)
        slept = time.monotonic() - began
        began = time.monotonic()
        eaten = _is_refused(worker, EATER, [3_000], limits)
        ate = time.monotonic() - began
        still = decode_isolated(worker, b"42").chain == ("json",)
    finally:
        worker.close()
        parent.PREFIXES = ("cache_studio.",)
    return Promise(
        "a decoder that never ends is ended at 5 s, one that takes 3 GB at 1 GB; the next value is shown",
        f"ended after {slept:.1f} s and {ate:.1f} s",
        asleep and eaten and still and slept < limits.seconds + GRACE and ate < GRACE,
    )


def _is_refused(worker: Worker, function: str, arguments: list[int], limits: Limits) -> bool:
    try:
        worker.call(function, *arguments, limits=limits)
    except LimitExceeded:
        return True
    return False
