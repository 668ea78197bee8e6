"""Decoding and looking in the child, and what happens over its limits."""

import gzip
import json
import pickle
import threading
from collections.abc import Iterator

import pytest

from cache_studio.decoding.decode import decode
from cache_studio.decoding.views.look import look, look_isolated
from cache_studio.decoding.views.shapes import Views
from cache_studio.isolation import Limits, Worker
from cache_studio.model.errors import Cancelled


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


def stored(body: bytes) -> bytes:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    request = {"method": "GET", "url": "u"}
    return pickle.dumps({"_content": body, "headers": headers, "request": request, "status_code": 200, "url": "u"})


def test_the_child_gives_what_is_decoded_and_what_it_is(worker: Worker) -> None:
    data = stored(gzip.compress(b'{"a": 1}'))
    decoded, views = look_isolated(worker, data, "", len(data), {})
    assert decoded == decode(data)
    assert repr(views) == repr(look(decode(data), {}))
    assert views.http is not None
    assert views.http.body is not None
    assert views.http.body.decoded.text == '{\n  "a": 1\n}'


def test_views_over_the_limits_leave_the_decoded_value(worker: Worker) -> None:
    data = stored(gzip.compress(b"[" + b"1," * 900_000 + b"1]"))
    decoded, views = look_isolated(worker, data, "", len(data), {}, limits=Limits(seconds=30, memory=30_000_000))
    assert views == Views()
    assert decoded.tree is not None
    assert decoded.warnings[-1].startswith("It was not made out whether")


def test_a_stop_is_heard(worker: Worker) -> None:
    stop = threading.Event()
    stop.set()
    data = json.dumps(list(range(300_000))).encode()
    with pytest.raises(Cancelled):
        look_isolated(worker, data, "", len(data), {}, stop)


def test_only_needed_pieces_go_to_the_child(worker: Worker) -> None:
    value = b'{"lc": 1, "type": "constructor", "id": ["Generation"], "kwargs": {"text": "Paris."}}'
    beside = {"prompt": (b"Capital?", 8), "row": (b"x" * 1000, 1000)}
    _, views = look_isolated(worker, value, "json", len(value), beside)
    assert views.llm is not None
    assert [message.text for message in (*views.llm.messages, *views.llm.answers)] == ["Capital?", "Paris."]
