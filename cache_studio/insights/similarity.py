"""Similar texts: word sets, their Jaccard similarity, and an exact index for the most similar set. Pure.

The index keeps for each word which sets have it: a list of numbers while few have it, a bit for each set once
many do. A lookup compares a few sets that share a rare word one by one, and counts the words that all the others
share by adding up whole bit sets, so it stays quick where most sets share most of their words (templates).
"""

import unicodedata
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeAlias, TypeVar

from cache_studio.model.errors import BadRequest

Id = TypeVar("Id", bound=Hashable)
Numbers: TypeAlias = tuple[int, ...]
"""The words of a set by their numbers."""

EDGES = ".,;:!?…\"'`“”„‘’«»()[]{}<>。、，！？；：「」"
"""Characters that are taken off both ends of a word: `"Cat,"` is the word cat, `-5`, `3.5` and `c++` stay."""
DENSE_SHARE = 128
DENSE_LEAST = 64
"""A word gets a bit a set once it is in more than one of DENSE_SHARE sets, and in more than DENSE_LEAST."""
MOST_DEAD = 1_000
"""Removed sets keep their place until there are more of them than this and than sets that are there."""


def word_set(text: str) -> frozenset[str]:
    """The different words of a text: pieces between white space, NFKC and case folded, without EDGES at their ends."""
    folded = text if text.isascii() else unicodedata.normalize("NFKC", text)
    words = {piece.strip(EDGES) for piece in folded.casefold().split()}
    words.discard("")
    return frozenset(words)


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared words / all words, 0 to 1; 0 where neither has a word."""
    shared = len(one & other)
    return _similarity(len(one), len(other), shared)


def _similarity(one: int, other: int, shared: int) -> float:
    return shared / (one + other - shared) if shared else 0.0


class _Postings:
    """Which sets have a word, by their places; `count` of them."""

    __slots__ = ("_bits", "_places", "count")

    def __init__(self) -> None:
        self.count = 0
        self._places: list[int] | bytearray = []
        self._bits: int | None = None

    def add(self, place: int, sets: int) -> None:
        """Note a place, greater than all before, among that many sets."""
        self.count += 1
        places = self._places
        if isinstance(places, list):
            places.append(place)
            if self.count > DENSE_LEAST and self.count > sets // DENSE_SHARE:
                self._places = _marked(places)
            return
        self._bits = None
        byte = place >> 3
        if byte >= len(places):
            places.extend(bytes(byte + 1 - len(places)))
        places[byte] |= 1 << (place & 7)

    def remove(self, place: int) -> None:
        """Forget a place that was noted."""
        self.count -= 1
        self._bits = None
        if isinstance(self._places, bytearray):
            self._places[place >> 3] &= ~(1 << (place & 7))
        else:
            self._places.remove(place)

    @property
    def few(self) -> list[int] | None:
        """The places, None when there is a bit for each instead."""
        return None if isinstance(self._places, bytearray) else self._places

    @property
    def bits(self) -> int:
        """The places as bits of one number, kept until the next change where there are many."""
        if not isinstance(self._places, bytearray):
            return int.from_bytes(_marked(self._places), "little")
        if self._bits is None:
            self._bits = int.from_bytes(self._places, "little")
        return self._bits


def _marked(places: list[int]) -> bytearray:
    """A bit for each of the places, which rise."""
    marks = bytearray((places[-1] >> 3) + 1 if places else 0)
    for place in places:
        marks[place >> 3] |= 1 << (place & 7)
    return marks


class SimilarityIndex(Generic[Id]):
    """Word sets by id, asked for the most similar one. Exact; not safe for several threads at once."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._words: dict[str, int] = {}
        self._postings: list[_Postings] = []
        self._lengths: dict[int, _Postings] = {}
        self._places: dict[Id, int] = {}
        self._sets: list[tuple[Id, Numbers] | None] = []

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, id: object) -> bool:
        return id in self._places

    def add(self, id: Id, words: Iterable[str]) -> None:
        """Take in a set; one that is known by this id is replaced, and is the newest then."""
        self.remove(id)
        numbers = tuple(map(self._number, set(words)))
        place = len(self._sets)
        self._places[id] = place
        self._sets.append((id, numbers))
        sets, postings = len(self._places), self._postings
        for number in numbers:
            postings[number].add(place, sets)
        self._lengths.setdefault(len(numbers), _Postings()).add(place, sets)

    def _number(self, word: str) -> int:
        number = self._words.get(word)
        if number is None:
            number = self._words[word] = len(self._postings)
            self._postings.append(_Postings())
        return number

    def remove(self, id: Id) -> bool:
        """Forget a set; whether it was there."""
        place = self._places.pop(id, None)
        known = None if place is None else self._sets[place]
        if place is None or known is None:
            return False
        self._sets[place] = None
        for number in known[1]:
            self._postings[number].remove(place)
        self._lengths[len(known[1])].remove(place)
        if len(self._sets) - len(self._places) > max(MOST_DEAD, len(self._places)):
            self._lay_out_anew()
        return True

    def _lay_out_anew(self) -> None:
        texts = list(self._words)
        alive = [known for known in self._sets if known is not None]
        self._clear()
        for id, numbers in alive:
            self.add(id, [texts[number] for number in numbers])

    def nearest(self, words: Iterable[str], threshold: float) -> tuple[Id, float] | None:
        """The id of the most similar set and its similarity; of equals the oldest. None when none is similar enough.

        `threshold` lies above 0 and at most at 1, else BadRequest; a similarity equal to it is enough.
        """
        if not 0 < threshold <= 1:
            raise BadRequest("A similarity threshold lies above 0 and at most at 1.", "0.85 is usual.")
        best = _Search(self._sets, self._lengths, set(words), threshold)
        known = [number for number in map(self._words.get, best.words) if number is not None]
        rarest = sorted((self._postings[number] for number in known), key=lambda postings: postings.count)
        # Any set that is similar enough has at least one of these, whatever rareness orders them by. Words that no
        # set has are the rarest of all.
        needed = best.size - best.fewest_shared() + 1 - (best.size - len(known))
        lists = [postings for postings in rarest if postings.few is not None][: max(0, needed)]
        best.compare_all(lists, set(known))
        if len(lists) < needed:
            rest = [postings for postings in rarest if postings.few is None]
            best.count_shared([postings.bits for postings in rest])
        return best.found()


