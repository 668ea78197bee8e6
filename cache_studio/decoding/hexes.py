"""Bytes as the lines of a hex view."""

WIDTH = 16


def hex_lines(data: bytes, start: int = 0) -> list[str]:
    """Lines of offset, 16 bytes and their letters; `start` is the offset of the first byte in the whole value.

    `0000001a  48 65 6c 6c 6f ...  |Hello...|`; what is no ASCII letter is a dot, so that a line is safe to show.
    """
    lines = []
    for at in range(0, len(data), WIDTH):
        part = data[at : at + WIDTH]
        left, right = part[: WIDTH // 2].hex(" "), part[WIDTH // 2 :].hex(" ")
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{start + at:08x}  {left:<23}  {right:<23}  |{letters}|")
    return lines
