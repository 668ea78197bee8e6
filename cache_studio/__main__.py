"""The entry point: a command or the window; with `--child` first, the inside of a killable child."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cache_studio.cli.window import Window


def main() -> None:
    """Hand over to the part of the program that the arguments name; ends in SystemExit, a child does not."""
    if sys.argv[1:2] == ["--child"]:
        from cache_studio.isolation import child

        child.main(sys.argv[2:])
        return
    from cache_studio.cli.main import run
    from cache_studio.cli.window import Window

    answer = run()
    sys.exit(_open(answer) if isinstance(answer, Window) else answer)


def _open(window: "Window") -> int:
    from cache_studio.gui.app import run
    from cache_studio.services.demo import Demo

    with Demo(start_redis=window.start_redis) as demo:
        return run(demo.start() if window.demo else window.targets, demo.start)


if __name__ == "__main__":
    main()
