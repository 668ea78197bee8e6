"""The commands that rename an entry and that empty a whole database."""

import sys

import click

from cache_studio.cli.changes import BY, agree, changing, show_figures
from cache_studio.cli.diagnostics import narrate
from cache_studio.cli.options import namespace_option, target_argument
from cache_studio.cli.session import attached, waited
from cache_studio.model.errors import UnsupportedAction


@click.command()
@target_argument
@click.argument("key")
@click.argument("new")
@namespace_option
@changing
def rename(target: str, key: str, new: str, namespace: str | None, dry_run: bool, yes: bool, format_name: str) -> None:
    """Give the entry KEY the key NEW, with its value and expiry; never over another one."""
    from cache_studio.services import key_actions
    from cache_studio.services.find import find_entry

    with attached(target, writable=True) as (studio, attachment):
        entry = find_entry(attachment, key, namespace)
        narrate(f"Rename {entry.key} to {new} in {attachment.place.name}. Renaming it back undoes it.")
        if not dry_run:
            agree("Rename it?", yes)
            waited(key_actions.rename(attachment, entry.id, new, studio.trash, BY))
        show_figures({"action": "rename", "key": entry.key, "new_key": new, "renamed": int(not dry_run)}, format_name)


@click.command()
@target_argument
@click.option("--confirm", metavar="PLACE", help="What is emptied, as the command names it: host:port/number.")
@changing
def flush(target: str, confirm: str | None, dry_run: bool, yes: bool, format_name: str) -> None:
    """Empty a whole Redis database at once, whatever it holds. This cannot be undone; `clear` can.

    It is agreed to by typing the place, or with --confirm; --yes alone is not enough.
    """
    from cache_studio.services import key_actions

    with attached(target, writable=True) as (studio, attachment):
        place = waited(key_actions.flushed_place(attachment))
        narrate(f"Empty {place}: all of its keys, whoever wrote them. {key_actions.NO_UNDO}")
        removed = 0
        if not dry_run:
            removed = waited(key_actions.flush(attachment, _typed(confirm), studio.trash, BY))
        show_figures({"action": "flush", "place": place, "removed": removed}, format_name)


def _typed(confirm: str | None) -> str:
    if confirm is not None:
        return confirm
    if not sys.stdin.isatty():
        raise UnsupportedAction("Nobody is here to type the place.", "Give it with --confirm; --yes is not enough.")
    return str(click.prompt("Type the place to empty it", err=True))
