"""The studio: what is attached, and what all of it shares. One object for the window, one for a command."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from cache_studio.adapters.registry import get_format
from cache_studio.config import paths
from cache_studio.config.profiles import Profile, Profiles
from cache_studio.config.settings import Settings, SettingsFile
from cache_studio.model.environments import Environment, environment_named, guessed_environment, starts_writable
from cache_studio.model.errors import BadRequest, CacheStudioError, WrongFormat
from cache_studio.model.targets import Target
from cache_studio.services.act import recover
from cache_studio.services.announcing import Announcing
from cache_studio.services.attachment import Attachment, Place
from cache_studio.services.demo import is_of_demo
from cache_studio.services.monitor import Monitor
from cache_studio.services.passwords import Passwords
from cache_studio.services.proposals import Proposal, choose, parse, propose
from cache_studio.services.show import Reader
from cache_studio.services.standing import News, Phase
from cache_studio.trash.trash import Trash

Listener = Callable[[Attachment, News], None]
"""Told on an attachment's thread; must return at once."""


class Studio:
    """Settings, remembered caches, trash, history and the attachments. `close` it at the end."""

    def __init__(self, *, follow: bool, listener: Listener = lambda attachment, news: None) -> None:
        """`follow`: whether attached caches are watched and sampled into the history (the window; not a command)."""
        self._settings_file = SettingsFile(paths.settings_file())
        self.settings, self.notices = self._settings_file.load()
        self.profiles = Profiles(paths.profiles_file())
        self.passwords = Passwords(self.profiles)
        self.trash = Trash(paths.trash_folder(), time.time())
        if self.trash.notice:
            self.notices = [*self.notices, self.trash.notice]
        self.announcing = Announcing(paths.announced_folder())
        self.notices = [*self.notices, *self.announcing.notices()]
        self.reader = Reader()
        self.attachments: list[Attachment] = []
        self._listener = listener
        self.monitor = Monitor(self.settings) if follow else None
        if self.monitor is not None and self.monitor.notice:
            self.notices = [*self.notices, self.monitor.notice]

    def resolve(self, wanted: str | Target, *, read_only: bool | None = None) -> Place:
        """What `wanted` (a remembered name, a path, a URL) would attach. Blocks; not for the window's thread.

        Attached read-only when asked, when remembered so, in production, or when the cache is on another host and
        nobody decided.
        Raises BadRequest, CacheUnavailable or WrongFormat.
        """
        profile = self.profiles.find(str(wanted))
        target = wanted if isinstance(wanted, Target) else self.target_of(wanted)
        target = self.passwords.complete(target)
        if profile is None or not target.format:
            target = self._decided(target)
            profile = profile or self.profiles.find(str(target))
        place = self.place_of(target, profile)
        place = replace(place, keep_password=self.passwords.is_kept(target))
        if profile is None:
            environment = self.environment_of(target)
            place = replace(place, environment=environment, writable=starts_writable(target, environment))
        return place if read_only is None else replace(place, writable=not read_only)

    def target_of(self, text: str) -> Target:
        """The target of a remembered name, or of what a user wrote."""
        profile = self.profiles.find(text)
        return parse(profile.target if profile else text)

    def _decided(self, target: Target) -> Target:
        """With format and options: as it is recognised or, where nothing is left to recognise, as it was emptied."""
        try:
            return choose(propose(target)).target
        except WrongFormat:
            for action in self.trash.actions():
                emptied = parse(action.target)
                if emptied.location == target.location and target.format in ("", emptied.format):
                    return emptied.with_options(dict(emptied.options) | dict(target.options))
            raise

    def same_place(self, text: str, known: str) -> Target:
        """`text` where it is the cache of the target `known` (but for a password); BadRequest where it is another."""
        given, wanted = self.target_of(text), parse(known)
        if given.location != wanted.location:
            raise BadRequest("This is another cache.", f"The action was done on {known}.")
        return Target(wanted.location, wanted.format, wanted.options, given.password)

    def environment_of(self, target: Target) -> Environment:
        """The mark that the server of a target was given last, by any remembered cache there; else what is certain."""
        if not target.is_url:
            return Environment.NONE
        for profile in self.profiles.recent(MANY):
            named = environment_named(profile.environment)
            if named is not None and _is_same_server(profile.target, target):
                return named
        return guessed_environment(target)

    def place_of(self, target: Target, profile: Profile | None = None) -> Place:
        """The place of a target whose format and options are decided.

        What a profile says counts; one in production opens read-only all the same, each time.
        """
        settings = self.settings
        named = environment_named(profile.environment) if profile else None
        environment = guessed_environment(target) if named is None else named
        decided = starts_writable(target, environment) if profile is None else not profile.read_only
        place = Place(
            name=profile.name if profile else short_name(target),
            target=target,
            format=get_format(target.format),
            writable=decided and environment is not Environment.PRODUCTION,
            target_hit_rate=profile.target_hit_rate if profile else settings.target_hit_rate,
            sample_every=settings.sample_seconds if self.monitor is not None else float("inf"),
            environment=environment,
        )
        _ = place.options  # a wrong option is refused here, before anything is opened
        return place

    def proposals(self, text: str) -> list[Proposal]:
        """Every way to attach `text`, for the attach dialog. Blocks."""
        return propose(parse(text))

    def attach(self, place: Place, listener: Listener | None = None) -> Attachment:
        """Attach a cache; returns at once, the attachment opens on its own thread.

        What a kill left open of an action on this cache is settled first (`act.recover`).
        """
        self.passwords.keep_for_session(place.target)
        heard = listener or self._listener
        monitor = self.monitor

        def tell(attachment: Attachment, news: News) -> None:
            if news is News.PHASE and attachment.standing.phase is Phase.READING:
                self.announcing.meet(attachment)
            if monitor is not None:
                monitor.hear(attachment, news)
            heard(attachment, news)

        attachment = Attachment(place, tell)
        self.attachments.append(attachment)
        attachment.start()
        if place.writable:
            # Fails only where the attachment fails too, which says so itself.
            recover(attachment, self.trash)
        return attachment

    def remember(self, place: Place) -> Place:
        """Keep a place among the remembered caches; returns it with the name it was given.

        What lives only as long as the demo is not kept.
        """
        if is_of_demo(place.target):
            return place
        profile = Profile(
            name=place.name,
            target=str(place.target),
            format=place.format.name,
            target_hit_rate=place.target_hit_rate,
            read_only=not place.writable,
            last_opened=time.time(),
            password_kept=place.keep_password,
            environment=str(place.environment),
        )
        return replace(place, name=self.profiles.remember(profile).name)

    def settle_password(self, place: Place) -> None:
        """Bring the system's keyring to what the place says; to be done before `remember`. Blocks.

        CacheStudioError when the keyring fails: the password is then known for this session only.
        """
        if place.keep_password:
            self.passwords.keep_in_keyring(place.target)
        elif self.passwords.is_kept(place.target):
            self.passwords.forget_in_keyring(place.target)

    def detach(self, attachment: Attachment) -> None:
        """Close an attachment; it stays among the remembered ones."""
        if self.monitor is not None:
            self.monitor.leave(attachment)
        self.announcing.leave(attachment)
        attachment.close()
        if attachment in self.attachments:
            self.attachments.remove(attachment)

    def save(self, settings: Settings) -> None:
        """Keep new settings; attached caches take them over when they are attached again."""
        self.settings = settings
        self._settings_file.save(settings)

    def tidy(self) -> None:
        """Let go what the settings no longer keep in trash and history."""
        settings = self.settings
        self.trash.enforce_retention(settings.trash_days, settings.trash_bytes, time.time())
        if self.monitor is not None:
            self.monitor.tidy()

    def close(self) -> None:
        """Detach everything and let go of all threads, children and files."""
        for attachment in list(self.attachments):
            self.detach(attachment)
        self.reader.close()
        if self.monitor is not None:
            self.monitor.close()
        self.trash.close()


