"""What is said about a value: how it was decoded, what was not done, how much of it is shown. No widgets here."""

from dataclasses import dataclass

from PySide6.QtGui import QImage

from cache_studio.gui.dock.body_view import PreparedBody, prepare_body
from cache_studio.gui.dock.conversation_panel import Conversation, prepare_conversation
from cache_studio.gui.dock.media_views import read_picture
from cache_studio.gui.dock.text_view import shown_text
from cache_studio.gui.look.text import display_text, tr
from cache_studio.model.units import format_size
from cache_studio.services.show import ShownPiece

TREE, TEXT, HEX, PICTURE, SOUND = "Tree", "Text", "Hex", "Picture", "Sound"
HTTP, LLM, TABLE = "HTTP", "LLM", "Table"
"""The views, by the words on their buttons."""
_NAMES = {"json": "JSON", "png": "PNG", "jpeg": "JPEG", "gif": "GIF", "webp": "WebP", "bmp": "BMP", "wav": "WAV"}
_ENDINGS = {"text": "txt", "gzip": "gz", "zlib": "zz", "base64": "b64", "jpeg": "jpg"}
_CALLS_SHOWN = 5


@dataclass(frozen=True)
class Prepared:
    """A piece with what takes too long to make on the window's thread."""

    found: ShownPiece
    text: str | None
    picture: QImage | None
    body: PreparedBody | None
    conversation: Conversation

    @property
    def views(self) -> list[str]:
        """The views that make sense, in the order of their buttons."""
        decoded, seen = self.found.decoded, self.found.views
        there = {
            HTTP: seen.http is not None,
            LLM: seen.llm is not None,
            TABLE: seen.table is not None,
            TREE: decoded.tree is not None,
            TEXT: self.text is not None,
            HEX: True,
            PICTURE: decoded.image is not None,
            SOUND: decoded.audio is not None,
        }
        return [name for name, is_there in there.items() if is_there]

    @property
    def best(self) -> str:
        """The view to begin with."""
        views = self.views
        return next(name for name in (PICTURE, SOUND, HTTP, LLM, TABLE, TREE, TEXT, HEX) if name in views)


def prepare(found: ShownPiece) -> Prepared:
    """Make text safe and read the picture; runs in a thread."""
    decoded, seen = found.decoded, found.views
    body = None if seen.http is None else seen.http.body
    return Prepared(
        found,
        None if decoded.text is None else shown_text(decoded.text),
        None if decoded.image is None else read_picture(decoded.image),
        None if body is None else prepare_body(body),
        Conversation() if seen.llm is None else prepare_conversation((*seen.llm.messages, *seen.llm.answers)),
    )


def chain_words(found: ShownPiece) -> str:
    """`"Decoded as zlib > pickle. Nothing was executed."`"""
    chain = found.decoded.chain
    if not chain:
        return tr("Bytes of no known kind. Nothing was executed.")
    names = " > ".join(_NAMES.get(name, display_text(name, 40)) for name in chain)
    return tr("Decoded as {chain}. Nothing was executed.").format(chain=names)


def remarks(prepared: Prepared) -> list[tuple[str, str]]:
    """(sentence, tone) of everything a user must know before trusting what is shown; bad news first."""
    found = prepared.found
    piece, decoded = found.piece, found.decoded
    said = [(text, "bad") for text in (piece.problem, decoded.problem) if text]
    distinct = list(dict.fromkeys(decoded.calls))
    calls = distinct[:_CALLS_SHOWN]
    if calls:
        more = len(distinct) - len(calls)
        rest = tr(" and {count} more").format(count=more) if more else ""
        said.append((tr("Calls that were not made: {calls}").format(calls=", ".join(calls)) + rest, "bad"))
    if len(piece.data) < piece.total:
        said.append((_cut_words(len(piece.data), piece.total), "warn"))
    elif decoded.text is not None and len(decoded.text) < decoded.text_length:
        shown = tr("The text shows its first {count} of {total} characters.")
        said.append((shown.format(count=f"{len(decoded.text):,}", total=f"{decoded.text_length:,}"), "warn"))
    if decoded.image is not None and decoded.image.data is not None and prepared.picture is None:
        said.append((tr("The picture cannot be drawn; Hex shows its bytes."), "warn"))
    said += [(text, "plain") for text in decoded.warnings[:_CALLS_SHOWN]]
    if decoded.trailing:
        said.append((tr("{count} bytes follow after its end.").format(count=f"{decoded.trailing:,}"), "plain"))
    return [(display_text(text, 400), tone) for text, tone in said]


def is_cut(found: ShownPiece) -> bool:
    """Whether only the head of the piece was read."""
    return len(found.piece.data) < found.piece.total


def piece_title(found: ShownPiece) -> str:
    """`"meta, 212 B"` for the list of pieces."""
    return f"{display_text(found.piece.name, 60)}, {format_size(found.piece.total)}"


def file_name(key: str, found: ShownPiece) -> str:
    """A name for the file that the stored bytes are saved to: only plain letters of the key, an ending by its kind."""
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in key)[-60:]
    chain = found.decoded.chain
    ending = _ENDINGS.get(chain[0], chain[0]) if chain else "bin"
    stem = plain.strip("._") or "value"
    return stem if stem.endswith(f".{ending}") else f"{stem}.{ending}"


def _cut_words(shown: int, total: int) -> str:
    return tr("First {shown} of {total} shown.").format(shown=format_size(shown), total=format_size(total))
