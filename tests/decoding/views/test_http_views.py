"""Stored HTTP responses: those of real libraries, and hostile ones."""

import base64
import gzip
import json
import pickle
import time
import zlib
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE
from seen_values import real_values, seen

from cache_studio.decoding.views.bodies import MOST_SHOWN, body_of_bytes
from cache_studio.decoding.views.lines import body_notes, http_lines, status_words
from cache_studio.decoding.views.responses import LONGEST_HEADER, MOST_HEADERS
from cache_studio.decoding.views.shapes import Body, HttpView

STORED = 1_795_248_005.0


def response(data: bytes, **beside: bytes) -> HttpView:
    view = seen(data, **beside).http
    assert view is not None
    return view


def body(view: HttpView) -> Body:
    assert view.body is not None
    return view.body


@pytest.fixture(scope="module")
def requests_values() -> dict[str, bytes]:
    return real_values("requests_cache")


@pytest.mark.parametrize("name", ["pickle", "json", "decoded file"])
def test_requests_cache(requests_values: dict[str, bytes], name: str) -> None:
    view = response(requests_values[name])
    assert (view.origin, view.status, view.reason, view.method) == ("requests-cache", 200, "OK", "GET")
    assert view.url == "https://api.example.com/v1/users?page=2"
    assert ("Cache-Control", "max-age=600") in view.headers
    assert view.request_headers == (("Accept", "*/*"),)
    assert (view.validity.received, view.validity.age, view.validity.max_age) == (STORED, 30, 600)
    assert body(view).decoded.text == '{\n  "a": 1\n}'
    assert body(view).length == (0 if name == "decoded file" else 8)


def test_aiohttp_client_cache() -> None:
    view = response(real_values("aiohttp")["response"])
    assert (view.origin, view.status, view.version) == ("aiohttp-client-cache", 200, "HTTP/1.1")
    assert view.url.startswith("http://127.0.0.1:")
    assert view.url.endswith("/x?q=1")
    assert ("Cache-Control", "max-age=600") in view.headers
    assert abs(view.validity.received - view.validity.date) < 2  # both in UTC
    assert body(view).decoded.text == '{\n  "a": 1\n}'


@pytest.mark.parametrize("libraries", ["hishel-0", "hishel-1", "current"])
def test_hishel(libraries: str) -> None:
    values = real_values("hishel", libraries)
    view = response(values.pop("value"), **values)
    assert (view.origin, view.status, view.method) == ("hishel", 200, "GET")
    assert view.url.endswith("/x?q=1")
    assert view.validity.max_age == 600
    assert (view.validity.received == view.validity.received) is (libraries != "current")  # hishel 2 records no time
    assert body(view).decoded.text == '{\n  "a": [\n    1,\n    2\n  ]\n}'


def test_cache_control() -> None:
    values = real_values("cache_control")
    view = response(values["whole"])
    assert (view.origin, view.status, view.url, view.version) == ("CacheControl", 200, "", "HTTP/1.1")
    assert (body(view).decoded.text, body(view).length) == ("<html><b>hi</b></html>", 22)
    assert body(view).stored == len(values["body"])
    assert response(values["separate"]).body is None
    apart = response(values["separate"], body=values["body"])
    assert body(apart).decoded.text == "<html><b>hi</b></html>"


def test_django() -> None:
    values = real_values("django")
    page, data = response(values["page"]), response(values["json"])
    assert (page.origin, page.status, page.reason) == ("Django", 404, "")
    assert page.headers[0] == ("Cache-Control", "max-age=60, public")
    assert body(page).decoded.text == "<p>hello</p>"
    assert (data.status, body(data).decoded.chain) == (200, ("json",))


def test_flask_and_werkzeug() -> None:
    values = real_values("flask")
    page, bare = response(values["page"]), response(values["bare"])
    assert (page.origin, page.status, page.reason) == ("Flask", 201, "CREATED")
    assert ("X-A", "1") in page.headers
    assert body(page).decoded.text == "<p>hi</p>"
    assert (bare.origin, bare.status, bare.reason) == ("Werkzeug", 299, "Odd")
    assert body(response(values["json"])).decoded.chain == ("json",)


