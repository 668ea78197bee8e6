"""Passwords of servers, for both faces: of this session, or of the system's keyring where a user wants that.

Each belongs to a user on a server by a scheme, so that what was given for TLS is never sent in the clear.
"""

import logging
from dataclasses import replace
from threading import Lock
from urllib.parse import urlsplit, urlunsplit

from cache_studio.config import secrets
from cache_studio.config.profiles import Profiles
from cache_studio.model.errors import BadRequest, CacheStudioError
from cache_studio.model.targets import Target, parse_target

_log = logging.getLogger(__name__)


def with_password(target: Target, password: str) -> Target:
    """The target with a password for this session."""
    return replace(target, password=password)


def wants_password(error: CacheStudioError | None) -> bool:
    """Whether a server refused for want of the right password."""
    return error is not None and ("wants a password" in error.message or "this user or password" in error.message)


def server_of(target: Target) -> str:
    """What a password is for: scheme, user, host and port, or the socket."""
    parts = urlsplit(target.location)
    return target.location if parts.scheme == "unix" else urlunsplit((parts.scheme, parts.netloc, "", "", ""))


class Passwords:
    """What is known of passwords; safe from several threads. What asks the keyring may block."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles
        self._of_session: dict[str, str] = {}
        self._lock = Lock()

    def keep_for_session(self, target: Target) -> None:
        """Know the password of this target until the program ends."""
        if target.password:
            with self._lock:
                self._of_session[server_of(target)] = target.password

    def complete(self, target: Target) -> Target:
        """The target with the password that is known for its server; a keyring that fails is logged and passed over."""
        if not target.is_url or target.password:
            return target
        server = server_of(target)
        with self._lock:
            password = self._of_session.get(server, "")
        if not password and self.is_kept(target):
            try:
                password = secrets.read_password(server)
            except CacheStudioError as error:
                _log.warning("%s", error.message)
        return with_password(target, password) if password else target

    def is_kept(self, target: Target) -> bool:
        """Whether the keyring was given the password of this target's server."""
        if not target.is_url:
            return False
        server = server_of(target)
        return any(profile.password_kept and _is_at(profile.target, server) for profile in self._profiles.all())

    def keep_in_keyring(self, target: Target) -> None:
        """Keep the password of this target for the next session too; CacheStudioError when the keyring fails."""
        if target.password:
            secrets.keep_password(server_of(target), target.password)

    def forget_in_keyring(self, target: Target) -> None:
        """Take the password of this target's server out of the keyring; CacheStudioError when the keyring fails."""
        secrets.forget_password(server_of(target))


def _is_at(text: str, server: str) -> bool:
    try:
        target = parse_target(text)
    except BadRequest:
        return False
    return target.is_url and server_of(target) == server
