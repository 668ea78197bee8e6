import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache_studio.model.errors import BadRequest
from cache_studio.model.targets import parse_target

FORMATS = ("json-directory", "diskcache", "redis")


@pytest.mark.parametrize(
    ("text", "location", "format_name", "options"),
    [
        ("./cache", "./cache", "", {}),
        ("diskcache:./cache", "./cache", "diskcache", {}),
        ("app.db?table=http_cache", "app.db", "", {"table": "http_cache"}),
        ("json-directory:./c?ttl=24h&created=at", "./c", "json-directory", {"ttl": "24h", "created": "at"}),
        ("C:\\cache", "C:\\cache", "", {}),
        ("what?.json", "what?.json", "", {}),
        ("redis://h:6379/0?prefix=app:cache:", "redis://h:6379/0", "", {"prefix": "app:cache:"}),
        ("redis://h?format=redis", "redis://h", "redis", {}),
        ("unix:///run/redis.sock", "unix:///run/redis.sock", "", {}),
        ("redis://[::1]:7000/1", "redis://[::1]:7000/1", "", {}),
    ],
)  # fmt: skip
def test_reads(text, location, format_name, options):
    target = parse_target(text, FORMATS)
    assert (target.location, target.format, dict(target.options)) == (location, format_name, options)


@pytest.mark.parametrize("text", ["redis://user:s3cret@host/0", "redis://host?password=s3cret", "redis://:s3cret@host"])
def test_a_password_is_taken_out_and_never_shown(text):
    target = parse_target(text)
    assert target.password == "s3cret"
    assert "s3cret" not in str(target) + repr(target)


@pytest.mark.parametrize("text", ["", "   ", "redis://host:port/0", "redis://[::1"])
def test_refuses_what_makes_no_sense(text):
    with pytest.raises(BadRequest) as caught:
        parse_target(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "local"),
    [("./x", True), ("redis://localhost", True), ("redis://[::1]:1/0", True), ("redis://10.0.0.1", False),
     ("unix:///s", True)],
)  # fmt: skip
def test_knows_what_is_this_machine(text, local):
    assert parse_target(text).is_local is local


@settings(deadline=None)
@given(
    st.sampled_from(["/tmp/cache", "redis://host:1/2"]),
    st.sampled_from(["", "redis"]),
    st.dictionaries(st.sampled_from(["ttl", "prefix", "table"]), st.text(st.characters(codec="utf-8"), max_size=8)),
)
def test_what_is_shown_is_read_back(location, format_name, options):
    target = parse_target(location).with_options(options, format_name)
    again = parse_target(str(target), FORMATS)
    assert (again.location, again.format, dict(again.options)) == (location, format_name, options)
