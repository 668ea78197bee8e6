"""What a server's `notify-keyspace-events` says, and what it would have to say."""

from dataclasses import dataclass

FLAGS = "notify-keyspace-events"
"""The setting of the server."""
_CHANGES = frozenset("g$lshzxet")
"""Classes of events that tell of every change of a key."""
_ALL = _CHANGES | {"d"}
"""What "A" stands for."""
_NEW = "n"
"""New keys (from Redis 7 on): a server that is set to "A" does not tell whether it is set to this, too."""
_MISSES = "m"
"""Lookups that found nothing (from Redis 6 on); "A" does not contain it."""


@dataclass(frozen=True, slots=True)
class Flags:
    """One value of the setting."""

    text: str = ""

    @property
    def letters(self) -> frozenset[str]:
        """Its letters, "A" written out, less what servers do not tell: the same for values that mean the same."""
        return frozenset(self.text) - {"A", _NEW} | (_ALL if "A" in self.text else frozenset())

    @property
    def by_key(self) -> bool:
        """Whether events are announced under the name of their key."""
        return "K" in self.text

    @property
    def by_event(self) -> bool:
        """Whether keys are announced under the name of their event."""
        return "E" in self.text

    @property
    def speak(self) -> bool:
        """Whether any change is announced."""
        return (self.by_key or self.by_event) and bool(self.letters & _ALL)

    @property
    def tell_changes(self) -> bool:
        """Whether every change is announced."""
        return (self.by_key or self.by_event) and self.letters >= _CHANGES

    @property
    def tell_misses(self) -> bool:
        """Whether every change and every miss is announced."""
        return self.tell_changes and _MISSES in self.text

    def completed(self) -> "Flags":
        """With what is missing to tell every change and every miss; nothing that is set is left out."""
        if self.tell_misses:
            return self
        rest = "".join(letter for letter in self.text if letter not in _ALL | {"A", _MISSES})
        by = "" if self.by_key or self.by_event else "K"
        return Flags(f"A{rest}{by}{_MISSES}")


def by_hand(now: Flags | None) -> str:
    """The line that an administrator may enter; `now` is what is set, None where it may not be asked."""
    line = f"CONFIG SET {FLAGS} {(now or Flags()).completed().text}"
    return line if now is not None else f"{line} (and the letters that are set already)"