class _Search(Generic[Id]):
    """One lookup: the best so far, by similarity and then by age."""

    def __init__(
        self,
        sets: list[tuple[Id, Numbers] | None],
        lengths: dict[int, _Postings],
        words: set[str],
        threshold: float,
    ) -> None:
        self._sets = sets
        self._lengths = lengths
        self.words = words
        self.size = len(words)
        self._threshold = threshold
        self._similarity = 0.0
        self._place = -1

    def fewest_shared(self) -> int:
        """How many of the words any set shares that is similar enough."""
        return next((shared for shared in range(1, self.size) if shared / self.size >= self._threshold), self.size)

    def found(self) -> tuple[Id, float] | None:
        """The best one."""
        known = self._sets[self._place] if self._place >= 0 else None
        return None if known is None else (known[0], self._similarity)

    def _offer(self, place: int, similarity: float) -> None:
        older = similarity == self._similarity and place < self._place
        if similarity >= self._threshold and (similarity > self._similarity or older):
            self._place, self._similarity = place, similarity

    def compare_all(self, lists: list[_Postings], numbers: set[int]) -> None:
        """Compare the sets in these lists one by one."""
        places = {place for postings in lists for place in postings.few or ()}
        for place in places:
            known = self._sets[place]
            if known is not None and self._can_be_best(len(known[1])):
                shared = len(numbers.intersection(known[1]))
                self._offer(place, _similarity(self.size, len(known[1]), shared))

    def _can_be_best(self, length: int) -> bool:
        most = _similarity(self.size, length, min(self.size, length))
        return most >= max(self._threshold, self._similarity)

    def count_shared(self, words: list[int]) -> None:
        """Compare all sets at once by the words whose sets are given as bits.

        What a set shares beyond these words is left out: such sets were compared one by one, and what is
        counted here for them is less than what they were offered with.
        """
        planes = _added(words)
        for similarity, length, shared in self._chances(len(words)):
            if similarity < self._similarity:
                break
            if shared >> len(planes):
                continue  # no set shares as many
            having = self._lengths[length].bits
            for weight, plane in enumerate(planes):
                having &= plane if shared >> weight & 1 else ~plane
            if having:
                self._offer((having & -having).bit_length() - 1, similarity)

    def _chances(self, most: int) -> Iterator[tuple[float, int, int]]:
        """Each similarity that is enough, with the length and the shared words that give it, highest first."""
        found = []
        for length, postings in self._lengths.items():
            if postings.count and self._can_be_best(length):
                for shared in range(1, min(most, length) + 1):
                    similarity = _similarity(self.size, length, shared)
                    if similarity >= max(self._threshold, self._similarity):
                        found.append((similarity, length, shared))
        return iter(sorted(found, reverse=True))


def _added(numbers: list[int]) -> list[int]:
    """How many of these numbers have each bit: the binary digits of the counts, lowest first."""
    planes: list[int] = []
    for carry in numbers:
        for weight, plane in enumerate(planes):
            planes[weight], carry = plane ^ carry, plane & carry
            if not carry:
                break
        else:
            planes.append(carry)
    return planes
