"""Reads one entry's value and decodes it in a killable child: what the detail dock and `show` show."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

from cache_studio import isolation
from cache_studio.adapters.base import Adapter
from cache_studio.decoding.decode import decode_isolated
from cache_studio.decoding.decoded import Decoded
from cache_studio.decoding.views.look import BODY, WORDS, look_isolated
from cache_studio.decoding.views.shapes import Views
from cache_studio.model.identity import EntryId
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.services.attachment import Attachment

FIRST_BYTES = 65_536
"""How much of a value is read first: what a slow server sends soon."""
SHOWN_BYTES = 4_000_000
"""How much of a value is read to be shown; the rest on request."""


@dataclass(frozen=True, slots=True)
class ShownPiece:
    """One stored value, what it decodes to, and what that is to its application."""

    piece: Piece
    decoded: Decoded
    views: Views = field(default_factory=Views)


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry's value, ready to be drawn; the main piece first."""

    id: EntryId
    pieces: tuple[ShownPiece, ...]
    facts: tuple[Fact, ...]


class Reader:
    """Reads and decodes values, one after another, off the window's and the attachments' threads."""

    def __init__(self) -> None:
        self._child = isolation.Worker()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._ending = Event()

    def show(self, attachment: Attachment, entry_id: EntryId, max_bytes: int = SHOWN_BYTES) -> "Future[Shown]":
        """The value of an entry; the future fails with EntryNotFound when it is gone.

        A request that was not begun when its future is cancelled is never begun.
        """

        def read(adapter: Adapter) -> Payload:
            return adapter.read(entry_id, max_bytes)

        def work() -> Shown:
            payload = attachment.call(read).result()
            return Shown(entry_id, tuple(self._looked_at(piece, payload) for piece in payload.pieces), payload.facts)

        return self._pool.submit(work)

    def text_of(self, payload: Payload) -> str:
        """All of a value as text, for a search in it. Blocks; not for the window's thread."""
        return "\n".join(_text(self._decode(piece)) or piece.data.decode("latin-1") for piece in payload.pieces)

    def close(self) -> None:
        """End the child and the thread."""
        self._ending.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._child.close()

    def _looked_at(self, piece: Piece, payload: Payload) -> ShownPiece:
        """A piece with its views; what the entry's other pieces hold (a body, a prompt) belongs to them."""
        beside = {other.name: (other.data, other.total) for other in payload.pieces if other is not piece}
        if piece.name == BODY or piece.name in WORDS:
            beside = {}
        decoded, views = look_isolated(self._child, piece.data, piece.hint, piece.total, beside, self._ending)
        return ShownPiece(piece, decoded, views)

    def _decode(self, piece: Piece) -> Decoded:
        return decode_isolated(self._child, piece.data, piece.hint, piece.total, self._ending)


def _text(decoded: Decoded) -> str:
    if decoded.text is not None:
        return decoded.text
    return "" if decoded.tree is None else "\n".join(f"{node.key} {node.text}" for node in decoded.tree.walk())
