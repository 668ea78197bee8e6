"""Plain Redis: every key under a prefix is an entry, namespaces are told by a separator."""

from cache_studio.adapters.base import NOT_RECOGNISED, Format, Recognition
from cache_studio.adapters.redis_options import KEYS_FORMAT, LINK_OPTIONS, SCHEMES
from cache_studio.adapters.sight import Sight
from cache_studio.model.capabilities import Ability
from cache_studio.model.options import Option, OptionKind

PREFIX_OPTION = Option("prefix", OptionKind.TEXT, "Prefix", "Literal start of the keys; empty for all of the database.")
SEPARATOR_OPTION = Option("separator", OptionKind.TEXT, "Separator", "What divides the parts of a key.", ":")
ACCESSED_OPTION = Option(
    "accessed",
    OptionKind.CHOICE,
    "Last use",
    "Whether the server is asked when each key was last used.",
    "on",
    ("on", "off"),
)


def recognise(_sight: Sight) -> Recognition:
    """A path is never a Redis; URLs are recognised by `redis_opening.recognise_url`."""
    return NOT_RECOGNISED


FORMAT = Format(
    name=KEYS_FORMAT,
    title="Redis: any keys under a prefix",
    options=(PREFIX_OPTION, SEPARATOR_OPTION, ACCESSED_OPTION, *LINK_OPTIONS),
    recognise=recognise,
    adapter="cache_studio.adapters.redis_keys.adapter:RedisKeysAdapter",
    access="cache_studio.adapters.redis_keys.access:RedisKeysAccess",
    schemes=SCHEMES,
    abilities=frozenset(Ability),
)
