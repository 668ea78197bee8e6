"""What Django makes of a key, in tables and in files: `prefix:version:key`, unless the site has a function for it."""

from collections.abc import Mapping

from cache_studio.adapters.masked_names import without_session
from cache_studio.model.options import Option, OptionKind, OptionValue

PREFIX_OPTION = Option("key_prefix", OptionKind.TEXT, "Key prefix", "KEY_PREFIX of the site, to find an entry by key.")
VERSION_OPTION = Option("version", OptionKind.TEXT, "Version", "VERSION of the site, to find an entry by key.", "1")
KEY_OPTIONS = (PREFIX_OPTION, VERSION_OPTION)

_KINDS = (
    ("views.decorators.cache.cache_page.", "page"),
    ("views.decorators.cache.cache_header.", "page header"),
    ("template.cache.", "template fragment"),
    ("django.contrib.sessions.", "session"),
)
"""How the keys of Django's own parts begin."""


def made_key(key: str, options: Mapping[str, OptionValue]) -> str:
    """The key as Django stores it, by the options of the target."""
    return f"{options.get('key_prefix') or ''}:{options.get('version') or '1'}:{key}"


def split_key(made: str) -> tuple[str, str, str] | None:
    """Prefix, version and key of a stored key; None where a site makes its keys otherwise."""
    prefix, first, rest = made.partition(":")
    version, second, key = rest.partition(":")
    return (prefix, version, key) if first and second and version.isdecimal() else None


def shown_place(made: str) -> tuple[str, str]:
    """Namespace (`prefix:version`) and key of a stored key; the whole is the key where a site makes it otherwise."""
    parts = split_key(made)
    return ("", without_session(made)) if parts is None else (f"{parts[0]}:{parts[1]}", without_session(parts[2]))


def kind_of(key: str) -> str:
    """Which part of Django stored the entry, "" where a site's own code did."""
    return next((kind for start, kind in _KINDS if key.startswith(start)), "")
