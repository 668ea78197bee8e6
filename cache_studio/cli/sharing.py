"""The command that writes a cache and its options into the project's file: share."""

import os

import click

from cache_studio.cli.options import TABLE_OR_JSON, format_option, target_argument
from cache_studio.cli.output import print_json, print_line
from cache_studio.cli.session import studio


@click.command()
@target_argument
@click.argument("folder", default=".", metavar="[FOLDER]")
@click.option("--name", default="", metavar="NAME", help="What the cache is called; its file's name when left out.")
@format_option(TABLE_OR_JSON)
def share(target: str, folder: str, name: str, format_name: str) -> None:
    """Write how TARGET is attached into FOLDER/cache-studio.toml, for everybody who works on the project.

    Who attaches the folder, or the cache itself, gets the same format and options.
    """
    from cache_studio.services.mapping_preview import share as write

    with studio() as opened:
        place = opened.resolve(target, read_only=True)
    file = write(place.target, name or place.name, os.path.abspath(folder))
    if format_name == "json":
        print_json({"file": file, "target": str(place.target), "format": place.format.name, "name": name or place.name})
    else:
        print_line(f"{file} says how to attach {place.target}.")
