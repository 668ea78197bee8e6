"""Values that real libraries put into a pickle, made at run time where the library is installed."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import email.message
import enum
import fractions
import http.cookies
import importlib
import ipaddress
import pathlib
import uuid
import zoneinfo
from collections.abc import Callable, Iterator

Named = list[tuple[str, object]]


class Colour(enum.Enum):
    """An enum of an application."""

    RED = 1


@dataclasses.dataclass
class User:
    """A dataclass of an application."""

    name: str
    friends: list[User] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True, frozen=True)
class Point:
    """One with slots."""

    x: int
    y: float


Place = collections.namedtuple("Place", "name height")


class Words(list[str]):
    """A list of an application."""


def _builtins() -> Named:
    me = User("me")
    me.friends.append(me)
    utc = datetime.UTC
    values: dict[str, object] = {
        "enum": Colour.RED,
        "dataclass": me,
        "slots": Point(1, 2.5),
        "namedtuple": Place("hill", 5),
        "list of a class": Words(["a"]),
        "datetime": datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=utc),
        "zone": datetime.datetime(2026, 1, 2, tzinfo=zoneinfo.ZoneInfo("UTC")),
        "timedelta": datetime.timedelta(hours=6),
        "decimal": decimal.Decimal("1.50"),
        "fraction": fractions.Fraction(1, 3),
        "uuid": uuid.UUID(int=7),
        "path": pathlib.PurePosixPath("/a/b"),
        "address": ipaddress.ip_address("::1"),
        "deque": collections.deque([1, 2], 5),
        "defaultdict": collections.defaultdict(list, a=[1]),
        "counter": collections.Counter("aab"),
        "ordered": collections.OrderedDict(a=1),
        "exception": ValueError("no"),
        "range": range(3),
        "complex": 1 + 2j,
        "bytearray": bytearray(b"abc"),
        "sets": [{1, 2}, frozenset({3})],
    }
    return [(name, {"value": value}) for name, value in values.items()]


def _standard_library() -> Named:
    message = email.message.EmailMessage()
    message["Subject"] = "hello"
    message.set_content("body")
    cookies = http.cookies.SimpleCookie("session=secret; Path=/")
    return [("email", {"value": message}), ("cookies", {"value": cookies})]


def _numpy() -> Named:
    numpy = importlib.import_module("numpy")
    values = {
        "array": numpy.arange(6).reshape(2, 3),
        "floats": numpy.ones(1000, "f4"),
        "scalar": numpy.float64(2.5),
        "text": numpy.array(["a", "bc"]),
        "structure": numpy.zeros(2, [("a", "i4"), ("b", "f8")]),
        "objects": numpy.array([None, {"a": 1}], dtype=object),
        "dates": numpy.array(["2026-01-01"], dtype="M8[D]"),
    }
    return [(name, {"value": value}) for name, value in values.items()]


def _pandas() -> Named:
    pandas = importlib.import_module("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", None], "c": pandas.to_datetime(["2026-01-01", None])})
    return [("frame", {"value": frame}), ("series", {"value": frame["a"]})]


def _requests_cache() -> Named:
    models = importlib.import_module("requests_cache.models")
    response = models.CachedResponse(status_code=200, url="http://127.0.0.1/")
    response._content = b'{"a": 1}'
    return [("response", response)]


def _django() -> Named:
    conf = importlib.import_module("django.conf")
    if not conf.settings.configured:
        conf.settings.configure()
    http_of_django = importlib.import_module("django.http")
    strings = importlib.import_module("django.utils.safestring")
    return [
        ("response", {"value": http_of_django.HttpResponse(b"body", headers={"ETag": "x"})}),
        ("safe text", {"value": strings.mark_safe("<b>x</b>")}),
    ]


LIBRARIES: dict[str, Callable[[], Named]] = {
    "builtins": _builtins,
    "standard library": _standard_library,
    "numpy": _numpy,
    "pandas": _pandas,
    "requests-cache": _requests_cache,
    "Django": _django,
}


def all_values() -> Iterator[tuple[str, Named, str]]:
    """Each library with its values, or with the reason why there are none."""
    for library, make in LIBRARIES.items():
        try:
            yield library, make(), ""
        except ImportError as error:
            yield library, [], f"not installed here ({error.name})"
