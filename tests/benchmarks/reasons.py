"""Why goals are missed: the name of a job, as the table prints it, to what a profiler found."""

from collections.abc import Mapping

REASONS: Mapping[str, str] = {}
