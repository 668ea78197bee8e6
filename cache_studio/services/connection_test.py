"""Tries a connection before anything is attached: what answers, how fast, and what its user may do."""

from dataclasses import dataclass

from cache_studio.model.capabilities import ABILITY_WORDS, Ability
from cache_studio.model.errors import BadRequest
from cache_studio.model.targets import Target
from cache_studio.services.whereabouts import whereabouts

WORDS = (*ABILITY_WORDS[1:], ("hit rate", Ability.HIT_RATE))
"""What is told of the user: the word and the ability; listing needs the same as reading."""
_MODES = {"replica": "It is a replica and takes no changes.", "cluster": "It is part of a cluster."}


@dataclass(frozen=True, slots=True)
class Allowed:
    """One thing that the user may do or may not do."""

    what: str
    allowed: bool
    reason: str
    """Why not, a full sentence; "" for what is allowed."""


@dataclass(frozen=True, slots=True)
class Report:
    """A connection that works. What the server does not tell is ""."""

    where: str
    """Host, database and the way there."""
    server: str
    mode: str
    """standalone, replica or cluster."""
    user: str
    tls: bool
    verified: bool
    ping_ms: float
    abilities: tuple[Allowed, ...]


def try_connection(target: Target) -> Report:
    """Connect to the server of a target and leave again; it may block for as long as the target's timeouts.

    BadRequest for a target that makes no sense or is no server; CacheUnavailable with a sentence and a hint for
    everything that keeps us from attaching it.
    """
    if not target.is_url:
        raise BadRequest("Only a server has a connection to be tested.", "For a path `stats` says what is in it.")
    from cache_studio.adapters.redis_probe import probe  # loads the driver

    found = probe(target)
    return Report(
        where=whereabouts(target),
        server=found.server,
        mode=found.mode,
        user=found.user,
        tls=found.tls,
        verified=found.verified,
        ping_ms=found.ping_ms,
        abilities=tuple(
            Allowed(what, found.capabilities.can(ability), found.capabilities.why_not(ability))
            for what, ability in WORDS
        ),
    )


def report_lines(report: Report) -> list[str]:
    """What a connection that works is told as: one sentence a line."""
    server = report.server or "a server that does not tell its version"
    lines = [f"Connected to {server} as user “{report.user}”, {report.ping_ms:.2g} ms for a round trip."]
    if report.mode in _MODES:
        lines.append(_MODES[report.mode])
    if report.tls:
        checked = "the server is the one it says it is" if report.verified else "who answers is NOT checked"
        lines.append(f"Encrypted by TLS; {checked}.")
    allowed = [one.what for one in report.abilities if one.allowed]
    lines.append(f"The user may: {', '.join(allowed)}." if allowed else "The user may do nothing here.")
    lines += [f"Not {one.what}: {one.reason}" for one in report.abilities if not one.allowed]
    return lines
