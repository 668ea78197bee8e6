"""The commands that look: list, show, stats, export, snapshot, watch, discover, formats, doctor."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cache_studio.cli.diagnostics import Exit, narrate
from cache_studio.cli.options import (
    TABLE_OR_JSON,
    allow_changes_option,
    format_option,
    namespace_option,
    show_secrets_option,
    target_argument,
)
from cache_studio.cli.output import figure_text, print_figures, print_json, print_line, print_table, print_text
from cache_studio.cli.session import attached, now, waited
from cache_studio.model.errors import BadRequest

if TYPE_CHECKING:
    from cache_studio.model.entries import Entry
    from cache_studio.reports.credentials import Masking
    from cache_studio.services.attachment import Attachment
    from cache_studio.services.browse import Listing

LIST_FORMATS = ("table", "json", "ndjson", "csv")
_LIST_COLUMNS = ("key", "namespace", "type", "size", "age", "ttl", "last read", "hits", "tags")


@click.command("list")
@target_argument
@click.option("--where", default="", metavar="EXPR", help="Only entries that this selection chooses.")
@click.option("--sort", default="key", metavar="COLUMN", help="Column to sort by; -COLUMN for descending.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="At most so many entries.")
@format_option(LIST_FORMATS)
def list_command(target: str, where: str, sort: str, limit: int | None, format_name: str) -> None:
    """List the entries of a cache."""
    import sys

    from cache_studio.model.entries import entry_at
    from cache_studio.reports.entries import writer_for
    from cache_studio.services.browse import list_entries
    from cache_studio.services.exporting import entry_rows
    from cache_studio.services.ordering import parse_sort

    with attached(target) as (opened, attachment):
        at = now()
        listing = list_entries(attachment, where, parse_sort(sort), at, opened.reader)
        rows = listing.rows[:limit].tolist()
        if format_name == "table":
            lines = [_table_row(entry_at(listing.view, row), at) for row in rows]
            print_table(_LIST_COLUMNS, lines, ("size", "age", "ttl", "hits"))
        else:
            writer_for(format_name)(entry_rows(listing.view, rows, at), sys.stdout)
        for what, count in listing.matched.left_out.items():
            narrate(f"{count:,} entries left out: {what} not recorded.")
        _narrate_totals(attachment, listing)


@click.command()
@target_argument
@click.argument("key")
@namespace_option
@format_option(("tree", "json", "raw"), "tree")
def show(target: str, key: str, namespace: str | None, format_name: str) -> None:
    """Show one entry: its facts and its value, decoded without running anything."""
    import sys

    from cache_studio.cli.value import entry_json, entry_tree
    from cache_studio.services.find import find_entry, read_raw

    with attached(target) as (opened, attachment):
        entry = find_entry(attachment, key, namespace)
        if format_name == "raw":
            piece = waited(read_raw(attachment, entry.id))
            sys.stdout.buffer.write(piece.data)
            sys.stdout.buffer.flush()
            if piece.problem:
                narrate(piece.problem)
            return
        shown = waited(opened.reader.show(attachment, entry.id))
        prices = opened.settings.prices
        if format_name == "json":
            print_json(entry_json(entry, shown, now(), prices))
        else:
            print_text(entry_tree(entry, shown, now(), prices))


@click.command()
@target_argument
@format_option(TABLE_OR_JSON)
def stats(target: str, format_name: str) -> None:
    """Count a cache: entries, stale ones, bytes, hit rate and where each figure comes from."""
    from cache_studio.services.statistics import statistics_object

    with attached(target, writable=None) as (_, attachment):
        figures = statistics_object(attachment, now())
        if format_name == "json":
            print_json(figures)
            return
        namespaces = figures.pop("namespaces")
        print_figures(figures)
        if namespaces:
            print_text("")
            rows = [
                (group["name"] or "(none)", *(figure_text(name, group[name]) for name in ("entries", "size", "stale")))
                for group in namespaces
            ]
            print_table(("namespace", "entries", "size", "stale"), rows, ("entries", "size", "stale"))


@click.command()
@target_argument
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--where", default="", metavar="EXPR", help="Only entries that this selection chooses.")
@click.option("--sort", default="key", metavar="COLUMN", help="Column to sort by; -COLUMN for descending.")
@click.option("--replace", is_flag=True, help="Replace the file when it exists.")
@show_secrets_option
@format_option(TABLE_OR_JSON)
def export(target: str, file: Path, where: str, sort: str, replace: bool, show_secrets: bool, format_name: str) -> None:
    """Write the entries to FILE (.json, .ndjson or .csv).

    What looks like a credential in a key, namespace or tag is masked.
    """
    from cache_studio.reports.credentials import Masking
    from cache_studio.services.browse import list_entries
    from cache_studio.services.exporting import check_export, entry_rows, export_entries
    from cache_studio.services.ordering import parse_sort

    check_export(file, replace=replace)
    masking = Masking()
    with attached(target) as (opened, attachment):
        listing = list_entries(attachment, where, parse_sort(sort), now(), opened.reader)
        rows = entry_rows(listing.view, listing.rows.tolist(), now())
        export_entries(file, rows if show_secrets else masking.rows(rows), replace=replace)
    _tell({"file": str(file), "entries": len(listing.rows), "masked": masking.count}, format_name)
    _narrate_masking(masking)


@click.command()
@target_argument
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--compare", "other", type=click.Path(path_type=Path), metavar="SNAPSHOT", help="Compare with an older one."
)
@click.option("--replace", is_flag=True, help="Replace the file when it exists.")
@show_secrets_option
@format_option(TABLE_OR_JSON)
def snapshot(
    target: str, file: Path | None, other: Path | None, replace: bool, show_secrets: bool, format_name: str
) -> None:
    """Write the statistics to FILE (.json, .csv, .md or .html), or compare two snapshots.

    With --compare and no FILE, TARGET is itself a snapshot, or a cache that is compared as it is now.
    """
    from cache_studio.reports.credentials import Masking
    from cache_studio.reports.snapshots import comparison_object, is_snapshot, read_snapshot
    from cache_studio.services import exporting

    if file is None and other is None:
        raise BadRequest("Nothing to write to.", "Name a FILE, or an older snapshot with --compare.")
    if file is not None:
        exporting.check_snapshot(file, replace=replace)
    if other is not None and file is None and is_snapshot(Path(target)):
        _print_comparison(exporting.compare_files(other, Path(target)), format_name)
        return
    with attached(target, writable=None) as (_, attachment):
        figures = exporting.snapshot(attachment)
        if file is not None:
            masking = Masking()
            exporting.write_snapshot(figures if show_secrets else masking.masked(figures), file, replace=replace)
            _narrate_masking(masking)
    if other is not None:
        _print_comparison(comparison_object(read_snapshot(other), figures), format_name)
    else:
        _tell({"file": str(file), "entries": figures["entries"]}, format_name)


@click.command()
@target_argument
@click.option("--interval", default=2.0, type=click.FloatRange(min=0.1), metavar="S", help="Seconds between two lines.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after so many lines.")
@click.option("--announce", is_flag=True, help="Have the server announce changes and misses meanwhile (Redis).")
@allow_changes_option
@format_option(TABLE_OR_JSON)
def watch(target: str, interval: float, count: int | None, announce: bool, format_name: str) -> None:
    """Print the statistics again and again, until stopped.

    With --announce the server's notify-keyspace-events is completed, and set back at the end.
    """
    from threading import Event

    from cache_studio.cli.misses_text import miss_lines
    from cache_studio.services.listening import Ear
    from cache_studio.services.statistics import watch_object

    pause = Event()
    writable = True if announce else None
    with attached(target, writable=writable, sample_every=interval) as (opened, attachment), Ear(attachment) as ear:
        if announce:
            waited(opened.announcing.begin(attachment))
        printed = 0
        while True:
            ear.keep_up()
            figures = watch_object(attachment, now())
            if format_name == "json":
                print_line(figures)
            else:
                names = ("at", "entries", "stale", "volume", "hits", "misses", "hit_rate")
                print_text("  ".join(f"{name} {figure_text(name, figures[name])}" for name in names))
                for line in miss_lines(figures["details"]):
                    print_text(f"  {line}")
            printed += 1
            if count is not None and printed >= count:
                return
            pause.wait(interval)
            attachment.refresh()
            waited(attachment.listed())


@click.command()
@click.argument("folders", nargs=-1, metavar="[FOLDER]...")
@format_option(TABLE_OR_JSON)
def discover(folders: tuple[str, ...], format_name: str) -> None:
    """Find caches in folders, or in the usual places and on this machine's Redis."""
    from cache_studio.services.discover import discover as find

    found = list(find(folders))
    if format_name == "json":
        print_json(found)
    elif not found:
        narrate("No cache was found.")
    else:
        rows = [(cache["target"], cache["format"], figure_text("volume", cache["volume"])) for cache in found]
        print_table(("target", "format", "volume"), rows, ("volume",))


