"""A text and a key in, fingerprints of what it says out; a value in, what would make it said there.

This tells whether the argument of a tool call was taken from a text that was read before, when all
that was kept of the text are keyed hashes of 48 bits. They are made of

- the *atoms* of the text: addresses, hosts, URLs, paths, numbers and so on (see ``atoms``);
- its words, each two that stand beside each other, and each four in a row.

A value is a list of *claims*, each a set of fingerprints. It was said in the text if all of any one
claim were: one of its atoms, the whole value where that is short, or four words in a row of it::

    "ann@evil.example"   {mail:ann@evil.example}, {name:evil.example}, {ann evil, evil example}
    "Mallory"            {mallory}
    "wire it to Ann"     {wire it, it to, to ann}
    "please wire the money to Ann today …"   {please wire the money}, {wire the money to}, …

Texts are read as detectors read them (see ``normalize`` and ``views``), so that capitals,
look-alikes, invisible characters, escapes and base64 make no difference, on either side. A value
that is too common says nothing: a word of fewer than four letters or an English one of fewer than
eight, a number of fewer than four digits, a year, a date, fewer than six letters in two words.

The hash of a word is keyed (BLAKE2b, RFC 7693); rows of words are a polynomial of these at a secret
place, modulo a prime (Carter and Wegman 1979), which costs a tenth. Nobody without the key can try
words, and a value that was never there is taken for one that was in one of 4 billion cases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import accumulate, islice, pairwise

from engine.content.atoms import (
    AMOUNT,
    LONG_NUMBER,
    Speaker,
    find_atoms,
    plainly,
    read_amount,
    without_moments,
)
from engine.content.gazetteer import COMMON, GIVEN, SURNAME, WORD, gazetteer, plain
from engine.content.hashing import Hash
from engine.content.normalize import fold
from engine.content.views import views

KEY_BYTES = 32
WORDS = "words"
"""The kind of a claim that is of no atom."""
RUN = 4
"""So many words in a row are no accident."""
MIN_RUN = 12
"""The letters that they have at least, without those of words with digits."""
MIN_WORD = 3
"""Letters of a word that is kept alone."""
WHOLE = 12
"""A value of so many words is looked for as a whole."""
MIN_ALONE, MIN_ENGLISH, MIN_SHORT = 4, 8, 6
"""Letters of a value of one word, of an English one, and of one of several words."""
DEPTH = 2
"""So many disguises inside of each other are undone."""
MOST_READ = 4_194_304
"""Characters of all readings of a text."""
BATCH = 4096
"""Words between two looks at how many fingerprints there are."""
NAMES = GIVEN | SURNAME
WEIGHT = 3
"""Letters that a character is worth in a script that does not part words."""

_MASK = 2**48 - 1
_PRIME = 2**61 - 1
_UNPARTED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
LATIN = "\u024f"
_word = re.compile(rf"[{_UNPARTED}]|[^\W_{_UNPARTED}]+")
_escaped = re.compile(r"\\(?:[nrt]|([^\w\s]))")
"""What strings in JSON and texts in Markdown have for a line's end or a sign."""
_unparted = re.compile(f"[{_UNPARTED}]")
_sum = re.compile(
    r"\W{0,4}(?:[a-z]{1,3}\b)?\W{0,4}([0-9][0-9 .,'\u2019\u00a0]{0,40})\W{0,4}[a-z]{0,4}\W{0,4}"
)
"""A number with its currency."""

Claim = frozenset[int]


