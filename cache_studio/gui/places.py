"""How places are shown: targets with the home folder shortened, times of the past in words."""

import os
from pathlib import Path

from cache_studio.gui.look.text import display_text, tr
from cache_studio.model.targets import Target

DAY = 86_400


def short_target(target: Target) -> str:
    """A target as one line: `~` for the home folder; of the options only the prefix of a URL."""
    if not target.is_url:
        return display_text(shorten_home(target.location), 400)
    prefix = target.options.get("prefix", "")
    return display_text(f"{target.location}  {prefix}*" if prefix else target.location, 400)


def shorten_home(path: str) -> str:
    """A path with `~` in place of the home folder."""
    home = str(Path.home())
    return "~" + path[len(home) :] if path == home or path.startswith(home + os.sep) else path


def days_ago(moment: float, now: float) -> str:
    """ "today", "yesterday", "9 days ago"."""
    days = int(max(0.0, now - moment) // DAY)
    return {0: tr("today"), 1: tr("yesterday")}.get(days, tr("{n} days ago").replace("{n}", f"{days:,}"))


def name_and_folder(text: str) -> tuple[str, str]:
    """The name of a found place and where it lies: last part and folder of a path, host and prefix of a URL."""
    bare = text.partition(":")[2] if ":" in text and "://" not in text and not os.path.isabs(text) else text
    if "://" in bare:
        location, _, query = bare.partition("://")[2].partition("?")
        return location, query
    folder, name = os.path.split(bare.partition("?")[0].rstrip(os.sep))
    return name or bare, shorten_home(folder)