@click.command()
@format_option(TABLE_OR_JSON)
def formats(format_name: str) -> None:
    """List the formats, what the caches of each allow at most, and their options."""
    from cache_studio.adapters.registry import all_formats
    from cache_studio.model.capabilities import ABILITY_WORDS

    known = all_formats()
    if format_name == "json":
        print_json(
            [
                {
                    "format": found.name,
                    "title": found.title,
                    "schemes": list(found.schemes),
                    "runtime": bool(found.access),
                    "abilities": sorted(ability.value for ability in found.abilities),
                    "options": [
                        {"name": option.name, "help": option.help, "default": option.default or None}
                        for option in found.options
                    ],
                }
                for found in known
            ]
        )
    else:
        print_table(
            ("format", "what it is", *(word for word, _ability in ABILITY_WORDS), "options"),
            [
                (
                    found.name,
                    found.title,
                    *("yes" if ability in found.abilities else "no" for _word, ability in ABILITY_WORDS),
                    " ".join(option.name for option in found.options),
                )
                for found in known
            ],
        )


@click.command()
@click.argument("target", required=False)
@format_option(TABLE_OR_JSON)
def doctor(target: str | None, format_name: str) -> None:
    """Check what Cache Studio needs and where it keeps its own files; with TARGET, the connection to that server."""
    if target is not None:
        from cache_studio.cli.connection import show_connection

        show_connection(target, format_name)
        return
    from cache_studio.services.doctor import checks

    found = checks()
    if format_name == "json":
        print_json([{"check": check.name, "ok": check.ok, "detail": check.detail} for check in found])
    else:
        print_table(
            ("check", "ok", "detail"), [(check.name, "yes" if check.ok else "no", check.detail) for check in found]
        )
    if not all(check.ok for check in found):
        raise SystemExit(Exit.REFUSED)


