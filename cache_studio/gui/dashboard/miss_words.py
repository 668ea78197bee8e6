"""Misses and their reasons in words. No widgets here."""

from collections.abc import Mapping

from cache_studio.gui.look.text import display_text, tr
from cache_studio.model.units import format_count, format_size

_KEYS = 5
_HEAD, _TAIL = 24, 32
"""Letters of a long key: most differ at their end."""
_WAYS = {
    "announced": "Changes are announced by the server.",
    "tracked": "Changes are told to a client that tracks.",
    "polled": "Changes are not told; the server is asked from time to time.",
}


def is_followed(details: Mapping[str, object]) -> bool:
    """Whether this is a cache that could tell its misses."""
    return isinstance(details.get("live"), Mapping)


def hears_misses(details: Mapping[str, object]) -> bool:
    """Whether it does so now."""
    live = details.get("live")
    return isinstance(live, Mapping) and bool(live.get("misses"))


def reason_lines(details: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """All misses, then a line a reason that has any: reason, misses, share; empty where none is heard."""
    misses = details.get("misses")
    reasons = misses.get("reasons") if isinstance(misses, Mapping) else None
    if not isinstance(misses, Mapping) or not isinstance(reasons, Mapping):
        return []
    count = misses.get("count") or 0
    named = sorted(((int(part), str(name)) for name, part in reasons.items() if part), reverse=True)
    lines = [(tr(name), format_count(part), f"{part / count * 100:.0f} %") for part, name in named]
    return [(tr("all"), format_count(count), "100 %" if count else "–"), *lines]


def key_lines(details: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """The keys that were missed most often: key, misses, reason of the last."""
    misses = details.get("misses")
    keys = misses.get("keys") if isinstance(misses, Mapping) else None
    found = [row for row in keys if isinstance(row, Mapping)] if isinstance(keys, list) else []
    return [
        (_key(str(row.get("key"))), format_count(row.get("misses")), tr(str(row.get("reason"))))
        for row in found[:_KEYS]
    ]


def miss_note(details: Mapping[str, object]) -> str:
    """How changes come, what a miss costs, and what the server itself removes: a line each."""
    live, misses = details.get("live"), details.get("misses")
    said = [tr(_WAYS.get(str(live.get("changes")), ""))] if isinstance(live, Mapping) else []
    if isinstance(live, Mapping) and live.get("note"):
        said.append(str(live["note"]))
    seconds = misses.get("seconds_per_miss") if isinstance(misses, Mapping) else None
    if isinstance(misses, Mapping) and isinstance(seconds, int | float):
        words = tr("A value is stored {seconds} s after its miss (median of {count}).")
        said.append(words.format(seconds=f"{seconds:.3g}", count=format_count(misses.get("fills"))))
    return "\n".join(part for part in [*said, _server(details)] if part)


def _key(key: str) -> str:
    return display_text(key if len(key) <= _HEAD + _TAIL else f"{key[:_HEAD]}…{key[-_TAIL:]}", 400)


def _server(details: Mapping[str, object]) -> str:
    rates = [details.get(f"server_{what}_per_second") for what in ("expired", "evicted")]
    memory, limit = details.get("server_memory"), details.get("server_memory_limit")
    said = []
    if all(isinstance(rate, int | float) for rate in rates):
        words = tr("The server expires {expired} and evicts {evicted} entries a second.")
        said.append(words.format(expired=_rate(rates[0]), evicted=_rate(rates[1])))
    if isinstance(memory, int):
        of = tr("{size} of its limit of {limit}") if isinstance(limit, int) else tr("{size}, without a limit")
        sizes = of.format(size=format_size(memory), limit=format_size(limit) if isinstance(limit, int) else "")
        said.append(tr("Its memory: {sizes}.").format(sizes=sizes))
    return " ".join(said)


def _rate(value: object) -> str:
    number = float(value) if isinstance(value, int | float) else 0.0
    return f"{number:,.0f}" if number >= 10 or number == 0 else f"{number:.1f}"
