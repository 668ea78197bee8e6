"""Remembered and found places as rows of the left panel."""

from collections.abc import Mapping
from typing import Any

from cache_studio.config.profiles import Profile
from cache_studio.gui.look.text import tr
from cache_studio.gui.places import days_ago, name_and_folder
from cache_studio.gui.widgets.roles import PlaceRow
from cache_studio.model.units import format_count, format_size


def recent_row(profile: Profile, now: float) -> PlaceRow:
    """A remembered cache as two short lines."""
    return PlaceRow(profile.name, profile.format or tr("cache"), days_ago(profile.last_opened, now))


def found_row(found: Mapping[str, Any]) -> PlaceRow:
    """A discovered cache as two short lines."""
    name, _ = name_and_folder(str(found["target"]))
    return PlaceRow(name, str(found["format"]), found_note(found))


def found_note(found: Mapping[str, Any]) -> str:
    """Its volume, or its number of keys, or nothing."""
    if found.get("volume") is not None:
        return format_size(float(found["volume"]))
    if found.get("entries") is not None:
        return f"{format_count(float(found['entries']))} {tr('keys')}"
    return ""
