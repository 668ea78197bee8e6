"""The form of a server and its target: each is made from the other without losing anything."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache_studio.adapters.redis_options import LINK_OPTIONS, place_of
from cache_studio.model.errors import BadRequest
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target
from cache_studio.services.server_fields import Kind, ServerFields, fields_of, target_of

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
FILES = WORDS.map(str.strip)
HOSTS = st.sampled_from(["localhost", "db.example.com", "10.0.0.7", "::1", "fe80::1"])
PORTS = st.none() | st.integers(1, 65_535)
OTHERS = st.dictionaries(st.sampled_from(["timeout", "separator", "role"]), st.sampled_from(["5s", "1", "x/y"]))


@st.composite
def forms(draw: st.DrawFn) -> ServerFields:
    """Fields of any kind; what a kind has no use for keeps its default, as in the form."""
    kind = draw(st.sampled_from(Kind))
    several = draw(st.lists(HOSTS, min_size=2, max_size=3))
    tls = kind is not Kind.SOCKET and draw(st.booleans())
    one = kind is Kind.SERVER or draw(st.booleans())
    joined = ", ".join(f"[{host}]" if ":" in host else host for host in several)
    return ServerFields(
        kind=kind,
        hosts="" if kind is Kind.SOCKET else draw(HOSTS) if one else joined,
        port=None if kind is Kind.SOCKET else draw(PORTS),
        path="/" + draw(WORDS.map(lambda text: text.strip("/ "))) if kind is Kind.SOCKET else "",
        db=0 if kind is Kind.CLUSTER else draw(st.integers(0, 99)),
        service=draw(WORDS.map(str.strip).filter(bool)) if kind is Kind.SENTINEL else "",
        user=draw(WORDS),
        password=draw(WORDS),
        tls=tls,
        ca=draw(FILES) if tls else "",
        cert=draw(FILES) if tls else "",
        key=draw(FILES) if tls else "",
        verified=draw(st.booleans()) if tls else True,
        ssh="" if kind is Kind.SOCKET else draw(st.sampled_from(["", "me@host", "me@host:2222"])),
        prefix=draw(WORDS),
        format=draw(st.sampled_from(["", "redis", "redis-response"])),
        others=MappingProxyType(draw(OTHERS)),
    )


@settings(deadline=None)
@given(forms())
def test_a_form_comes_back_from_its_target_and_from_the_text_of_it(fields: ServerFields) -> None:
    target = target_of(fields)
    assert fields_of(target) == fields
    again = parse_target(str(target))
    assert (again.location, dict(again.options), again.format) == (target.location, dict(target.options), target.format)


@settings(deadline=None)
@given(forms())
def test_a_password_is_never_in_the_text_of_the_target(fields: ServerFields) -> None:
    secret = "c4nary/?#@:Sq7"
    target = target_of(replace(fields, password=secret))
    assert target.password == secret
    assert "c4nary" not in str(target) + repr(target) + repr(fields_of(target))


@pytest.mark.parametrize(
    "text",
    [
        "redis://localhost", "redis://h:7000/3?prefix=a:b:", "rediss://me@h/1?ca=/a b&verify=off", "redis://[::1]:7/0",
        "redis+sentinel://a:1,b:2/my%2Fmaster/2", "rediss+sentinel://a,b/m?role=replica", "redis+cluster://a:1,b",
        "rediss+cluster://a", "unix:///run/r%3Fx.sock?db=4", "unix://me@/run/x.sock", "redis://h?db=5&ssh=a@b:22",
        "redis://h/2?timeout=9s&format=redis",
    ],
)  # fmt: skip
def test_a_target_means_the_same_after_it_was_in_the_form(text: str) -> None:
    target = parse_target(text)
    again = target_of(fields_of(target))
    options = [{name: value for name, value in one.options.items() if name != "prefix"} for one in (target, again)]
    first, second = (
        place_of(one, read_options(LINK_OPTIONS, given)) for one, given in zip((target, again), options, strict=True)
    )
    assert first == second
    assert (again.format, again.options.get("prefix")) == (target.format, target.options.get("prefix"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (ServerFields(hosts=" "), "host is missing"),
        (ServerFields(hosts="a b"), "no host"),
        (ServerFields(hosts="me@h"), "no host"),
        (ServerFields(hosts="h:seven"), "no host"),
        (ServerFields(hosts="h/1"), "no host"),
        (ServerFields(hosts="a, b"), "one host"),
        (ServerFields(Kind.SENTINEL), "service is missing"),
        (ServerFields(Kind.SOCKET, path="redis.sock"), "socket is missing"),
    ],
)
def test_a_field_that_makes_no_sense_is_named(fields: ServerFields, said: str) -> None:
    with pytest.raises(BadRequest, match=said) as raised:
        target_of(fields)
    assert raised.value.hint


def test_a_path_has_the_form_of_this_machine() -> None:
    assert fields_of(parse_target("./cache")) == ServerFields()
