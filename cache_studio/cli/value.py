"""One entry with its value, as text and as JSON."""

from typing import Any

from cache_studio.decoding.nodes import Node
from cache_studio.model.entries import Entry, entry_object
from cache_studio.model.visible import visible
from cache_studio.services.show import Shown, ShownPiece


def entry_json(entry: Entry, value: Shown, now: float) -> dict[str, Any]:
    """The entry as `list` has it, with `facts` and `values`."""
    return {
        **entry_object(entry, now),
        "facts": [{"name": fact.name, "value": fact.value, "source": fact.source.value} for fact in value.facts],
        "values": [_piece_json(piece) for piece in value.pieces],
    }


def entry_tree(entry: Entry, value: Shown, now: float) -> str:
    """Facts, then each value as a tree; every line is plain text."""
    lines = [f"{name}: {visible(str(fact))}" for name, fact in entry_object(entry, now).items() if fact is not None]
    lines += [f"{fact.name}: {visible(fact.value)} ({fact.source})" for fact in value.facts]
    for found in value.pieces:
        lines += ["", f"{found.piece.name} ({_kind(found)})", *_piece_lines(found)]
    return "\n".join(lines)


def _kind(found: ShownPiece) -> str:
    cut = f", first {len(found.piece.data):,} of" if found.piece.total > len(found.piece.data) else ","
    return f"{' in '.join(reversed(found.decoded.chain)) or 'bytes'}{cut} {found.piece.total:,} bytes"


def _piece_lines(found: ShownPiece) -> list[str]:
    decoded = found.decoded
    lines = [f"! {visible(text)}" for text in (found.piece.problem, decoded.problem, *decoded.warnings) if text]
    lines += [f"! call, not made: {visible(text)}" for text in decoded.calls]
    if decoded.tree is not None:
        lines += _tree_lines(decoded.tree, 1)
    elif decoded.text is not None:
        lines += ["  " + visible(line) for line in decoded.text.splitlines()]
    elif decoded.image is not None:
        lines.append(f"  {decoded.image.format} picture, {decoded.image.width} x {decoded.image.height}")
    elif decoded.audio is not None:
        audio = decoded.audio
        lines.append(f"  {audio.format} sound, {audio.channels} channels, {audio.rate} Hz, {audio.seconds:.2f} s")
    elif not lines:
        lines.append("  " + found.piece.data[:64].hex(" "))
    return lines


def _tree_lines(root: Node, depth: int) -> list[str]:
    lines = []
    waiting = [(root, depth)]
    while waiting:
        node, level = waiting.pop()
        head = f"{visible(node.key)}: " if node.key else ""
        text = visible(node.text) or (f"{node.kind}, {node.count}" if node.count else node.kind)
        note = f"  ({visible(node.note)})" if node.note else ""
        lines.append("  " * level + head + text + note)
        waiting += [(child, level + 1) for child in reversed(node.children)]
    return lines


def _piece_json(found: ShownPiece) -> dict[str, Any]:
    decoded = found.decoded
    return {
        "name": found.piece.name,
        "bytes": found.piece.total,
        "chain": list(decoded.chain),
        "text": decoded.text,
        "tree": None if decoded.tree is None else _node_json(decoded.tree),
        "calls_not_made": list(decoded.calls),
        "warnings": list(decoded.warnings),
        "problem": found.piece.problem or decoded.problem or None,
    }


def _node_json(root: Node) -> dict[str, Any]:
    def plain(node: Node) -> dict[str, Any]:
        return {"kind": node.kind, "key": node.key, "text": node.text, "note": node.note, "children": []}

    top = plain(root)
    waiting = [(root, top)]
    while waiting:
        node, made = waiting.pop()
        for child in node.children:
            made["children"].append(plain(child))
            waiting.append((child, made["children"][-1]))
    return top
