"""Text: UTF-8, UTF-16 by its mark or its zeros, and Latin-1 as the last guess."""

import codecs

from cache_studio.decoding.decoded import Decoded

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")
_HEAD = 4096


def marks_of(data: bytes, encoding: str) -> list[str]:
    """What is unusual about the encoding of a text, as warnings."""
    warnings = (
        ["BOM: a byte order mark stands before the text."] if data.startswith(tuple(m for m, _ in _MARKS)) else []
    )
    if encoding.replace("-sig", "") not in ("utf-8", "ascii"):
        warnings.append(f"The text is {encoding.upper()}.")
    return warnings


def encoding_of(data: bytes) -> str:
    """The likely encoding of `data`; empty if it does not look like text. A cut last character is no fault."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    head = data[:_HEAD]
    if not head:
        return "utf-8"
    zeros = head.count(0)
    if zeros:
        if zeros >= len(head) * 0.4 and len(data) % 2 == 0:
            wide = "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
            if _decodes(data, wide) and not _controls(head.decode(wide, "replace").encode("utf-8", "replace")):
                return wide
        return ""
    if _controls(head) > len(head) * 0.02:
        return ""
    if _decodes(data, "utf-8"):
        return "utf-8"
    high = sum(byte >= 0xA0 for byte in head)
    c1 = sum(0x80 <= byte < 0xA0 for byte in head)
    return "latin-1" if not c1 and high < len(head) * 0.3 else ""


def decode_text(data: bytes, encoding: str = "") -> Decoded:
    """Data as text, whatever it is; what cannot be decoded is replaced and told."""
    encoding = encoding or encoding_of(data) or "utf-8"
    problem = ""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        text = data.decode(encoding, "replace")
        if error.start < len(data) - 4:
            problem = f"At byte {error.start:,}: no {encoding.upper()}."
    return Decoded(("text",), warnings=tuple(marks_of(data, encoding)), problem=problem).showing(text)


def _controls(head: bytes) -> int:
    return sum(byte in _CONTROL for byte in head)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start >= len(data) - 3 and len(data) > 3
    return True