@dataclass(frozen=True, slots=True)
class Printer:
    """Makes fingerprints with one key. Those of another key have nothing in common with them."""

    begun: Hash
    at: int
    """The place at which rows of words are evaluated."""
    words: dict[str, int] = field(default_factory=dict)
    """Hashes of words that were met."""

    def prints(self, text: str, most: int, of: Speaker = "content") -> frozenset[int]:
        """Return the fingerprints of what *text* says.

        More than *most* of them, though not all, when there are more. For what the *user* says they
        are also those that a value may have which he meant: a part of a path, a name with a sign.
        """
        found: set[int] = set()
        for some in self._of_text(text, of):
            found.update(some)
            if len(found) > most:
                break
        return frozenset(found)

    def mark(self, text: str) -> int:
        """Return the fingerprint of *text* itself, to the letter: whether it was met before."""
        copy = self.begun.copy()
        copy.update(b"\0" + text.encode("utf-8", "surrogatepass"))
        return int.from_bytes(copy.digest()[:6], "little")

    def _of_text(self, text: str, of: Speaker) -> Iterator[Iterable[int]]:
        one = self._one
        for reading in readings(text):
            words = _word.findall(reading)
            alone = {word for word in words if len(word) >= MIN_WORD}
            yield map(one, alone)
            if of == "user":
                yield (one(f"handle:{word}") for word in alone)
            for start in range(0, len(words), BATCH):
                pairs, runs = self._rows(words[start : start + BATCH + RUN - 1])
                yield pairs
                yield runs
            for said in plainly(reading):
                yield map(one, set(find_atoms(said, of)))

    def claims(self, value: object, most: int) -> dict[Claim, str]:
        """Return the claims of a JSON *value*, of its strings, numbers and names, and their kinds.

        These are the kinds of atoms and `WORDS`. More than *most*, though not all, when there are
        more.
        """
        return dict(islice(self._of_value(value), most + 1))

    def _of_value(self, value: object) -> Iterator[tuple[Claim, str]]:
        waiting = [value]
        while waiting:
            match waiting.pop():
                case str() as text:
                    yield from self._of_string(text)
                case bool():
                    pass
                case int() | float() as number:
                    yield from self._of_number(number)
                case list() as items:
                    waiting += items
                case dict() as members:
                    waiting += members.values()
                    for name in members:
                        yield from self._of_name(name)
                case _:
                    pass

    def _of_string(self, text: str) -> Iterator[tuple[Claim, str]]:
        for reading in readings(text):
            words = _word.findall(reading)
            pairs, runs = self._rows(words)
            if len(words) == 1 and _tells(words[0]):
                yield frozenset({self._one(words[0])}), WORDS
            elif 1 < len(words) <= WHOLE and sum(_sizes(words)) >= MIN_SHORT:
                yield frozenset(pairs), WORDS
            yield from ((frozenset({run}), WORDS) for run in runs)
            for said in plainly(reading):
                yield from self._of_reading(said)

    def _of_name(self, text: str) -> Iterator[tuple[Claim, str]]:
        for reading in readings(text):
            yield from self._of_reading(reading)

    def _of_reading(self, reading: str) -> Iterator[tuple[Claim, str]]:
        alone = _sum.fullmatch(reading)
        number = alone.group(1).strip(" .,'\u2019\u00a0") if alone else ""
        amount = read_amount(number) if AMOUNT.fullmatch(number) else None
        if amount:
            yield frozenset({self._one(f"amount:{amount}")}), "amount"
        for atom in set(find_atoms(reading, "value")):
            yield frozenset({self._one(atom)}), atom.partition(":")[0]

    def _of_number(self, number: float) -> Iterator[tuple[Claim, str]]:
        text = str(number)
        yield from self._of_reading(text.removesuffix(".0"))

    # --- hashes ----------------------------------------------------------------------------------

    def _one(self, word: str) -> int:
        known = self.words.get(word)
        if known is None:
            copy = self.begun.copy()
            copy.update(word.encode("utf-8", "surrogatepass"))
            known = self.words[word] = int.from_bytes(copy.digest()[:6], "little")
        return known

    def _rows(self, words: list[str]) -> tuple[list[int], list[int]]:
        """Return the fingerprints of each two neighbours of *words*, and of each four that tell."""
        # Hot path: comprehensions, as all words of all content come by.
        at, prime, mask = self.at, _PRIME, _MASK
        one = self._one
        hashes = [one(word) for word in words]
        pairs = [((first * at + second) * at + 2) % prime for first, second in pairwise(hashes)]
        letters = [0, *accumulate(_sizes(words))]
        runs = [
            ((first * at + second) * at + RUN) % prime & mask
            for first, second, before, behind in zip(
                pairs, pairs[2:], letters, letters[RUN:], strict=False
            )
            if behind - before >= MIN_RUN
        ]
        return [one & mask for one in pairs], runs


def printer(key: bytes) -> Printer:
    """Return what makes fingerprints with *key*, which has 32 bytes."""
    begun = blake2b(key=key, digest_size=KEY_BYTES, person=b"fingerprints")
    place = blake2b(b"place", key=key, digest_size=KEY_BYTES, person=b"rows of words").digest()
    return Printer(begun, int.from_bytes(place, "little") % _PRIME)


def readings(text: str) -> Iterator[str]:
    """Yield *text* as it is read, in lower case, and as it may be read with disguises undone.

    Without dates and times: every text has some.
    """
    waiting, known = [(text, 0)], set[str]()
    room = MOST_READ
    while waiting:
        text, depth = waiting.pop()
        read = fold(text).text
        low = without_moments(read.casefold().replace("\u3002", "."))
        if low in known:
            continue
        room -= len(low)
        if room < 0 and known:
            return
        known.add(low)
        yield low
        if depth < DEPTH:
            data = read.encode("utf-8", "replace")
            waiting += ((view.text, depth + 1) for view in views(read, data))
            if "\\" in read:
                waiting.append((_escaped.sub(_meant, read), depth + 1))


def _meant(escape: re.Match[str]) -> str:
    return escape.group(1) or " "


def _sizes(words: list[str]) -> list[int]:
    """Return how many letters each of *words* has, or is worth; none where it has a digit."""
    return [
        (WEIGHT if len(word) == 1 and word > LATIN and _unparted.match(word) else len(word))
        if word.isalpha()
        else 0
        for word in words
    ]


def _tells(word: str) -> bool:
    """Return whether the single *word* is none that every text may have."""
    if word.isdigit() or len(word) < MIN_ALONE or LONG_NUMBER.search(word):
        return False
    if len(word) >= MIN_ENGLISH:
        return True
    lists = gazetteer().look(plain(word))
    return not (lists & COMMON or (lists & WORD and not lists & NAMES))
