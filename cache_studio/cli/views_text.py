"""What a value is to its application (an HTTP response, a model's answer, a table), as lines of text and as JSON."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from cache_studio.cli.decoded_text import decoded_lines, decoded_object
from cache_studio.decoding.views.freshness import freshness_at
from cache_studio.decoding.views.lines import (
    Line,
    Prices,
    body_notes,
    cost_of,
    http_lines,
    http_warnings,
    llm_lines,
    status_words,
    table_words,
)
from cache_studio.decoding.views.shapes import Body, HttpView, LlmView, Message, TableView, Views
from cache_studio.model.times import format_iso
from cache_studio.model.visible import visible

_WIDEST = 40
"""Characters of a cell in a table of text."""


def view_lines(views: Views, now: float, prices: Prices) -> list[str]:
    """Each view under a line that names it; every line is plain text."""
    lines: list[str] = []
    if views.http is not None:
        lines += _http(views.http, now)
    if views.llm is not None:
        lines += _llm(views.llm, prices)
    if views.table is not None:
        lines += _table(views.table)
    return lines


def view_objects(views: Views, now: float, prices: Prices) -> dict[str, Any]:
    """`http`, `llm` and `table` for `--format json`; unknown is null."""
    return {
        "http": None if views.http is None else _http_object(views.http, now),
        "llm": None if views.llm is None else _llm_object(views.llm, prices),
        "table": None if views.table is None else _table_object(views.table),
    }


def _http(view: HttpView, now: float) -> list[str]:
    lines = [f"  HTTP response ({view.origin})"]
    if view.url or view.method:
        lines.append(f"    {visible(f'{view.method} {view.url}'.strip())}")
    lines.append(f"    {visible(f'{view.version} {status_words(view)}'.strip())}")
    lines += _facts(http_lines(view, now))
    lines += _notes((*http_warnings(view), *body_notes(view)))
    for name, headers in (("headers", view.headers), ("request headers", view.request_headers)):
        lines += [f"    {name}"] if headers else []
        lines += [f"      {visible(header)}: {visible(value)}" for header, value in headers]
    if view.body is not None:
        shown = decoded_lines(view.body.decoded, 3) or ["      " + view.body.head[:64].hex(" ")]
        lines += ["    body", *shown]
    return lines


def _llm(view: LlmView, prices: Prices) -> list[str]:
    lines = [f"  Answer of a language model ({view.origin})", *_facts(llm_lines(view, prices)), *_notes(view.notes)]
    for message in (*view.messages, *view.answers):
        lines.append(f"    {visible(message.role)}")
        lines += ["      " + visible(line) for line in message.text.splitlines()]
        lines += [f"      ({message.note})"] if message.note else []
    return lines


def _table(view: TableView) -> list[str]:
    lines = [f"  {table_words(view)}", *_notes(view.notes)]
    if not view.cells:
        return lines
    head = [["", *view.names], ["", *view.kinds]]
    rows = head + [[label, *cells] for label, cells in zip(view.index, view.cells, strict=True)]
    shown = [[_short(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in shown) for column in range(len(shown[0]))]
    return lines + ["    " + _row(row, widths) for row in shown]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _short(cell: str) -> str:
    text = visible(cell)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _facts(lines: Iterable[Line]) -> list[str]:
    return [f"    {line.name}: {visible(line.value)}{f' ({line.source})' if line.source else ''}" for line in lines]


def _notes(notes: Iterable[str]) -> list[str]:
    return [f"    ! {visible(note)}" for note in notes]


def _http_object(view: HttpView, now: float) -> dict[str, Any]:
    fresh, validity = freshness_at(view.validity, now), view.validity
    return {
        "origin": view.origin,
        "status": view.status,
        "reason": view.reason or None,
        "version": view.version or None,
        "method": view.method or None,
        "url": view.url or None,
        "headers": [list(pair) for pair in view.headers],
        "request_headers": [list(pair) for pair in view.request_headers],
        "date": _moment(validity.date),
        "stored_at": _moment(validity.received),
        "expires": _moment(validity.expires),
        "state": fresh.state,
        "age": _known(fresh.age),
        "lifetime": _known(fresh.lifetime),
        "lifetime_by": fresh.by or None,
        "fresh_for": _known(fresh.left),
        "s_maxage": _known(validity.s_maxage),
        "cache_control": list(validity.rules),
        "body": None if view.body is None else _body_object(view.body),
        "notes": [*http_warnings(view), *body_notes(view)],
    }


def _body_object(body: Body) -> dict[str, Any]:
    return {
        "content_type": body.content_type or None,
        "stored": body.stored,
        "length": body.length,
        **decoded_object(body.decoded),
    }


def _llm_object(view: LlmView, prices: Prices) -> dict[str, Any]:
    return {
        "origin": view.origin,
        "model": view.model or None,
        "messages": [_message_object(message) for message in view.messages],
        "answers": [_message_object(message) for message in view.answers],
        "input_tokens": view.input_tokens,
        "output_tokens": view.output_tokens,
        "total_tokens": view.total_tokens,
        "cost": _known(cost_of(view, prices)),
        "finish": view.finish or None,
        "notes": list(view.notes),
    }


def _message_object(message: Message) -> dict[str, Any]:
    return {"role": message.role, "text": message.text, "note": message.note or None}


def _table_object(view: TableView) -> dict[str, Any]:
    return {
        "origin": view.origin,
        "shape": list(view.shape),
        "kind": view.kind or None,
        "rows": view.rows,
        "columns": view.columns,
        "names": list(view.names),
        "kinds": list(view.kinds),
        "index": list(view.index),
        "cells": [list(row) for row in view.cells],
        "notes": list(view.notes),
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _moment(value: float) -> str | None:
    return format_iso(value) if math.isfinite(value) else None
