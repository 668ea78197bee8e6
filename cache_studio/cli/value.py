"""One entry with its value, as text and as JSON."""

from typing import Any

from cache_studio.cli.decoded_text import decoded_lines, decoded_object
from cache_studio.cli.views_text import view_lines, view_objects
from cache_studio.decoding.views.lines import Prices
from cache_studio.model.entries import Entry, entry_object
from cache_studio.model.visible import visible
from cache_studio.services.show import Shown, ShownPiece


def entry_json(entry: Entry, value: Shown, now: float, prices: Prices) -> dict[str, Any]:
    """The entry as `list` has it, with `facts` and `values`."""
    return {
        **entry_object(entry, now),
        "facts": [{"name": fact.name, "value": fact.value, "source": fact.source.value} for fact in value.facts],
        "values": [_piece_json(piece, now, prices) for piece in value.pieces],
    }


def entry_tree(entry: Entry, value: Shown, now: float, prices: Prices) -> str:
    """Facts, then each value: what it is, and as a tree; every line is plain text."""
    lines = [f"{name}: {visible(str(fact))}" for name, fact in entry_object(entry, now).items() if fact is not None]
    lines += [f"{fact.name}: {visible(fact.value)} ({fact.source})" for fact in value.facts]
    for found in value.pieces:
        seen = view_lines(found.views, now, prices)
        lines += ["", f"{found.piece.name} ({_kind(found)})", *seen, *(["  as stored"] if seen else [])]
        lines += _piece_lines(found)
    return "\n".join(lines)


def _kind(found: ShownPiece) -> str:
    cut = f", first {len(found.piece.data):,} of" if found.piece.total > len(found.piece.data) else ","
    return f"{' in '.join(reversed(found.decoded.chain)) or 'bytes'}{cut} {found.piece.total:,} bytes"


def _piece_lines(found: ShownPiece) -> list[str]:
    decoded = found.decoded
    lines = [f"! {visible(text)}" for text in (found.piece.problem, decoded.problem, *decoded.warnings) if text]
    lines += [f"! call, not made: {visible(text)}" for text in decoded.calls]
    lines += decoded_lines(decoded)
    return lines or ["  " + found.piece.data[:64].hex(" ")]


def _piece_json(found: ShownPiece, now: float, prices: Prices) -> dict[str, Any]:
    shown = decoded_object(found.decoded)
    return {
        "name": found.piece.name,
        "bytes": found.piece.total,
        **shown,
        "problem": found.piece.problem or shown["problem"],
        **view_objects(found.views, now, prices),
    }
