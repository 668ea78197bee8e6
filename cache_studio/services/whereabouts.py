"""Where a cache is, in words for the box that asks before something is changed: host and database, and what is odd."""

from cache_studio.adapters.redis_options import DB_OPTION, place_of
from cache_studio.model.environments import Environment
from cache_studio.model.errors import BadRequest
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target
from cache_studio.services.attachment import Place

NOT_CHECKED = "server not checked"
"""The loud mark of a connection whose TLS believes whoever answers."""


def whereabouts(target: Target) -> str:
    """Host, database and the way there: "db.example:6379, database 0, through ssh me@host"; a path as it is."""
    if not target.is_url:
        return target.location
    hosts = target.location.partition("://")[2].rpartition("@")[2]
    try:
        place = place_of(target, read_options([DB_OPTION], {"db": target.options.get("db", "")}))
    except BadRequest:
        return hosts
    nodes = f"cluster of {hosts.replace(',', ', ')}"
    words = [nodes] if place.is_cluster else [str(place), f"database {place.db}"]
    if target.options.get("ssh"):
        words.append(f"through ssh {target.options['ssh']}")
    return ", ".join(words)


def is_unchecked(target: Target) -> bool:
    """Whether TLS is used and believes whoever answers."""
    return target.location.startswith("rediss") and target.is_url and target.options.get("verify") == "off"


def place_words(place: Place) -> str:
    """What a question before a change names: environment in capitals, host, database, and whether it is checked."""
    words = [place.environment.upper()] if place.environment is not Environment.NONE else []
    words.append(whereabouts(place.target))
    if is_unchecked(place.target):
        words.append(NOT_CHECKED)
    return ", ".join(words)


def why_read_only(place: Place) -> str:
    """Why a place is attached read-only though its files or server might allow changes; "" where it is not."""
    if place.writable:
        return ""
    if place.environment is Environment.PRODUCTION:
        return "it is in production"
    if not place.target.is_local:
        return "it is on another host"
    return "it was attached so before"
