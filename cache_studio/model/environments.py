"""Environments: what a server is for, so that nobody takes production for their own machine."""

from enum import StrEnum

from cache_studio.model.targets import Target


class Environment(StrEnum):
    """The mark of a remembered server; NONE where nobody gave one and none is certain."""

    NONE = "none"
    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


def guessed_environment(target: Target) -> Environment:
    """What is certain without asking: a server on this machine is for development. Files have no environment."""
    return Environment.DEVELOPMENT if target.is_url and target.is_local else Environment.NONE


def environment_named(name: str) -> Environment | None:
    """The environment that a profile names; None for "" (nobody chose) and for what is none."""
    return Environment(name) if name in set(Environment) else None


def starts_writable(target: Target, environment: Environment) -> bool:
    """Whether a cache that nobody decided about may be changed: not in production, not on another host."""
    return target.is_local and environment is not Environment.PRODUCTION