def test_what_is_said_of_it(requests_values: dict[str, bytes]) -> None:
    view = response(requests_values["pickle"])
    assert status_words(view) == "200 OK"
    lines = {line.name: (line.value, line.source) for line in http_lines(view, STORED + 100)}
    assert lines["Freshness"] == ("fresh, 7 min 50 s left", "derived")
    assert lines["Age"] == ("2 min 10 s", "derived")
    assert lines["Lifetime"] == ("10 min 00 s, by max-age", "recorded")
    assert lines["Body"] == ("application/json, 8 B", "recorded")
    stale = {line.name: line.value for line in http_lines(view, STORED + 10_000)}
    assert stale["Freshness"] == "stale for 2 h"


def made(content: bytes = b"", headers: dict[str, Any] | None = None, **more: Any) -> bytes:
    """A value in the shape of requests-cache."""
    request = {"method": "GET", "url": "https://example.com/", "headers": {}}
    known = {"_content": content, "headers": headers or {}, "request": request, "status_code": 200, "url": "u"}
    return pickle.dumps({**known, **more})


def packed(content: bytes, coding: str, kind: str = "text/plain") -> Body:
    return body(response(made(content, {"Content-Type": kind, "Content-Encoding": coding})))


def test_content_codings_are_undone() -> None:
    assert packed(gzip.compress(b"one"), "gzip").decoded.text == "one"
    assert packed(zlib.compress(b"two"), "deflate").decoded.text == "two"
    raw = zlib.compressobj(wbits=-15)
    assert packed(raw.compress(b"three") + raw.flush(), "deflate").decoded.text == "three"
    assert packed(zlib.compress(gzip.compress(b"four")), "gzip, deflate").decoded.text == "four"


def test_codings_that_cannot_be_undone_are_said() -> None:
    assert packed(b"plain", "gzip").notes == ("The content coding gzip is already undone.",)
    odd = packed(b"\x8b\x03\x80abc\x03", "br", "application/octet-stream")
    assert odd.notes == ("The content coding br cannot be undone here: shown as stored.",)
    assert packed(b"x", ",".join(["gzip"] * 9)).notes == ("More than 4 content codings: shown as stored.",)
    broken = packed(gzip.compress(b"one" * 1000)[:-9], "gzip")
    assert broken.notes[0].endswith("the gzip data ends too early.")


def test_a_bomb_is_unpacked_within_bounds() -> None:
    bomb = gzip.compress(bytes(300_000_000), 1)
    headers = (("Content-Encoding", "gzip"), ("Content-Type", "application/octet-stream"))
    began = time.process_time()
    found = body_of_bytes(bomb, headers)
    assert time.process_time() - began < PATIENCE
    assert found.stored == len(bomb)
    assert 16_000_000 <= found.length < 300_000_000
    assert len(found.head) == 65_536
    assert found.notes[0].startswith("gzip: at least ")
    assert found.notes[1].startswith(f"The first {MOST_SHOWN:,} of ")


def test_bodies_are_shown_by_their_type() -> None:
    as_text = body(response(made(b"<script>alert(1)</script>", {"content-type": "text/html"})))
    assert as_text.decoded.text == "<script>alert(1)</script>"
    latin = body(response(made("grüße".encode("latin-1"), {"Content-Type": "text/plain; charset=ISO-8859-1"})))
    assert latin.decoded.text == "grüße"
    problem = body(response(made(b'{"a": 1}', {"Content-Type": "application/problem+json"})))
    assert problem.decoded.tree is not None
    lying = body(response(made(b"no json", {"Content-Type": "application/json"})))
    assert lying.decoded.text == "no json"
    assert body(response(made(b"\x00\x01\xff\xfe\x90", {}))).decoded.chain == ()


@pytest.mark.parametrize("charset", ["unicode_escape", "idna", "utf-7", "rot13", "zlib", "x" * 500, "utf-8\x00"])
def test_a_charset_that_is_none_is_not_looked_for(charset: str) -> None:
    found = body(response(made(b"abc \\x41", {"Content-Type": f"text/plain; charset={charset}"})))
    assert found.decoded.text == "abc \\x41"


