"""What looks like a credential in a text that leaves the program in a file: found by one table, masked, counted."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MASK = "***"
_NAMES = "password|passwd|pwd|secret|client_secret|api_?key|apikey|access_token|refresh_token|auth_token|token"
SHAPES: Mapping[str, str] = {
    "key of an API (sk-…)": r"\bsk-[\w-]{16,}",
    "access key of AWS": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "key of Google": r"\bAIza[\w-]{35}",
    "token of GitHub": r"\b(?:gh[pousr]_\w{30,}|github_pat_\w{30,})",
    "token of Slack": r"\bxox[abeprs]-[\w-]{10,}",
    "bearer token": r"(?<=\b[Bb]earer )[\w.~+/-]{8,}=*",
    "JSON web token": r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?",
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    "named in a query": rf"(?:(?<=[?&;\s,])|^)(?P<query>(?i:{_NAMES})=)[^\s&;,\"']+",
    "named in JSON": rf"(?P<json>\"(?i:{_NAMES})\"\s*:\s*\")(?:[^\"\\]|\\.)+",
    "password in a URL": r"(?P<url>\w://[^:@/\s]*:)[^\s/]+(?=@)",
}
"""Each shape with what it is; what is in a named group is shown, all else is masked."""
MARKS = (
    "sk-", "AKIA", "ASIA", "AIza", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "xox", "earer ", "eyJ",
    "PRIVATE KEY", "=", '"', "://",
)  # fmt: skip
"""Every shape has one of these in it. Most keys have none: that is seen thirty times faster than by the expression."""
_ANY = re.compile("|".join(SHAPES.values()))


class Masking:
    """Masks what looks like a credential, and counts it."""

    def __init__(self) -> None:
        self.count = 0

    def rows(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Objects with every text in them masked."""
        return map(self.masked, rows)

    def masked(self, value: Any) -> Any:
        """A value as JSON has them, with every text in it masked."""
        match value:
            case str():
                return _ANY.sub(self._mask, value) if _is_marked(value) else value
            case Mapping():
                return {self.masked(name): self.masked(part) for name, part in value.items()}
            case list() | tuple():
                return [self.masked(part) for part in value]
        return value

    def said(self) -> str:
        """What was masked, as one sentence, or ""."""
        if not self.count:
            return ""
        looks = "1 text that looks" if self.count == 1 else f"{self.count:,} texts that look"
        return f"Masked: {looks} like a credential."

    def _mask(self, found: re.Match[str]) -> str:
        self.count += 1
        return next((shown for shown in found.groups() if shown is not None), "") + MASK


def _is_marked(text: str) -> bool:
    for mark in MARKS:  # noqa: SIM110, a generator takes three times as long
        if mark in text:
            return True
    return False
