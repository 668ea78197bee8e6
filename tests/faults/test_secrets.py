"""Passwords: in the system's keyring where a user wants that, else for the session only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import keyring
import pytest
import redis
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyrings_in_memory import FakeKeyring, Locked, PlainFile, Silent
from servers import RedisServer

from cache_studio.config import secrets
from cache_studio.model.errors import BadRequest, CacheStudioError
from cache_studio.model.targets import parse_target, shown_target, without_passwords
from cache_studio.services.passwords import server_of
from cache_studio.services.studio import Studio

CANARY = "c4nary.Sq7"


@pytest.fixture(autouse=True)
def _own_keyring() -> Iterator[None]:
    """No test sees the keyring of whoever runs it."""
    keyring.set_keyring(NoKeyring())
    yield
    keyring.set_keyring(NoKeyring())


@pytest.fixture
def locked_server(redis_server: RedisServer) -> Iterator[RedisServer]:
    """A server that wants the canary, with three entries."""
    with RedisServer(["--requirepass", CANARY]) as server:
        with redis.Redis.from_url(server.url, password=CANARY, protocol=2) as client:
            client.mset({"app:1": "value", "app:2": "value", f"app:sk-{'a' * 20}": "value"})
        yield server


@pytest.fixture
def studio() -> Iterator[Callable[[], Studio]]:
    """Makes studios one after the other: sessions."""
    made: list[Studio] = []

    def make() -> Studio:
        while made:
            made.pop().close()
        made.append(Studio(follow=False))
        return made[-1]

    yield make
    for one in made:
        one.close()


# The door to the keyring ----------------------------------------------------------------------------------------


def test_r12_a_password_is_kept_read_and_forgotten() -> None:
    keyring.set_keyring(FakeKeyring())
    assert secrets.why_no_keyring() == ""
    assert secrets.read_password("redis://host") == ""
    secrets.keep_password("redis://host", CANARY)
    assert secrets.read_password("redis://host") == CANARY
    secrets.forget_password("redis://host")
    secrets.forget_password("redis://host")
    assert secrets.read_password("redis://host") == ""


@pytest.mark.parametrize("backend", [NoKeyring, PlainFile])
def test_r12_what_protects_nothing_is_no_keyring(backend: type[KeyringBackend]) -> None:
    keyring.set_keyring(backend())
    assert secrets.why_no_keyring().startswith("This system has no keyring")
    with pytest.raises(CacheStudioError, match="no keyring") as raised:
        secrets.keep_password("redis://host", CANARY)
    assert "until Cache Studio is closed" in raised.value.hint


def test_r12_of_several_a_plain_file_is_never_the_second_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    locked, plain = Locked(), PlainFile()
    monkeypatch.setattr(ChainerBackend, "backends", [locked, plain])
    keyring.set_keyring(ChainerBackend())
    with pytest.raises(CacheStudioError):
        secrets.keep_password("redis://host", CANARY)
    assert plain.kept == {}


def test_r12_a_keyring_that_refuses_is_one_sentence_without_the_password() -> None:
    keyring.set_keyring(Locked())
    for call in (lambda: secrets.keep_password("redis://host", CANARY), lambda: secrets.read_password("redis://host")):
        with pytest.raises(CacheStudioError, match="KeyringLocked") as raised:
            call()
        assert CANARY not in f"{raised.value} {raised.value.hint} {raised.value.__cause__}"


def test_r12_a_keyring_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Silent()
    keyring.set_keyring(silent)
    monkeypatch.setattr(secrets, "LONGEST_WAIT", 0.05)
    with pytest.raises(CacheStudioError, match="did not answer"):
        secrets.read_password("redis://host")
    silent.go_on.set()


# Sessions -------------------------------------------------------------------------------------------------------


@pytest.mark.redis
def test_r12_a_kept_password_opens_the_cache_in_the_next_session(
    studio: Callable[[], Studio], locked_server: RedisServer
) -> None:
    fake = FakeKeyring()
    keyring.set_keyring(fake)
    first = studio()
    url = f"{locked_server.url.replace('://', f'://:{CANARY}@')}?prefix=app:&format=redis"
    place = first.resolve(url)
    assert not place.keep_password
    place = replace(place, keep_password=True, name="mine")
    first.settle_password(place)
    first.remember(place)
    assert list(fake.kept.values()) == [CANARY]

    second = studio()
    again = second.resolve("mine")
    assert (again.target.password, again.keep_password) == (CANARY, True)
    second.attach(again).listed().result(10)
    assert second.resolve(locked_server.url + "?prefix=other:").target.password == CANARY
    assert second.passwords.complete(parse_target(locked_server.url.replace("redis:", "rediss:"))).password == ""

    second.settle_password(replace(again, keep_password=False))
    assert fake.kept == {}


@pytest.mark.redis
def test_r12_without_a_keyring_a_password_lives_as_long_as_the_session(
    studio: Callable[[], Studio], locked_server: RedisServer
) -> None:
    first = studio()
    wanted = f"{locked_server.url}?prefix=app:&format=redis"
    place = first.resolve(wanted.replace("://", f"://:{CANARY}@"))
    first.remember(place)
    first.detach(first.attach(place))
    assert first.resolve(place.name).target.password == CANARY
    second = studio()
    again = second.attach(second.resolve(wanted))
    with pytest.raises(CacheStudioError, match="wants a password"):
        again.listed().result(10)


def test_r12_a_password_belongs_to_one_server_and_user() -> None:
    texts = (
        "redis://h:1/0?prefix=a",
        "redis://h:1/3",
        "redis://u@h:1/0",
        "rediss://h:1/0",
        "redis://h:2/0",
        "unix:///s",
    )
    assert [server_of(parse_target(text)) for text in texts] == [
        "redis://h:1", "redis://h:1", "redis://u@h:1", "rediss://h:1", "redis://h:2", "unix:///s",
    ]  # fmt: skip


@pytest.mark.parametrize("half", ["pa/ss", "12/34", "12?34", "12#34", "pa?ss", "1/2@3"])
def test_r11_a_password_that_cuts_the_url_is_not_shown_in_part(half: str) -> None:
    with pytest.raises(BadRequest) as raised:
        parse_target(f"redis://:{half}@host:6379/0")
    assert half[:2] not in str(raised.value)
    assert "%2F" in raised.value.hint
    assert half[:2] not in shown_target(f"redis://:{half}@host:6379/0")


def test_r11_texts_that_quote_a_url_lose_its_password() -> None:
    assert without_passwords(f"no such: redis://me:{CANARY}@h:1/0?a=b c") == "no such: redis://me:***@h:1/0?a=b c"
    assert without_passwords(f"redis://h/0?password={CANARY}&b=1") == "redis://h/0?password=***&b=1"
    assert without_passwords("redis://h:6379/0 and me@example.com") == "redis://h:6379/0 and me@example.com"
