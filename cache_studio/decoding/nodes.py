"""The tree in which a value is shown, and what it may grow to."""

from collections.abc import Iterator
from dataclasses import dataclass, field

KINDS = (
    "object", "list", "tuple", "set", "string", "number", "bool", "null", "bytes", "datetime", "array",
    "call", "class", "reference", "more", "error",
)  # fmt: skip
"""What a node can be. "call" was NOT made; "reference" says which node it is the same as; "more" stands for what is
not shown."""

DEEPEST = 40
MOST_CHILDREN = 1_000


@dataclass(slots=True)
class Node:
    """One line of the tree: `key` is how its parent calls it, `text` what is shown, `count` how many children the
    value has (more than `children` when not all are shown), `note` a remark of a few words."""

    kind: str
    key: str = ""
    text: str = ""
    note: str = ""
    count: int = 0
    children: list["Node"] = field(default_factory=list)

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, as shown from top to bottom."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def to_list(self) -> list[list[object]]:
        """Flat, for the wire: a row a node as `walk` goes, the last column how many rows are its children."""
        return [[node.kind, node.key, node.text, node.note, node.count, len(node.children)] for node in self.walk()]

    @classmethod
    def from_list(cls, rows: list[list[object]]) -> "Node":
        """The tree of `to_list`."""
        open_nodes: list[tuple[Node, int]] = []
        root: Node | None = None
        for kind, key, text, note, count, children in rows:
            assert isinstance(count, int)
            assert isinstance(children, int)
            node = cls(str(kind), str(key), str(text), str(note), count)
            while open_nodes and len(open_nodes[-1][0].children) == open_nodes[-1][1]:
                open_nodes.pop()
            if open_nodes:
                open_nodes[-1][0].children.append(node)
            root = root or node
            open_nodes.append((node, children))
        assert root is not None
        return root


class Growth:
    """What is left of the nodes and characters one tree may have."""

    LONGEST = 10_000

    def __init__(self, nodes: int = 20_000, characters: int = 2_000_000) -> None:
        self.nodes = nodes
        self.characters = characters

    def room_for(self, count: int) -> int:
        """How many of `count` children may be shown; they are taken off."""
        shown = max(0, min(count, MOST_CHILDREN, self.nodes))
        self.nodes -= shown
        return shown

    def cut(self, text: str) -> tuple[str, str]:
        """The text as far as it may be shown, and the note that says how long it is when it was cut."""
        longest = max(0, min(self.LONGEST, self.characters))
        self.characters -= min(len(text), longest)
        if len(text) <= longest:
            return text, ""
        return text[:longest], f"first {longest:,} of {len(text):,} characters"

    def string(self, text: str, key: str) -> Node:
        """A node of text."""
        shown, note = self.cut(text)
        return Node("string", key, shown, note)

    def binary(self, data: bytes, key: str) -> Node:
        """A node of bytes: the first of them in hex."""
        shown = data[:32].hex(" ")
        return Node("bytes", key, shown + (" ..." if len(data) > 32 else ""), f"{len(data):,} bytes")


def more(count: int, what: str = "more") -> Node:
    """The node that stands for `count` children that are not shown."""
    return Node("more", "", f"{count:,} {what}", count=count)
