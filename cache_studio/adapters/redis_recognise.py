"""Which formats a server holds, told from the names of at most a thousand keys and a few values."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Protocol, cast

from cache_studio.adapters.base import Certainty
from cache_studio.adapters.redis_options import KEYS_FORMAT, RESPONSE_FORMAT, RESPONSE_META, bytes_of, glob_of, text_of
from cache_studio.adapters.redis_signatures import library_answers

SAMPLE = 1000
_CALLS = 50
_VALUES = 5
_PEEK = 4096
_RESPONSE = re.compile(rf"(.*?:)([0-9a-f]{{64}})({RESPONSE_META})?", re.DOTALL)
_RESPONSE_FIELDS = ("content", "provider_used", "request_id")
_PREFIXES = 3


class Asking(Protocol):
    """The part of a link that recognising needs."""

    def ask(self, *command: object) -> object:
        """One answer."""

    def bracketed(self, commands: Sequence[tuple[object, ...]]) -> list[object]:
        """Answers of reads that are not to falsify the hit rate."""


def recognise_keys(link: Asking, prefix: str) -> list[dict[str, object]]:
    """What lies under a prefix, surest first: each `format`, `certainty`, `options`, `note`, `places`."""
    keys = _sample(link, prefix)
    answers = [*_responses(link, keys), *library_answers(link, keys), *_plain(keys, prefix)]
    return sorted(answers, key=lambda answer: answer["certainty"] != Certainty.SURE)


def _sample(link: Asking, prefix: str) -> list[str]:
    cursor, found = b"0", dict[str, None]()
    for _call in range(_CALLS):
        answer = cast(list[object], link.ask("SCAN", cursor, "MATCH", glob_of(prefix), "COUNT", SAMPLE))
        cursor = cast(bytes, answer[0])
        found |= dict.fromkeys(text_of(name) for name in cast(list[bytes], answer[1]))
        if cursor == b"0" or len(found) >= SAMPLE:
            break
    return list(found)[:SAMPLE]


def _responses(link: Asking, keys: Sequence[str]) -> list[dict[str, object]]:
    heads: dict[str, list[str]] = {}
    twins: Counter[str] = Counter()
    for key in keys:
        found = _RESPONSE.fullmatch(key)
        if found is None or found.group(1).endswith("processing:"):
            continue
        heads.setdefault(found.group(1), [])
        if found.group(3):
            twins[found.group(1)] += 1
        else:
            heads[found.group(1)].append(key)
    answers = []
    for prefix, members in heads.items():
        fits = any(_is_response(link, key) for key in members[:_VALUES])
        if not fits and not twins[prefix]:
            continue
        sure = bool(fits and twins[prefix]) or (fits and prefix.endswith(":cache:"))
        note = f"{len(members)} responses and {twins[prefix]} {RESPONSE_META} twins among {len(keys)} keys looked at."
        certainty = Certainty.SURE if sure else Certainty.LOOK
        answers.append(_answer(RESPONSE_FORMAT, certainty, {"prefix": prefix}, note))
    return answers


def _is_response(link: Asking, key: str) -> bool:
    value = link.bracketed([("GETRANGE", bytes_of(key), 0, _PEEK - 1)])[0]
    if not isinstance(value, bytes) or not value.lstrip().startswith(b"{"):
        return False
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return len(value) == _PEEK and any(f'"{name}"'.encode() in value for name in _RESPONSE_FIELDS)
    return isinstance(found, dict) and any(name in found for name in _RESPONSE_FIELDS)


def _plain(keys: Sequence[str], prefix: str) -> list[dict[str, object]]:
    whole = f"All keys under {prefix}" if prefix else "All keys of this database"
    answers = [_answer(KEYS_FORMAT, Certainty.LOOK, {"prefix": prefix} if prefix else {}, whole + ".")]
    if prefix:
        return answers
    heads = Counter(key.partition(":")[0] + ":" for key in keys if ":" in key)
    for head, count in heads.most_common(_PREFIXES):
        note = f"{count} of {len(keys)} keys looked at begin with this prefix."
        answers.append(_answer(KEYS_FORMAT, Certainty.LOOK, {"prefix": head}, note))
    return answers


def _answer(name: str, certainty: Certainty, options: dict[str, str], note: str) -> dict[str, object]:
    return {"format": name, "certainty": certainty.value, "options": options, "note": note, "places": []}
