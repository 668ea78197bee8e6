"""The result of decoding: what the viewer shows. Crosses from the child as plain lists."""

from dataclasses import dataclass, field, fields, replace

from cache_studio.decoding.nodes import Node

LONGEST_TEXT = 1_000_000
"""Characters of `Decoded.text`."""


@dataclass(frozen=True, slots=True)
class Image:
    """Facts of a picture from its header; `data` are the bytes to draw, None when it is cut or too big to draw."""

    format: str
    width: int
    height: int
    data: bytes | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Audio:
    """Facts of a WAV and its waveform: up to 600 (lowest, highest) pairs from -1 to 1, over all channels."""

    format: str
    channels: int
    rate: int
    bits: int
    seconds: float
    waveform: tuple[tuple[float, float], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What stored bytes hold.

    `chain` names the layers from the outside ("zlib", "pickle"); empty for bytes of no known kind. `text` is pretty
    JSON or the text itself, control and bidi characters as they are (the viewer escapes them), at most LONGEST_TEXT
    of the `text_length` characters there are. `calls` are the calls of a pickle that were not made, in order, those
    that only build well-known values (dates, sets...) left out.
    `problem` is one line with a byte offset when the value is broken; what was read until there is in `tree` or
    `text`. `trailing` counts bytes after the end of the value. `content` is the value as it was read, for views of it;
    it stays in the process that decoded.
    """

    chain: tuple[str, ...] = ()
    tree: Node | None = None
    text: str | None = None
    text_length: int = 0
    image: Image | None = None
    audio: Audio | None = None
    calls: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: str = ""
    trailing: int = 0
    content: object = field(default=None, repr=False, compare=False)

    def under(self, layer: str, *warnings: str) -> "Decoded":
        """The same inside one more layer, with what there is to say about that."""
        return replace(self, chain=(layer, *self.chain), warnings=(*warnings, *self.warnings))

    def showing(self, text: str, length: int | None = None) -> "Decoded":
        """The same with as much of the text as is shown; `length` is that of the whole text if this is a part."""
        return replace(self, text=text[:LONGEST_TEXT], text_length=len(text) if length is None else length)

    def to_list(self) -> list[object]:
        """For the wire."""
        flat = {name: getattr(self, name) for name in _crossing()}
        flat["tree"] = self.tree and self.tree.to_list()
        flat["image"] = self.image and [getattr(self.image, part.name) for part in fields(Image)]
        flat["audio"] = self.audio and [getattr(self.audio, part.name) for part in fields(Audio)]
        return list(flat.values())

    @classmethod
    def from_list(cls, values: list[object]) -> "Decoded":
        """The result of `to_list`, as it arrives from the wire (tuples have become lists)."""
        flat = dict(zip(_crossing(), values, strict=True))
        for name in ("chain", "calls", "warnings"):
            flat[name] = tuple(_listed(flat[name]))
        flat["tree"] = Node.from_list(_listed(flat["tree"])) if flat["tree"] else None
        flat["image"] = Image(*_listed(flat["image"])) if flat["image"] else None
        flat["audio"] = _audio(_listed(flat["audio"])) if flat["audio"] else None
        return cls(**flat)  # type: ignore[arg-type]


def _crossing() -> list[str]:
    return [part.name for part in fields(Decoded) if part.name != "content"]


def _audio(values: list[object]) -> Audio:
    audio = Audio(*values)  # type: ignore[arg-type]
    return replace(audio, waveform=tuple((low, high) for low, high in audio.waveform))


def _listed(value: object) -> list:  # type: ignore[type-arg]
    assert isinstance(value, list)
    return value
