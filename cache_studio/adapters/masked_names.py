"""Keys that are secrets themselves, shown so that they can be told apart and not be used."""

import hashlib
import re

MASK = "•••"
"""Stands before the digest of what is masked."""
_DJANGO_SESSION = re.compile(r"(django\.contrib\.sessions\.(?:cache|cached_db))(.+)", re.DOTALL)


def masked(secret: str) -> str:
    """What is shown in place of a secret: the same for the same one, and no way back."""
    return MASK + hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def without_session(key: str) -> str:
    """A key of Django's cache; in that of a session, who knows its end is logged in."""
    session = _DJANGO_SESSION.fullmatch(key)
    return session[1] + masked(session[2]) if session else key
