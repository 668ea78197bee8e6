"""What a view shows, as plain frozen data. Crosses from the child as plain lists."""

import math
from dataclasses import dataclass, fields
from typing import Any

from cache_studio.decoding.decoded import Decoded


@dataclass(frozen=True, slots=True)
class Validity:
    """What the headers of a response say of its time, in UTC epoch seconds and seconds; NaN is not recorded.

    `received` is when the cache says that it stored it. `expires` is -inf and a lifetime 0 where the header is there
    and means no moment (RFC 9111: such a response is stale). `rules` are the other directives that matter.
    """

    date: float = math.nan
    age: float = math.nan
    received: float = math.nan
    expires: float = math.nan
    max_age: float = math.nan
    s_maxage: float = math.nan
    rules: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a response: `stored` bytes in the cache, `length` once its content coding is undone.

    `head` are the first bytes of it, for a hex view. `notes` say what was not done.
    """

    content_type: str
    stored: int
    length: int
    decoded: Decoded
    head: bytes
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpView:
    """An HTTP response. `origin` names the library whose shape it has; "" and None are not recorded.

    `headers` are at most `headers_shown` of `header_count`, long values cut. `body` is None where it lies elsewhere.
    """

    origin: str
    status: int | None
    reason: str
    method: str
    url: str
    version: str
    headers: tuple[tuple[str, str], ...]
    header_count: int
    request_headers: tuple[tuple[str, str], ...]
    validity: Validity
    body: Body | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """What was said by whom; `note` is a remark such as how much of it is shown."""

    role: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class LlmView:
    """An answer of a language model with what is known of its question; None and "" are not recorded."""

    origin: str
    model: str
    messages: tuple[Message, ...]
    answers: tuple[Message, ...]
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    finish: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableView:
    """A table: `rows` and `columns` are what it has, `cells` the first of them as text, a tuple a row.

    `index` are the labels of the rows that are shown. Without `cells` there are only the facts in `shape` and `kind`.
    """

    origin: str
    shape: tuple[int, ...]
    kind: str
    rows: int
    columns: int
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    index: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Views:
    """What a value is; None for what it is not."""

    http: HttpView | None = None
    llm: LlmView | None = None
    table: TableView | None = None

    def to_list(self) -> list[object]:
        """For the wire."""
        return [_flat(self.http), _flat(self.llm), _flat(self.table)]

    @classmethod
    def from_list(cls, values: list[Any]) -> "Views":
        """The result of `to_list`, as it arrives from the wire (tuples have become lists)."""
        http, llm, table = values
        return cls(
            None if http is None else _http(http),
            None if llm is None else _llm(llm),
            None if table is None else TableView(*(_frozen(value) for value in table)),
        )


def _flat(value: object) -> object:
    if isinstance(value, Decoded):
        return value.to_list()
    if isinstance(value, Validity | Body | HttpView | Message | LlmView | TableView):
        return [_flat(getattr(value, field.name)) for field in fields(value)]
    return [_flat(item) for item in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _http(values: list[Any]) -> HttpView:
    # validity, body and notes are the last three
    *before, validity, body, notes = values
    made = (Validity(*(_frozen(value) for value in validity)), None if body is None else _body(body), _frozen(notes))
    return HttpView(*(*(_frozen(value) for value in before), *made))


def _body(values: list[Any]) -> Body:
    content_type, stored, length, decoded, head, notes = values
    return Body(content_type, stored, length, Decoded.from_list(decoded), head, _frozen(notes))


def _llm(values: list[Any]) -> LlmView:
    origin, model, messages, answers, *rest = values
    said, answered = (tuple(Message(*message) for message in part) for part in (messages, answers))
    return LlmView(origin, model, said, answered, *(_frozen(value) for value in rest))
