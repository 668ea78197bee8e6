"""Bytes that nobody wrote: changed pickles under a watch, values in every protocol, and every other decoder."""

from __future__ import annotations

import importlib.util
import os
import pickle
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from decoder_seeds import KINDS
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from loops.nothing_runs import ROOT, watched
from promises import Promise, Size, workplace
from random_values import as_python, random_value, same

from cache_studio.decoding.decode import HINTS, decode
from cache_studio.decoding.decoded import Decoded
from cache_studio.decoding.pickled.read import read_pickle
from cache_studio.isolation.wire import read_frame, write_frame

SLOW = 2.0
"""Seconds for one small value that would be a fault; the child would be ended at 5."""
PART = 50_000
"""Changed pickles of one watched child."""
ATHERIS = ROOT / "tests" / "faults" / "fuzzed_decoder.py"


def promises(size: Size) -> Iterator[Promise]:
    """Four rows: changed pickles, equality with pickle.loads, the other decoders, atheris."""
    yield _changed_pickles(size)
    yield _equal_values(size)
    yield _other_decoders(size)
    yield _guided(size)


def _changed_pickles(size: Size) -> Promise:
    wanted = size.of(20_000, 400_000)
    count, worst, slowest = 0, 0.0, ""
    events: list[object] = []
    errors: list[object] = []
    ran = False
    with workplace() as folder:
        for start in range(0, wanted, PART):
            chance = size.chance(f"mutants {start}")
            found = watched("mutants", str(chance.random()), min(PART, wanted - start), folder / "canary")
            assert isinstance(found["count"], int)
            assert isinstance(found["events"], list)
            assert isinstance(found["errors"], list)
            assert isinstance(found["seconds"], float)
            count += found["count"]
            events += found["events"]
            errors += found["errors"]
            ran = ran or bool(found["ran"])
            if found["seconds"] > worst:
                worst, slowest = found["seconds"], str(found["slowest"])
    return Promise(
        "nothing of a cache is executed: changed pickles",
        f"{count:,} mutants: {len(events)} imports, calls or files, {len(errors)} uncaught errors, "
        f"worst {worst:.2f} s of processor time",
        not (events or errors or ran) and worst < SLOW,
        "\n".join(map(str, (*events, *errors))) or f"The slowest began with {slowest[:120]}",
    )


def _equal_values(size: Size) -> Promise:
    chance = size.chance("values")
    wanted = size.of(1_000, 20_000)
    wrong = []
    for number in range(wanted):
        value = random_value(chance)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            data = pickle.dumps(value, protocol)
            reading = read_pickle(data)
            if reading.problem or reading.end != len(data) or not same(as_python(reading.root), pickle.loads(data)):
                wrong.append(f"value {number} protocol {protocol}: {reading.problem} {data[:200].hex()}")
    return Promise(
        "the tree of a pickle is what pickle.loads makes",
        f"{wanted:,} random values × protocols 0 to 5: {len(wrong)} differ",
        not wrong,
        "\n".join(wrong[:20]),
    )


@dataclass
class Tally:
    """What decoding the values of hypothesis took."""

    tried: int = 0
    worst: tuple[float, str] = (0.0, "")

    def decode(self, data: bytes, hint: str) -> None:
        """Decode one, and have the result cross as it does from the child."""
        began = time.process_time()
        decoded = decode(data, hint)
        self.worst = max(self.worst, (time.process_time() - began, data[:100].hex()))
        self.tried += 1
        assert crossed(decoded) == decoded


def _other_decoders(size: Size) -> Promise:
    bounds = settings(
        max_examples=size.of(150, 5_000), deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    tally, failed = Tally(), []
    for kind, seeds in KINDS.items():
        test = given(changed(seeds), st.sampled_from(HINTS))(lambda data, hint: tally.decode(data, hint))
        try:
            seed(size.seed)(bounds(test))()
        except Exception as error:  # whatever a decoder raises is what is looked for
            failed.append(f"{kind}: {error!r}\n" + "\n".join(getattr(error, "__notes__", ())))
    seconds, slowest = tally.worst
    return Promise(
        "no bytes make a decoder fail: " + ", ".join(KINDS),
        f"{tally.tried:,} values by hypothesis: {len(failed)} kinds fail, worst {seconds:.2f} s of processor time",
        not failed and seconds < SLOW,
        "\n".join(failed) or f"The slowest began with {slowest}",
    )


def changed(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Values of a kind with a piece replaced, and any bytes behind their beginning."""

    def replaced(data: bytes, at: int, gone: int, piece: bytes) -> bytes:
        begin = at % (len(data) + 1)
        return data[:begin] + piece + data[begin + gone :]

    known = st.sampled_from(seeds)
    one = st.builds(replaced, known, st.integers(0, 500), st.integers(0, 20), st.binary(max_size=20))
    twice = st.builds(replaced, one, st.integers(0, 500), st.integers(0, 20), known | st.binary(max_size=20))
    return one | twice | st.builds(lambda data, tail: data[:8] + tail, known, st.binary(max_size=200))


def crossed(decoded: Decoded) -> Decoded:
    """The result after its way from the child."""
    wire = BytesIO()
    write_frame(wire, decoded.to_list())
    wire.seek(0)
    flat = read_frame(wire)
    assert isinstance(flat, list)
    return Decoded.from_list(flat)


def _guided(size: Size) -> Promise:
    name = "no bytes make a decoder fail: guided by coverage (atheris)"
    if importlib.util.find_spec("atheris") is None:
        return Promise(name, "not run: atheris is not installed here", True, "It is on the package index for Linux.")
    seconds = size.of(60, 600)
    with workplace() as folder:
        done = subprocess.run(
            [
                sys.executable, str(ATHERIS), str(folder), f"-max_total_time={seconds}", f"-seed={size.seed}",
                f"-artifact_prefix={folder}/", "-timeout=10", "-rss_limit_mb=2000", "-print_final_stats=1",
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )  # fmt: skip
        found = [f"{path.name}: {path.read_bytes()[:200].hex()}" for path in Path(folder).glob("*-*") if _bad(path)]
    runs = re.search(r"number_of_executed_units: *(\d+)", done.stderr)
    kept = done.returncode == 0 and not found and runs is not None
    told = "" if kept else "\n".join((*found, done.stderr[-3000:]))
    return Promise(name, f"{int(runs[1]) if runs else 0:,} runs in {seconds} s: {len(found)} failures", kept, told)


def _bad(path: Path) -> bool:
    return path.name.startswith(("crash-", "timeout-", "oom-", "leak-"))
