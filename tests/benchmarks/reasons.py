"""Goals that are missed: the name of a job, as the table prints it, with its ratio and what a profiler found."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """A goal that is known to be missed."""

    why: str
    """What the profiler found."""
    ratio: float = 0.0
    """The worst that small and full runs gave on a quiet machine: a run ends with 3 when it is twice that."""


REASONS: Mapping[str, Known] = {}
