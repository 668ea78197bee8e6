"""Values as real libraries write them, for the views of what is inside: {name: base64 of the stored bytes}."""

import asyncio
import base64
import datetime
import gzip
import io
import os
import pickle
import tempfile

UTC = datetime.UTC
URL = "https://api.example.com/v1/users?page=2"
HEADERS = {
    "Content-Type": "application/json",
    "Date": "Sat, 21 Nov 2026 08:00:00 GMT",
    "Cache-Control": "max-age=600",
    "Age": "30",
}


def _named(values):
    return {
        name: base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        for name, value in values.items()
    }


def requests_cache():
    """Both serializers, and the files of the JSON one."""
    from requests_cache import CachedRequest, CachedResponse
    from requests_cache.backends.filesystem import FileCache
    from requests_cache.serializers import json_serializer, pickle_serializer

    response = CachedResponse(
        url=URL,
        status_code=200,
        reason="OK",
        headers=HEADERS,
        request=CachedRequest(method="GET", url=URL, headers={"Accept": "*/*"}),
        created_at=datetime.datetime(2026, 11, 21, 8, 0, 5, tzinfo=UTC),
    )
    response._content = b'{"a": 1}'
    values = {"pickle": pickle_serializer.dumps(response), "json": json_serializer.dumps(response)}
    with tempfile.TemporaryDirectory() as folder:
        cache = FileCache(os.path.join(folder, "files"), serializer="json", decode_content=True)
        cache.responses["k"] = response
        cache.close()
        with open(os.path.join(folder, "files", "k.json"), "rb") as file:
            values["decoded file"] = file.read()
    return _named(values)


