"""The entry point: a command or the window; with `--child` first, the inside of a killable child."""

import sys


def main() -> None:
    """Hand over to the part of the program that the arguments name; may end in SystemExit."""
    if sys.argv[1:2] == ["--child"]:
        from cache_studio.isolation import child

        child.main(sys.argv[2:])
        return
    from cache_studio.cli import main as cli

    cli.main()


if __name__ == "__main__":
    main()
