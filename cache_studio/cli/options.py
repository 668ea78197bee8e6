"""Arguments and options that several commands share."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
TABLE_OR_JSON = ("table", "json")
"""What every command can print."""

target_argument = click.argument("target")
namespace_option = click.option("--namespace", metavar="NS", help="Where the key is not unique.")
at_option = click.option(
    "--target", metavar="TARGET", help="The same cache with its password, where it wants one and nobody can be asked."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")
show_secrets_option = click.option(
    "--show-secrets", is_flag=True, help="Write what looks like a credential as it is, not masked."
)
_ALLOWED = "cache_studio.allow_changes"


def _note_allowed(context: click.Context, _parameter: click.Parameter, allowed: bool) -> None:
    context.meta[_ALLOWED] = allowed


def may_change() -> bool:
    """Whether the command that runs was told to change also what is attached read-only."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_ALLOWED))


allow_changes_option = click.option(
    "--allow-changes",
    is_flag=True,
    expose_value=False,  # asked for where the cache is attached, by `may_change`
    callback=_note_allowed,
    help="Change also what is attached read-only: on another host, in production, or remembered so.",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Show the plan and change nothing.")


def format_option(names: Sequence[str], default: str = "table") -> Callable[[F], F]:
    """`--format`, one of `names`."""
    return click.option("--format", "format_name", type=click.Choice(names), default=default, help="How to print it.")
