"""What the driver raises, as one sentence and a hint."""

import re
import ssl

from redis import exceptions as raised

from cache_studio.adapters.redis_options import Place
from cache_studio.adapters.redis_way_errors import explain_way
from cache_studio.model.errors import CacheStudioError, CacheUnavailable, UnsupportedAction

_ASK_RIGHT = "Ask the administrator of the server for that right."
# The first pattern that is found in the server's or the driver's words decides; %s is the place.
_SENTENCES = (
    (
        r"NOAUTH|Authentication required",
        "The server at %s wants a password.",
        "Write redis://user:password@host:6379/0.",
    ),
    (
        r"WRONGPASS|invalid password|invalid username|AUTH .*without any password",
        "The server at %s does not accept this user or password.",
        "Check the password; without a user name it is the one of “default”.",
    ),
    (r"LOADING|loading the dataset", "The server at %s is still loading its data.", "Try again in a moment."),
    (r"DB index|invalid DB|Invalid Database", "The server at %s has no database of this number.", "Most have 0 to 15."),
    (r"READONLY|read only replica", "The server at %s is a replica and takes no changes.", "Attach its primary."),
    (r"OOM|maxmemory", "The server at %s has no memory left for this.", "Raise maxmemory or remove something else."),
    (r"MISCONF", "The server at %s refuses changes: it cannot save its data.", "Look at the server's log and disk."),
    (r"MASTERDOWN", "The server at %s has lost its primary.", "Wait until it is back, or attach another one."),
    (
        r"ClusterDownError|cluster is down",
        "The cluster at %s is down: some of its slots are served by nobody.",
        "A node is missing; see CLUSTER INFO on another one.",
    ),
    (r"TryAgainError", "The cluster at %s is moving these keys to another node.", "Try again in a moment."),
    (
        r"MovedError|AskError|CrossSlotError|non local key",
        "The server at %s is a node of a cluster and does not hold this key alone.",
        "Write redis+cluster:// in place of redis:// to see all nodes.",
    ),
    (
        r"cluster support disabled",
        "The server at %s stands alone, it is no node of a cluster.",
        "Write redis:// in place of redis+cluster://.",
    ),
    (
        r"No Sentinel answers",
        "No Sentinel answers that could lead to %s.",
        "Start one, or check host and port; Sentinels listen at 26379.",
    ),
    (
        r"No Sentinel knows the name",
        "The Sentinels do not know %s.",
        "Check the name of the service in the URL: redis+sentinel://host:26379/name/0.",
    ),
    (r"No Sentinel knows", "%s has no primary at the moment.", "The Sentinels may be choosing one; try again."),
    (
        r"(?i)certificate|hostname mismatch|SSL|WRONG_VERSION_NUMBER|TLS",
        "No safe connection to %s: its certificate or TLS is not accepted.",
        "Give the authority's file as option ca, or use redis:// where the server speaks no TLS.",
    ),
    (
        r"max number of clients",
        "The server at %s takes no more connections.",
        "Close other clients or raise maxclients.",
    ),
    (r"refused|Error 111|Error 61", "No server answers at %s.", "Start redis-server there, or check host and port."),
    (r"Name or service|getaddrinfo|Error -[235]|nodename", "The host of %s is not known.", "Check the host name."),
    (r"No such file|Error 2 ", "There is no socket %s.", "Check the path, or start the server."),
    (r"Permission denied|Error 13", "The socket %s may not be used by you.", "Ask for the right to write to it."),
)


def missing_right(error: Exception) -> str:
    """The command that an ACL refuses, in capitals; "key" for a key outside the user's patterns, else ""."""
    text = str(error)
    found = re.search(r"no permissions to run the '?([^' ]+)'? command", text)
    if found:
        return found.group(1).replace("|", " ").upper()
    return "key" if "no permission" in text.lower() else ""


def explain(error: Exception, place: Place) -> CacheStudioError:
    """The error that leaves the adapter; the original goes along as its cause at the `raise`."""
    if isinstance(error, CacheStudioError):
        return error
    right = missing_right(error)
    if right == "key":
        return UnsupportedAction("The user may not touch this key.", _ASK_RIGHT)
    if right:
        return UnsupportedAction(f"The user may not run {right} on this server.", _ASK_RIGHT)
    if isinstance(error, raised.TimeoutError | TimeoutError):
        return CacheUnavailable(
            f"The server at {place} does not answer.", f"It was given {place.timeout:g} s; it may be frozen or busy."
        )
    # The driver cuts off the first word of what a cluster says; the name of the error has it.
    named = isinstance(error, ssl.SSLError | raised.ClusterError | raised.AskError)
    text = f"{type(error).__name__} {error}" if named else str(error)
    if way := explain_way(text, place):
        return way
    for pattern, sentence, hint in _SENTENCES:
        if re.search(pattern, text):
            return CacheUnavailable(sentence % place, hint)
    if isinstance(error, raised.ResponseError):
        return CacheUnavailable(f"The server at {place} refused: {text}.", "Look at the server's log.")
    return CacheUnavailable(f"The connection to {place} broke.", "See whether the server still runs, then refresh.")
