"""What goes wrong on the way to a server, in TLS or in ssh, as one sentence and a hint."""

import os
import re

from cache_studio.adapters.redis_options import Place
from cache_studio.model.errors import CacheUnavailable

SSH_SAID = "ssh:"
"""How an error begins that repeats the last words of ssh."""

# The first pattern that is found in the words of the TLS library decides.
_TLS = (
    (
        r"(?i)WRONG_VERSION_NUMBER|record layer failure",
        "What answers at {place} speaks no TLS, so no certificate was seen.",
        "Give the port for TLS, or use redis:// where nobody else is on the way.",
    ),
    (
        r"(?i)mismatch, certificate|hostname mismatch|not valid for",
        "The certificate of the server at {place} is for another name.",
        "Write the host as it stands in the certificate.",
    ),
    (
        r"(?i)certificate has expired|not yet valid",
        "The certificate of the server at {place} is out of date.",
        "Have it renewed, and see whether the clock of this machine is right.",
    ),
    (
        r"(?i)certificate verify failed|CERTIFICATE_VERIFY_FAILED",
        "The certificate of the server at {place} is not signed by {authority}.",
        "Give the file of the authority that signed it as option ca.",
    ),
    (
        r"KEY_VALUES_MISMATCH",
        "The client certificate {cert} and its key do not belong together.",
        "Give the key that was made for it as option key.",
    ),
    (
        r"(?i)PEM lib|NO_CERTIFICATE_OR_CRL|NO_START_LINE|BAD_BASE64|not enough data|\[X509|\[PEM",
        "A certificate or key is not readable: {files}.",
        "Each is a PEM file; a key that lies in a file of its own is given as option key.",
    ),
    (
        r"(?i)EOF occurred in violation|alert|certificate required|bad certificate",
        "The server at {place} broke the TLS off: it wants the certificate of a client, or another one.",
        "Give a certificate that its authority signed as options cert and key.",
    ),
)
_SSH = (
    (
        r"program cannot be started",
        "There is no ssh program on this machine that could lead to {place}.",
        "Install the OpenSSH client, or leave the option ssh out.",
    ),
    (
        r"Permission denied|Too many authentication failures",
        "ssh is not let in at {ssh}: none of the keys it shows is accepted.",
        "It must come in there without a question: name the right user, and have the key in an agent.",
    ),
    (
        r"Host key verification failed|REMOTE HOST IDENTIFICATION",
        "ssh does not trust {ssh}: its host key is not known, or another one than before.",
        "Connect there by hand once and compare the fingerprint.",
    ),
    (r"Could not resolve", "The SSH host of {ssh} is not known.", "Check its name."),
    (r"connect to host .*refused", "No SSH server answers at {ssh}.", "Check host and port."),
    (r"connect to host|timed out", "The SSH server at {ssh} does not answer.", "Check host and port, and the network."),
    (
        r"forwarding failed|open failed|prohibited",
        "From {ssh} no server is reached at {place}.",
        "Write host and port as they are seen from there; its sshd must allow forwarding, too.",
    ),
    (r"", "ssh did not lead through {ssh}: {said}.", "Try the same ssh by hand."),
)


def explain_way(text: str, place: Place) -> CacheUnavailable | None:
    """The sentence for what the driver says of the way to the server; None where it says nothing of it."""
    if text.startswith(SSH_SAID):
        return _first(_SSH, text, place, said=text.removeprefix(SSH_SAID).strip().rstrip("."))
    if not place.is_tls:
        return None
    files = [file for file in (place.ca, place.cert, place.key) if file]
    missing = [file for file in files if not os.path.exists(file)]
    if missing and re.search(r"No such file|Error 2 ", text):
        return CacheUnavailable(f"There is no file {missing[0]}, which TLS is to use.", "Check the path.")
    return _first(_TLS, text, place, said="", files=", ".join(files))


def _first(table: tuple[tuple[str, str, str], ...], text: str, place: Place, **named: str) -> CacheUnavailable | None:
    authority = f"the authority in {place.ca}" if place.ca else "an authority that this machine knows"
    named |= {"place": str(place), "ssh": place.ssh, "cert": place.cert, "authority": authority}
    for pattern, sentence, hint in table:
        if re.search(pattern, text):
            return CacheUnavailable(sentence.format_map(named), hint)
    return None