def test_hostile_shapes_are_bounded_and_said() -> None:
    headers = {f"X-{number}": "v" * 100_000 for number in range(300)}
    view = response(made(b"", headers, status_code="two hundred", reason="<b>OK</b>", url=5))
    assert (view.status, view.reason, view.url) == (None, "<b>OK</b>", "")
    assert len(view.headers) == MOST_HEADERS
    assert view.header_count == 300
    assert all(len(value) < LONGEST_HEADER + 40 for _, value in view.headers)
    assert view.notes == (
        "The status is no number from 0 to 999.",
        "The first 200 of 300 headers are shown.",
    )
    assert status_words(view) == "not recorded <b>OK</b>"
    assert response(made(status_code=float("nan"))).status is None
    assert response(made(status_code=10**400)).status is None
    assert response(made(headers=[1, [2], ["a", "b"], ("c", 4)], created_at=float("inf"))).headers == (("a", "b"),)  # type: ignore[arg-type]


def test_values_that_only_look_alike_are_none() -> None:
    for value in (
        {"url": "u", "status_code": 200},
        {"request": {"url": "u"}, "url": "u"},
        {"request": {"method": "GET", "url": "u", "headers": []}, "response": {"headers": []}},
        {"response": {"status": 200, "headers": {}}},
        {"headers": {}, "status": 200, "body": "x"},
        [],
        "text",
    ):
        assert seen(json.dumps(value).encode()).http is None, value
        assert seen(msgpack.packb(value)).http is None, value


def test_msgpack_that_is_nested_too_deeply_is_no_response() -> None:
    deep = b"\x91" * 100_000 + b"\x90"
    assert seen(b"cc=4," + deep).http is None
    assert seen(b"cc=4,").http is None


def test_a_body_that_lies_apart_says_how_long_it_is() -> None:
    value = msgpack.packb(
        {
            "request": {"method": "GET", "url": "u", "headers": {}},
            "response": {"status_code": 200, "headers": {"content-type": ["text/plain"]}},
        }
    )
    assert seen(value).http is not None
    assert response(value).body is None
    assert {line.name: line.value for line in http_lines(response(value), 0)}["Body"] == "not recorded with it"
    assert body(response(value, body=b"hello")).decoded.text == "hello"
    assert body_notes(response(value)) == ()


def test_a_response_inside_an_entry_is_found() -> None:
    inner = {"_content": base64.b64encode(b"hi").decode(), "url": "u", "request": {"url": "u"}, "status_code": 204}
    assert response(json.dumps({"value": inner, "expires": 5}).encode()).status == 204
    assert response(json.dumps({"value": json.dumps(inner)}).encode()).status == 204


@pytest.mark.parametrize("pack", [pickle.dumps, msgpack.packb])
@pytest.mark.parametrize("body", [{"b": {}}, {"a": [1, 2.5, b"raw", None, True, "text"]}, [b"raw"], 7, 1.5, [[]]])
def test_a_body_that_was_stored_decoded_may_hold_anything(pack: Any, body: object) -> None:
    value = {"_content": b"", "_decoded_content": body, "url": "u", "request": {"url": "u"}}
    view = seen(pack(value)).http
    assert view is not None
    assert view.body is not None
    assert view.body.notes[0].startswith("Stored decoded")
    assert http_lines(view, STORED)


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_NAMES = st.sampled_from(
    ("_content", "_decoded_content", "url", "request", "response", "headers", "status_code", "status", "metadata",
     "vary", "decode_content", "_container", "_headers", "_status", "method", "created_at", "choices", "lc", "kwargs")
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_NAMES, _PLAIN | st.dictionaries(_NAMES, _PLAIN, max_size=5), max_size=8))
def test_no_value_makes_a_view_fail(value: dict[str, object]) -> None:
    for views in (seen(pickle.dumps(value)), seen(msgpack.packb(_packable(value)))):
        if views.http is not None:
            assert http_lines(views.http, STORED)


def _packable(value: Any) -> Any:
    """The same without numbers of more than 64 bits, which msgpack has none of."""
    if isinstance(value, dict):
        return {name: _packable(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_packable(part) for part in value]
    return value % 2**64 if isinstance(value, int) and not isinstance(value, bool) else value
