"""Where each entry of a JSON document stands: byte spans, found in a stream and without building the document.

Two ways lead to the same spans. The quick one guesses that entries are separated as the ones before were and lets
the decoder check each guess: what begins at a known entry and decodes whole, up to a separator, is that entry. The
exact one follows strings and brackets; it is used where a guess fails. So memory stays near one entry and one chunk.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from cache_studio.model.errors import EntryNotFound

CHUNK = 1 << 19
"""Bytes read at once: small enough to stay in the processor's cache between reading and decoding."""
UNREADABLE = object()
"""Stands for a decoded value that is well delimited but that no decoder takes (nested too deeply, huge numbers)."""
_GUESSES = 4  # how often a chunk is cut anew after a wrong guess before the exact way takes the rest of it
_TEXT = rb'"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+'
_TOKEN = re.compile(_TEXT + rb'("?)|[{}\[\]]', re.DOTALL)
_SCALAR = re.compile(
    rb"(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?|true|false|null"
    rb"|NaN|-?Infinity)(?=[ \t\r\n,\]}])"  # the last two as Python writes them
)
_DELIMITER = re.compile(rb"[ \t\r\n,\]}]")
_SPACE = re.compile(rb"[ \t\r\n]*+")
_CLOSERS = {0x7B: 0x7D, 0x5B: 0x5D}  # { }  [ ]
_BOM = b"\xef\xbb\xbf"


class Fault(Exception):
    """The document is broken at byte `offset`; what was yielded before stands."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


class Member(NamedTuple):
    """One entry: a member of an object, an element of a list, or a line."""

    start: int
    """Byte offset in the file; the span ends at `start + len(text)`."""
    text: bytes | memoryview
    """The whole span, key included, separators not; a window of the chunk that was read where that saves a copy."""
    value: int
    """Where in `text` the value begins."""
    key: str | None
    """None for an element or a line."""
    decoded: object
    """What the decoder made of the value; UNREADABLE where none could."""


class Readable(Protocol):
    """An open file."""

    def read(self, size: int, /) -> bytes | None:
        """At most `size` bytes, b"" at the end."""


class _Short(Exception):
    """The buffer ends before the token does."""


def pointer_parts(pointer: str) -> tuple[str, ...]:
    """The names in a JSON pointer (RFC 6901); "" is the whole document."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def key_text(raw: bytes) -> str:
    """The key that these bytes between two quotes mean; what is no UTF-8 survives as surrogates."""
    if b"\\" not in raw:
        return raw.decode("utf-8", "surrogateescape")
    try:
        text: str = json.loads(b'"' + raw + b'"', strict=False)
    except ValueError:
        return raw.decode("utf-8", "surrogateescape")
    # A lone \ud800 is a valid JSON escape that UTF-8 lacks: its bytes are kept instead.
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")