def _table_row(entry: "Entry", at: float) -> tuple[str, ...]:
    from cache_studio.model.units import format_age, format_count, format_size, format_ttl

    ttl = entry.ttl(at)
    return (
        entry.key,
        entry.namespace,
        entry.problem or entry.type,
        format_size(entry.size),
        format_age(None if entry.created_at is None else at - entry.created_at),
        format_ttl(math.nan if ttl is None else ttl),
        format_age(None if entry.accessed_at is None else at - entry.accessed_at),
        format_count(entry.hits),
        "" if entry.tags is None else " ".join(entry.tags),
    )


def _narrate_totals(attachment: "Attachment", listing: "Listing") -> None:
    from cache_studio.model.units import format_size

    narrate(f"{len(listing.rows):,} of {len(listing.view):,} entries, {format_size(listing.totals.known_size)}")
    if attachment.standing.partial:
        narrate(attachment.standing.partial)


def _tell(figures: dict[str, object], format_name: str) -> None:
    if format_name == "json":
        print_json(figures)
    else:
        narrate(f"{figures['entries']:,} entries written to {figures['file']}.")


def _narrate_masking(masking: "Masking") -> None:
    if said := masking.said():
        narrate(f"{said} --show-secrets writes them as they are.")


def _print_comparison(comparison: dict[str, dict[str, dict[str, object]]], format_name: str) -> None:
    if format_name == "json":
        print_json(comparison)
        return
    rows = [
        (name.replace("_", " "), *(figure_text(name, figure[part]) for part in ("before", "after", "change")))
        for name, figure in comparison["figures"].items()
    ]
    print_table(("figure", "before", "after", "change"), rows, ("before", "after", "change"))


LOOKING = (list_command, show, stats, export, snapshot, watch, discover, formats, doctor)
"""The commands of this module."""
