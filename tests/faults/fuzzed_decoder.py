"""The decoder under atheris, in a process of its own: `python fuzzed_decoder.py FOLDER -max_total_time=60`.

Guided by what is executed, it looks for bytes that make `decode` raise. FOLDER gets what it found worth keeping.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["cache_studio.decoding"]):
    from cache_studio.decoding.decode import HINTS, decode
    from cache_studio.decoding.pickled.header import pickle_header

from tests.faults.decoder_seeds import SEEDS


def try_one(data: bytes) -> None:
    """The first byte chooses the hint."""
    if data:
        decode(data[1:], HINTS[data[0] % len(HINTS)]).to_list()
        pickle_header(data[1:])


def main(arguments: list[str]) -> None:
    """Runs until the limit that the arguments give; an uncaught error ends it with another status than 0."""
    folder = Path(arguments[1])
    for number, seed in enumerate(SEEDS):
        for place in range(len(HINTS)):
            (folder / f"seed-{number}-{place}").write_bytes(bytes([place]) + seed)
    atheris.Setup(arguments, try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