class JsonWalk:
    """One walk through a document; after it, `opened`, `closed` and `kind` tell where the entries lie."""

    def __init__(
        self,
        file: Readable,
        pointer: Sequence[str],
        decode: Callable[[bytes | memoryview], object],
        *,
        lines: bool = False,
    ) -> None:
        """`decode` makes of a value's bytes what the caller needs, or raises ValueError or RecursionError."""
        self._file = file
        self._pointer = tuple(pointer)
        self._decode = decode
        self._buffer = b""
        self._base = 0
        self._at = 0
        self._eof = False
        self._mark: int | None = None  # the entry in progress begins here
        self.kind = "lines" if lines else ""
        """ "object", "list" or "lines"."""
        self.opened = 0
        """Offset of the first byte inside the container."""
        self.closed = 0
        """Offset of the first byte after its inside."""

    def members(self) -> Iterator[list[Member]]:
        """All entries in order, in lists of some; Fault at the first byte that is wrong."""
        while len(self._buffer) < len(_BOM) and self._refill():
            pass
        if self._buffer.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise Fault(0, "it is not UTF-8")
        if self._buffer.startswith(_BOM):
            self._at = len(_BOM)
        if self.kind == "lines":
            yield from self._lines()
            return
        outside = [self._enter(name) for name in self._pointer]
        yield from self._inside(self._open())
        for closer in reversed(outside):
            self._skip_rest(closer)
        if self._peek() is not None:
            raise self._fault("something follows the end of the document")

    def _inside(self, closer: int) -> Iterator[list[Member]]:
        """All entries up to the closer: one found exactly shows how the next ones are separated."""
        if self._peek() == closer:
            self._end(closer)
            return
        cut_from, guesses = -1, 0
        while True:
            member = self._exact()
            yield [member]
            if self._peek() != 0x2C:
                self._end(closer)
                return
            self._at += 1
            if self._peek() is None:
                raise self._fault("it ends after a comma")
            if cut_from != self._base:
                cut_from, guesses = self._base, 0
            guesses += 1
            if guesses <= _GUESSES and (quick := self._quick(member)):
                yield quick

    def _end(self, closer: int) -> None:
        self._expect(bytes((closer,)))
        self.closed = self._base + self._at - 1

    def _lines(self) -> Iterator[list[Member]]:
        """Each line that is not blank; one that cannot be read is UNREADABLE and does not end the walk."""
        self.opened = self._base + self._at
        while True:
            more = not self._eof
            end = self._buffer.rfind(b"\n", self._at) + 1 if more else len(self._buffer)
            at, found = self._at, []
            for line in self._buffer[at:end].split(b"\n") if end > at else ():
                text = line.strip(b" \t\r")
                if text:
                    start = self._base + at + line.index(text)
                    found.append(Member(start, text, 0, None, self._decoded_line(text)))
                at += len(line) + 1
            self._at = max(end, self._at)
            if found:
                yield found
            if not more:
                self.closed = self._base + len(self._buffer)
                return
            self._refill()

    def _decoded_line(self, text: bytes) -> object:
        try:
            return self._checked(text, 0)
        except Fault:
            return UNREADABLE

    # The quick way ----------------------------------------------------------------------------------------------

    def _quick(self, last: Member) -> list[Member]:
        """Entries from here on that are separated as `last` was from this one, each checked by the decoder.

        The first is known to begin here. What decodes as one whole value up to a separator is that entry, because
        no JSON value is the beginning of another one with a comma after it; so the next one begins behind it.
        """
        shown = bytes(last.text)
        gap_from = last.start + len(shown) - self._base
        if gap_from < 0:
            return []
        first = self._buffer[self._at : self._at + 1]
        first = first if first in b'"{[' else b""
        ending = shown[-1:] if shown[-1] in b"}]" else b""
        gap = self._buffer[gap_from : self._at]
        colon = b"" if last.key is None else shown[shown.rindex(b'"', 0, last.value) : last.value]
        return self._guessed(ending + gap + first, len(ending), len(gap), colon)

    def _guessed(self, separator: bytes, ending: int, gap: int, colon: bytes) -> list[Member]:
        # One loop without calls of our own: this is what a big file's listing spends its time in.
        buffer, base, at, decode = self._buffer, self._base, self._at, self._decode
        window = memoryview(buffer)
        found: list[Member] = []
        key, value_at = None, 0
        while (cut := buffer.find(separator, at + 1)) >= 0:
            end = cut + ending
            if colon:
                value_at = buffer.find(colon, at + 1, end)
                raw = buffer[at + 1 : value_at]
                if value_at < 0 or b'"' in raw or b"\\" in raw:
                    break
                key = raw.decode("utf-8", "surrogateescape")
                if not raw.isalnum() and not (raw.isascii() and key.isprintable()):
                    break  # rare enough for the exact way, which knows what a text may hold
                value_at += len(colon) - at
            # White space at an end belongs to no value: the exact way would draw the span otherwise.
            if at + value_at >= end or buffer[at + value_at] <= 0x20 or buffer[end - 1] <= 0x20:
                break
            try:
                decoded = decode(window[at + value_at : end])
            except (msgspec.MsgspecError, ValueError, RecursionError):
                break
            text = window[at:end]
            found.append(Member(base + at, text, value_at, key, decoded))
            at = end + gap
        self._at = at
        return found

    # The exact way ----------------------------------------------------------------------------------------------

    def _exact(self) -> Member:
        """Take the entry that begins here."""
        if self._peek() is None:
            raise self._fault("it ends too early")
        self._mark = self._at
        key = self._key() if self.kind == "object" else None
        value_at = self._at - self._mark
        value = self._value()
        start, text = self._base + self._mark, self._buffer[self._mark : self._at]
        self._mark = None
        return Member(start, text, value_at, key, self._checked(value, start + value_at))

    def _checked(self, value: bytes, offset: int) -> object:
        """What the decoder, else the more tolerant one of the standard library, makes of a value."""
        try:
            return self._decode(value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
        text = value.decode("utf-8", "surrogateescape")
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            fault_at = offset + len(text[: error.pos].encode("utf-8", "surrogateescape"))
            raise Fault(fault_at, error.msg[:1].lower() + error.msg[1:]) from None
        except (ValueError, RecursionError):
            return UNREADABLE

    def _open(self) -> int:
        first = self._peek()
        if first is None:
            raise self._fault("it is empty" if not self._base + len(self._buffer) else "it ends too early")
        if first not in _CLOSERS:
            raise self._fault("neither an object nor a list begins here")
        self._at += 1
        self.kind = "object" if first == 0x7B else "list"
        self.opened = self._base + self._at
        return _CLOSERS[first]

    def _enter(self, name: str) -> int:
        """Go to the value of the member `name`; the closer of the object that holds it."""
        closer = self._open()
        while self.kind == "object" and self._peek() != closer:
            if self._key() == name:
                return closer
            self._value()
            if self._peek() != 0x2C:
                break
            self._at += 1
        raise EntryNotFound(f"There is no “{name}” in the document.", "Check the option “at”.")

    def _skip_rest(self, closer: int) -> None:
        while self._peek() == 0x2C:
            self._at += 1
            self._key()
            self._value()
        self._expect(bytes((closer,)))

    def _key(self) -> str:
        """Take a key, its colon and the white space around; a value is next."""
        if self._peek() != 0x22:
            raise self._fault("a key is missing")
        raw = self._token()
        self._expect(b":")
        self._peek()
        return key_text(raw[1:-1])

    def _value(self) -> bytes:
        if self._peek() is None:
            raise self._fault("it ends in the middle of an entry")
        return self._token()

    def _token(self) -> bytes:
        """Take one whole value that begins here."""
        while True:
            try:
                end = self._end_of_value(self._at)
                taken = self._buffer[self._at : end]
                self._at = end
                return taken
            except _Short:
                if self._eof:
                    raise self._fault("it ends in the middle of an entry", len(self._buffer)) from None
                self._refill()  # at the end of the file, what was too short may now be whole

    def _end_of_value(self, at: int) -> int:
        first = self._buffer[at]
        if first != 0x22 and first not in _CLOSERS:
            return self._end_of_scalar(at)
        open_brackets: list[int] = []
        for token in _TOKEN.finditer(self._buffer, at):
            byte = self._buffer[token.start()]
            if byte == 0x22:
                self._check_text(token)
            elif byte in _CLOSERS:
                open_brackets.append(_CLOSERS[byte])
            elif not open_brackets or open_brackets.pop() != byte:
                raise self._fault("a bracket does not match", token.start())
            if not open_brackets:
                return token.end()
        raise _Short

    def _check_text(self, token: re.Match[bytes]) -> None:
        if not token.group(1):
            if token.end() >= len(self._buffer) - 1:  # the last byte may be half of an escape
                raise _Short
            raise self._fault("a control character stands in a text", token.end())

    def _end_of_scalar(self, at: int) -> int:
        match = _SCALAR.match(self._buffer, at)
        if match is not None:
            return match.end()
        if _DELIMITER.search(self._buffer, at) is None:
            raise _Short
        raise self._fault("a value is missing", at)

    # The buffer -------------------------------------------------------------------------------------------------

    def _refill(self) -> bool:
        """Drop what is behind, read on; False at the end of the file. Reads ever more while one entry lasts."""
        if self._eof:
            return False
        keep = self._at if self._mark is None else self._mark
        rest = self._buffer[keep:]
        self._base += keep
        self._at -= keep
        self._mark = None if self._mark is None else 0
        data = self._file.read(max(CHUNK, len(rest))) or b""
        self._eof = not data
        self._buffer = rest + data
        return not self._eof

    def _fault(self, message: str, at: int | None = None) -> Fault:
        return Fault(self._base + (self._at if at is None else at), message)

    def _peek(self) -> int | None:
        """Pass white space; the byte that is next, None at the end of the file."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._refill():
                return None

    def _expect(self, byte: bytes) -> None:
        found = self._peek()
        if found is None:
            raise self._fault("it ends too early")
        if found != byte[0]:
            raise self._fault(f"“{byte.decode()}” is missing")
        self._at += 1
