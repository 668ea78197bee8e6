"""What a pickle holds, as dumb objects. Plain values (None, bool, int, float, str, bytes) stand for themselves.

Nothing here hashes, compares or converts what it holds, so that no hostile nesting can bite.
"""


class Collection:
    """A list, tuple, dict, set, frozenset, bytearray or "unfinished"; `items` of a dict are key, value, key..."""

    __slots__ = ("items", "kind")

    def __init__(self, kind: str, items: list[object]) -> None:
        self.kind = kind
        self.items = items

    def pairs(self) -> list[tuple[object, object]]:
        """The keys and values of a dict, doubles included."""
        return list(zip(self.items[::2], self.items[1::2], strict=False))


class Global:
    """A name the pickle would import; it is not."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Instance:
    """A call that was NOT made: what would be called, with what, and what would be done to the result.

    `made_by` is the opcode. `states` are the arguments of BUILD, `items` what would be appended, `pairs` what would be
    set as keys (k, v, k, v...); each None until there is one.
    """

    __slots__ = ("arguments", "items", "keywords", "made_by", "pairs", "states", "target")

    def __init__(self, made_by: str, target: object, arguments: object, keywords: object = None) -> None:
        self.made_by = made_by
        self.target = target
        self.arguments = arguments
        self.keywords = keywords
        self.states: list[object] | None = None
        self.items: list[object] | None = None
        self.pairs: list[object] | None = None

    @property
    def name(self) -> str:
        """What would be called, in words."""
        return name_of(self.target)


class HugeInt:
    """An integer too long to be worth converting."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Skipped:
    """A str or bytes longer than the reader was asked to keep."""

    __slots__ = ("kind", "length")

    def __init__(self, kind: str, length: int) -> None:
        self.kind = kind
        self.length = length


class Foreign:
    """What only the owning application could fill in: a persistent id, an extension code, a buffer kept elsewhere."""

    __slots__ = ("kind", "value")

    def __init__(self, kind: str, value: object) -> None:
        self.kind = kind
        self.value = value


def name_of(target: object) -> str:
    """How the target of a call is called: its full name, or that it is itself the result of a call."""
    if isinstance(target, Global):
        return str(target)
    if isinstance(target, Instance):
        inner = target.target
        return f"what {inner} returns" if isinstance(inner, Global) else "the result of a call"
    return f"a {target.kind}" if isinstance(target, Collection) else "something that is no function"
