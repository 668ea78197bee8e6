"""How an attached Redis is opened, be it one server or a cluster, and what lies there."""

from collections.abc import Mapping
from contextlib import closing

from cache_studio.adapters.redis_cluster import ClusterLink
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_options import LINK_OPTIONS, bytes_of, place_of
from cache_studio.adapters.redis_recognise import recognise_keys
from cache_studio.adapters.redis_server_link import ServerLink
from cache_studio.model.options import OptionValue, read_options
from cache_studio.model.targets import Target


def open_link(target: Target, options: Mapping[str, OptionValue], probe_key: bytes) -> Link:
    """Connect to the place of a target; `probe_key` lies under the attached prefix and is used by nobody."""
    place = place_of(target, options)
    return ClusterLink(place, probe_key) if place.is_cluster else ServerLink(place, probe_key)


def recognise_url(target: Target) -> list[dict[str, object]]:
    """What lies at a URL, surest first: each `format`, `certainty`, `options`, `note`; looks at 1000 keys at most.

    CacheUnavailable when no server answers.
    """
    names = {option.name for option in LINK_OPTIONS}
    options = read_options(LINK_OPTIONS, {name: text for name, text in target.options.items() if name in names})
    prefix = target.options.get("prefix", "")
    with closing(open_link(target, options, bytes_of(prefix + "cache-studio-probe"))) as link, link.call():
        return recognise_keys(link, prefix)
