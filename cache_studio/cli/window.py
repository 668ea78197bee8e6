"""The commands that ask for the window. They only say so: the entry point opens it."""

from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class Window:
    """The window is wanted, on these targets, perhaps on the demo."""

    targets: tuple[str, ...] = ()
    demo: bool = False
    start_redis: bool = False
    """Whether the demo starts a redis-server of its own."""


@click.command("open", hidden=True)
@click.argument("targets", nargs=-1)
def open_window(targets: tuple[str, ...]) -> Window:
    """Open the window on these targets."""
    return Window(targets)


@click.command()
@click.option("--redis", is_flag=True, help="Start a local redis-server for it.")
def demo(redis: bool) -> Window:
    """Open the window on live caches with a workload running: four, and one in Redis where that is running."""
    return Window(demo=True, start_redis=redis)
