"""Assets and which stored one is similar to an asked one: by the words of its prompt, never across configurations."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cache_studio.adapters.asset_cache.prompts import Prompt, Prompts
from cache_studio.insights.similarity import SimilarityIndex, word_set
from cache_studio.model.errors import BadRequest
from cache_studio.runtime.keys import canonical_json, text_key

SPEECH, IMAGE = "tts", "image"
"""The types as the layout names them."""
ENGINE, VOICE, NEGATIVE = "engine", "voice_config", "negative_prompt"
"""Names in an entry's metadata."""
Configuration: TypeAlias = tuple[str, ...]
"""What an asset was made with beside its text; assets of different ones are never similar."""


@dataclass(frozen=True, slots=True)
class Asset:
    """What is asked for: made by `speech` and `image`."""

    type: str
    text: str
    """The text to be spoken, or the prompt."""
    configuration: Configuration
    metadata: Mapping[str, object] = field(hash=False)

    @property
    def key(self) -> str:
        """SHA-256 of text and configuration (systems.md, S4)."""
        return text_key(self.text, *self.configuration)


def speech(text: str, engine: str, voice: Mapping[str, object]) -> Asset:
    """Spoken text; BadRequest for a voice configuration that JSON does not hold, or an engine with `|` in its name."""
    if "|" in engine:
        raise BadRequest("The name of an engine holds no “|”.", "It stands between text and engine in the key.")
    return Asset(SPEECH, text, (engine, canonical_json(voice)), {ENGINE: engine, VOICE: dict(voice)})


def image(prompt: str, negative: str = "") -> Asset:
    """A generated image."""
    return Asset(IMAGE, prompt, (negative,), {NEGATIVE: negative})


def configuration_of(asset_type: str, metadata: Mapping[str, object]) -> Configuration | None:
    """What a stored entry says that it was made with; None where it does not."""
    if asset_type == IMAGE:
        return (str(metadata.get(NEGATIVE, "")),)
    if asset_type != SPEECH or ENGINE not in metadata or VOICE not in metadata:
        return None
    try:
        return str(metadata[ENGINE]), canonical_json(metadata[VOICE])
    except BadRequest:  # a stranger's metadata may hold what JSON does not, such as NaN
        return None


class AssetIndex:
    """The prompts of a cache, asked for similar ones. Safe for many threads.

    The prompts are read at the first question, and what any process stored since at each later one.
    """

    def __init__(self, prompts: Prompts, threshold: float) -> None:
        self._prompts = prompts
        self._threshold = threshold
        self._lock = threading.Lock()
        self._known: set[tuple[str, str]] = set()
        self._groups: dict[tuple[str, Configuration], SimilarityIndex[str]] = {}
        self._foreign: dict[str, list[tuple[str, str]]] = {}
        """By type, key and text of entries whose metadata do not prove what they were made with."""
        self._tested: dict[tuple[str, Configuration], int] = {}
        """How many of these were compared with a configuration."""

    def similar(self, asset: Asset) -> Iterator[tuple[str, float]]:
        """Keys with their similarity, highest first.

        Asking for the next one says that the last is not there any more.
        """
        words = word_set(asset.text)
        with self._lock:
            self._take_in_news()
            group = self._group(asset)
        while group is not None:
            with self._lock:
                found = group.nearest(words, self._threshold)
            if found is None:
                return
            yield found
            with self._lock:
                group.remove(found[0])
                self._known.discard((asset.type, found[0]))

    def _group(self, asset: Asset) -> SimilarityIndex[str] | None:
        place = asset.type, asset.configuration
        foreign = self._foreign.get(asset.type, ())
        for key, text in foreign[self._tested.get(place, 0) :]:
            if text_key(text, *asset.configuration) == key:
                self._groups.setdefault(place, SimilarityIndex()).add(key, word_set(text))
        if foreign:
            self._tested[place] = len(foreign)
        return self._groups.get(place)

    def _take_in_news(self) -> None:
        for prompt in self._prompts.news():
            if (prompt.asset_type, prompt.key) not in self._known:
                self._known.add((prompt.asset_type, prompt.key))
                self._take_in(prompt)

    def _take_in(self, prompt: Prompt) -> None:
        configuration = configuration_of(prompt.asset_type, prompt.metadata)
        # The key is the proof: it is the digest of the text and what the asset was made with.
        if configuration is not None and text_key(prompt.text, *configuration) == prompt.key:
            group = self._groups.setdefault((prompt.asset_type, configuration), SimilarityIndex())
            group.add(prompt.key, word_set(prompt.text))
        else:
            self._foreign.setdefault(prompt.asset_type, []).append((prompt.key, prompt.text))
