"""Hostile text made safe to look at: what a terminal or a reader would obey is shown as an escape."""


def visible(text: str) -> str:
    """One line of text with control, bidirectional and undecodable characters as escapes."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    code = ord(sign)
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(sign) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )
