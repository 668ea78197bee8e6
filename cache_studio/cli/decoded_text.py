"""What a value decodes to, as lines of text and as JSON."""

from typing import Any

from cache_studio.decoding.decoded import Decoded
from cache_studio.decoding.nodes import Node
from cache_studio.model.visible import visible


def decoded_lines(decoded: Decoded, depth: int = 1) -> list[str]:
    """The value as a tree or text, or the facts of a picture or sound; empty for bytes of no known kind."""
    indent = "  " * depth
    if decoded.tree is not None:
        return tree_lines(decoded.tree, depth)
    if decoded.text is not None:
        return [indent + visible(line) for line in decoded.text.splitlines()]
    if decoded.image is not None:
        return [f"{indent}{decoded.image.format} picture, {decoded.image.width} x {decoded.image.height}"]
    if decoded.audio is not None:
        audio = decoded.audio
        return [f"{indent}{audio.format} sound, {audio.channels} channels, {audio.rate} Hz, {audio.seconds:.2f} s"]
    return []


def tree_lines(root: Node, depth: int) -> list[str]:
    """A line a node, two spaces a level; every line is plain text."""
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


def decoded_object(decoded: Decoded) -> dict[str, Any]:
    """The value for `--format json`."""
    return {
        "chain": list(decoded.chain),
        "text": decoded.text,
        "tree": None if decoded.tree is None else _node_object(decoded.tree),
        "calls_not_made": list(decoded.calls),
        "warnings": list(decoded.warnings),
        "problem": decoded.problem or None,
    }


def _node_object(root: Node) -> dict[str, Any]:
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