def aiohttp():
    """What a session stores of a small server's answer."""
    import sqlite3

    from aiohttp import web
    from aiohttp_client_cache import CachedSession
    from aiohttp_client_cache.backends import SQLiteBackend

    async def answer(request):
        return web.json_response({"a": 1}, headers={"Cache-Control": "max-age=600"})

    async def run(path):
        app = web.Application()
        app.router.add_get("/x", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/x?q=1"
        async with CachedSession(cache=SQLiteBackend(path)) as session, session.get(url) as response:
            await response.read()
        await runner.cleanup()

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cache.sqlite")
        asyncio.run(run(path))
        link = sqlite3.connect(path)
        values = {"response": link.execute("select value from responses").fetchone()[0]}
        link.close()
    return _named(values)


def cache_control():
    """With the body inside, packed as it came, and without one."""
    import requests
    from cachecontrol.serialize import Serializer
    from urllib3 import HTTPResponse

    request = requests.Request("GET", "https://pypi.example.org/simple/").prepare()
    headers = {**HEADERS, "Content-Type": "text/html; charset=utf-8", "Content-Encoding": "gzip"}
    body = gzip.compress(b"<html><b>hi</b></html>")

    def response():
        return HTTPResponse(
            body=io.BytesIO(body), headers=headers, status=200, reason="OK", version=11, preload_content=False
        )

    return _named(
        {
            "whole": Serializer().dumps(request, response(), body),
            "separate": Serializer().dumps(request, response(), b""),
            "body": body,
        }
    )


def django():
    """HttpResponse and JsonResponse."""
    import django as library
    from django.conf import settings

    settings.configure(DEFAULT_CHARSET="utf-8")
    library.setup()
    from django.http import HttpResponse, JsonResponse

    page = HttpResponse(
        b"<p>hello</p>",
        status=404,
        headers={"Cache-Control": "max-age=60, public", "Expires": "Sat, 21 Nov 2026 08:10:00 GMT"},
    )
    page.set_cookie("session", "secret")
    return _named({"page": pickle.dumps(page), "json": pickle.dumps(JsonResponse({"a": [1, 2]}), 4)})


def flask():
    """Responses of Flask and of Werkzeug alone."""
    from flask import Flask, Response, jsonify
    from werkzeug.wrappers import Response as Bare

    with Flask("x").test_request_context():
        page = Response("<p>hi</p>", status=201, headers={"X-A": "1"}, mimetype="text/html")
        values = {"page": pickle.dumps(page), "json": pickle.dumps(jsonify(a=1), 4)}
    values["bare"] = pickle.dumps(Bare(b"x", status="299 Odd"))
    return _named(values)


def hishel():
    """What the version of this set stores of a small server's answer; a body that lies apart is "body"."""
    import http.server
    import threading

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b'{"a": [1, 2]}'
            self.send_response(200)
            for name, value in (("Cache-Control", "max-age=600"), ("Content-Type", "application/json")):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            """Silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/x?q=1"
    with tempfile.TemporaryDirectory() as folder:
        values = _old_hishel(folder, url) or _new_hishel(folder, url)
    server.shutdown()
    server.server_close()
    return _named(values)


def _old_hishel(folder, url):
    import pathlib

    import hishel as library

    if not hasattr(library, "FileStorage"):
        return None
    with library.CacheClient(storage=library.FileStorage(base_path=pathlib.Path(folder))) as client:
        client.get(url).read()
    found = [name for name in os.listdir(folder) if not name.startswith(".")]
    with open(os.path.join(folder, found[0]), "rb") as file:
        return {"value": file.read()}


def _new_hishel(folder, url):
    import sqlite3

    import hishel as library
    import hishel.httpx as clients

    path = os.path.join(folder, "cache.db")
    storage = getattr(library, "SyncSqliteStorage", None) or library.SqliteStorage
    client_class = getattr(clients, "SyncCacheClient", None) or clients.CacheClient
    with client_class(storage=storage(database_path=path)) as client:
        client.get(url).read()
    link = sqlite3.connect(path)
    data = link.execute("select data from entries").fetchone()[0]
    body = link.execute("select chunk_data from streams where chunk_number = 0").fetchone()[0]
    link.close()
    return {"value": data, "body": body}


def langchain():
    """Generations with and without a message, several of them, and a prompt."""
    from langchain_core.load import dumps
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
    from langchain_core.outputs import ChatGeneration, Generation

    message = AIMessage(
        content="Paris.",
        usage_metadata={"input_tokens": 12, "output_tokens": 3, "total_tokens": 15},
        response_metadata={"model_name": "gpt-4o-mini", "finish_reason": "stop"},
        tool_calls=[{"name": "look_up", "args": {"city": "Paris"}, "id": "c1"}],
    )
    return _named(
        {
            "text": dumps(Generation(text="Paris.", generation_info={"finish_reason": "stop"})),
            "chat": dumps(ChatGeneration(message=message)),
            "several": dumps([Generation(text="a"), Generation(text="b")]),
            "prompt": dumps([SystemMessage("Be brief."), HumanMessage("Capital of France?")]),
        }
    )


def arrays():
    """Arrays of numpy of every kind that is read, and some that are not."""
    import numpy as np

    return _named(
        {
            "rows": pickle.dumps(np.arange(12).reshape(3, 4)),
            "protocol 2": pickle.dumps(np.linspace(0, 1, 5), 2),
            "big endian": pickle.dumps(np.linspace(0, 1, 5).astype(">f4"), 5),
            "columns first": pickle.dumps(np.asfortranarray(np.arange(6, dtype="i2").reshape(2, 3)), 5),
            "moments": pickle.dumps(np.array(["2026-11-21T08:00:01.5", "NaT"], dtype="M8[ns]")),
            "days": pickle.dumps(np.array(["2026-11-21"], dtype="M8[D]")),
            "spans": pickle.dumps(np.array([90], dtype="m8[s]")),
            "texts": pickle.dumps(np.array(["a", "bcd"])),
            "bytes": pickle.dumps(np.array([b"a", b"bcd"])),
            "objects": pickle.dumps(np.array(["a", None, 3, [1]], dtype=object)),
            "bools": pickle.dumps(np.array([True, False])),
            "records": pickle.dumps(np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])),
            "single": pickle.dumps(np.array(5)),
            "cube": pickle.dumps(np.zeros((2, 3, 4))),
            "long": pickle.dumps(np.arange(100_000).reshape(1000, 100)),
        }
    )


def frames():
    """Frames and series of pandas."""
    import pandas as pd

    days = pd.date_range("2026-01-01", periods=3)
    plain = pd.DataFrame(
        {"a": [1, 2, 3], "b": [1.5, float("nan"), 3], "c": ["x", "<b>y</b>", None], "d": days, "e": [True, False, True]}
    )
    odd = pd.DataFrame(
        {
            "c": pd.Categorical(["x", "y", "x"]),
            "i": pd.array([1, None, 3], dtype="Int64"),
            "t": pd.date_range("2026-01-01", periods=3, tz="UTC"),
            "o": pd.Series(["p", 2, None], dtype=object),
            "p": pd.period_range("2026-01", periods=3, freq="M"),
        }
    )
    return _named(
        {
            "protocol 2": pickle.dumps(plain, 2),
            "protocol 5": pickle.dumps(plain, 5),
            "by text": pickle.dumps(plain.set_index("c")),
            "by day": pickle.dumps(plain.set_index("d")),
            "by two": pickle.dumps(plain.set_index(["a", "c"])),
            "odd": pickle.dumps(odd),
            "series": pickle.dumps(pd.Series([1, 2, 3], name="n", index=["x", "y", "z"])),
            "empty": pickle.dumps(pd.DataFrame()),
            "wrapped": pickle.dumps({"value": plain, "created_at": 5}),
        }
    )
