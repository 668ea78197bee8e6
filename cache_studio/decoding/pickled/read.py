"""Reading a pickle: the whole of it for a look, or a few fields of its top for a listing."""

from collections.abc import Callable

from cache_studio.decoding.pickled.literals import LITERALS
from cache_studio.decoding.pickled.machine import Budget, Machine, PickleFault, PickleReading
from cache_studio.decoding.pickled.structure import STRUCTURE


def _unknown(machine: Machine) -> None:
    raise PickleFault("is not known")


def _table() -> list[Callable[[Machine], None]]:
    table: list[Callable[[Machine], None]] = [_unknown] * 256
    for code, action in (LITERALS | STRUCTURE).items():
        table[code[0]] = action
    return table


_TABLE = _table()


def read_pickle(data: bytes, start: int = 0, budget: Budget = Budget()) -> PickleReading:  # noqa: B008 - frozen
    """All that the pickle at `start` holds, as objects of `values`; never raises, never executes.

    A broken one gives what was read so far and a `problem` with the byte offset.
    """
    return Machine(data, start, budget).run(_TABLE)