MANY = 1_000
"""Remembered caches that are looked through for the mark of a server."""
SAYS_NOTHING = ("cache", ".cache", "caches", "cache.db", "l3")
"""Names of folders and files that half of all caches have."""


def short_name(target: Target) -> str:
    """A name for a cache that nobody named: the last telling part of its target."""
    if target.is_url:
        prefix = target.options.get("prefix", "").rstrip(":")
        return prefix or target.location.partition("://")[2]
    parts = [part for part in target.location.split(os.sep) if part]
    telling = [part for part in parts if part not in SAYS_NOTHING]
    return (telling or parts or [target.location])[-1]


def _is_same_server(text: str, target: Target) -> bool:
    """Whether a remembered target lies on the server of another one, whoever the user is."""
    try:
        known = parse(text)
    except BadRequest:
        return False
    return known.is_url and _server(known) == _server(target)


def _server(target: Target) -> tuple[str, str]:
    parts = urlsplit(target.location)
    place = parts.path if parts.scheme == "unix" else parts.netloc.rpartition("@")[2]
    return place, target.options.get("ssh", "")


def sentence(error: BaseException) -> str:
    """An error as one line of text: message and hint."""
    if isinstance(error, CacheStudioError):
        return f"{error.message} {error.hint}".strip()
    return str(error)
