"""What `doctor TARGET` says: whether the server of a target can be reached, and what its user may do there."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from cache_studio.cli.diagnostics import narrate
from cache_studio.cli.output import print_figures, print_json
from cache_studio.cli.session import studio, with_asked_password

if TYPE_CHECKING:
    from cache_studio.services.connection_test import Report


def show_connection(text: str, format_name: str) -> None:
    """Try the connection and print what was found; the error of one that does not work goes the usual way."""
    from cache_studio.model.errors import CacheUnavailable
    from cache_studio.services.connection_test import try_connection
    from cache_studio.services.passwords import wants_password

    with studio() as opened:
        target = opened.passwords.complete(opened.target_of(text))
        environment = opened.environment_of(target)
        try:
            report = try_connection(target)
        except CacheUnavailable as error:
            if not (wants_password(error) and sys.stdin.isatty()):
                raise
            narrate(error.message)
            report = try_connection(with_asked_password(target))
    _show({"target": str(target), "environment": str(environment), **_figures(report)}, report, format_name)


def _figures(report: "Report") -> dict[str, object]:
    found = asdict(report)
    del found["abilities"]
    # What is not told is null, never an empty text.
    return {name: None if value == "" else value for name, value in found.items()}


def _show(figures: dict[str, object], report: "Report", format_name: str) -> None:
    from cache_studio.services.connection_test import report_lines

    if format_name == "json":
        abilities = [{**asdict(one), "reason": one.reason or None} for one in report.abilities]
        print_json({**figures, "abilities": abilities})
        return
    narrate(report_lines(report)[0])
    print_figures(figures | {one.what: one.reason or "allowed" for one in report.abilities})
