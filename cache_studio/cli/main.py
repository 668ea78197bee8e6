"""`cache-studio`: a command, or the window on the targets that are named."""

import sys
from collections.abc import Sequence
from io import StringIO, TextIOWrapper

import click

from cache_studio import __version__
from cache_studio.cli.changes import CHANGES
from cache_studio.cli.commands import LOOKING
from cache_studio.cli.diagnostics import Exit, code_of
from cache_studio.cli.key_actions import flush, rename
from cache_studio.cli.sharing import share
from cache_studio.cli.ttl import ttl
from cache_studio.cli.window import Window, demo, open_window
from cache_studio.model.targets import without_passwords


class _Commands(click.Group):
    """A group whose unknown first word is a target for the window."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named, else the window with all words as targets."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            return "open", open_window, args
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cache-studio")
@click.pass_context
def cli(context: click.Context) -> Window | None:
    """See what your caches hold, whether they earn their keep, and clean them without fear.

    Without a command: opens the window, on the TARGETs that are named. A target is a path, a path with a
    format before a colon (diskcache:./cache), a URL (redis://host/0?prefix=app:) or a remembered name.
    """
    return Window() if context.invoked_subcommand is None else None


for command in (*LOOKING, *CHANGES, ttl, rename, flush, share, demo, open_window):
    cli.add_command(command)


def run(arguments: Sequence[str] | None = None) -> Window | int:
    """Run one command; its exit code, or the window that was asked for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # What cannot be written in the terminal's encoding is escaped; what goes into a file or pipe is UTF-8.
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    try:
        answer = cli.main(args=None if arguments is None else list(arguments), standalone_mode=False)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            return code_of(end.__context__)
        return int(end.code or Exit.DONE)
    except click.exceptions.Abort:
        return code_of(KeyboardInterrupt())
    except click.ClickException as error:
        words = StringIO()
        error.show(words)
        sys.stderr.write(without_passwords(words.getvalue()))
        return Exit.USAGE
    except (Exception, KeyboardInterrupt) as error:  # said in words and turned into an exit code, whatever it is
        return code_of(error)
    return answer if isinstance(answer, Window | int) else Exit.DONE
