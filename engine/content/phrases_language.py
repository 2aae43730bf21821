"""What a language says in prompt injections, to its phrases: override, exfiltration, role, orders.

A language is a list of words that take back, of what is taken back, and so on, and of whether the
verb comes last, as in Japanese or Turkish. They are written as people write them, and brought to
the form in which `injection.plain` returns a text: without accents, Hangul in letters.
"""

# ruff: noqa: RUF001 - letters of other scripts are on purpose

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from engine.content.phrases import Phrase

GAP = r"[^.!?。！？।؟\n]{0,48}"
ALIKE = str.maketrans("łıđø", "lido")
_literal = re.compile(r"[^-\[\](){}?.,*+:|]+")
_group = re.compile(r"\(\?:([^()]*)\)(\??)")


@dataclass(frozen=True, slots=True)
class Language:
    """What is said in one language; each field is a pattern of alternatives.

    *ignore* and *orders*: verbs that take back, and what; *show* and *prompt*: verbs that give
    away, and what; *role*: whole phrases that put the model in another role; *put* and *answer*:
    verbs that shape an answer, and the model's answer; *ask* and *secret*: words that ask, and for
    which secret; *quiet*: whole phrases after which the user does not hear of it.
    """

    ignore: str
    orders: str
    show: str
    prompt: str
    role: str
    put: str = ""
    answer: str = ""
    ask: str = ""
    secret: str = ""
    quiet: str = ""
    verb_last: bool = False


def bare(pattern: str) -> str:
    """Return *pattern* without accents: how `injection.plain` leaves a text."""
    made = "".join(
        char
        for char in unicodedata.normalize("NFD", unicodedata.normalize("NFKC", pattern))
        if not unicodedata.combining(char)
    )
    return made.casefold().translate(ALIKE)


def phrases_of(language: Language) -> Iterator[Phrase]:
    """Yield the phrases of *language*, those of which it has words."""
    for signal, verb, noun, direct, embedded in (
        ("override", language.ignore, language.orders, 0.88, 0.95),
        ("exfiltration", language.show, language.prompt, 0.82, 0.88),
        ("exfiltration", language.ask, language.secret, 0.6, 0.7),
        ("instruction_in_document", language.put, language.answer, 0.12, 0.7),
    ):
        if verb:
            pair = _pair(language, verb, noun)
            yield Phrase(signal, pair, _words(noun), direct, embedded, hint=bare(noun))
    for signal, whole, direct, embedded in (
        ("roleplay", language.role, 0.45, 0.55),
        ("secrecy", language.quiet, 0.3, 0.6),
    ):
        if whole:
            yield Phrase(signal, bare(whole), _words(whole), direct, embedded, hint=bare(whole))


def _pair(language: Language, verb: str, noun: str) -> str:
    # In scripts without capitals, words are not parted by what RE2 takes for their boundaries.
    start = r"\b" if verb[0].isascii() else ""
    if language.verb_last:
        return bare(rf"(?:{noun}){GAP}(?:{verb})")
    return bare(rf"{start}(?:{verb}){GAP}(?:{noun})")


def _words(pattern: str) -> tuple[str, ...]:
    """Return the literal words of which one is in all that *pattern* matches."""
    return tuple(dict.fromkeys(_longest(one) for one in _spelled(bare(pattern))))


def _spelled(pattern: str) -> Iterator[str]:
    """Yield the alternatives of *pattern*, and those of its groups, one by one."""
    found = _group.search(pattern)
    if found is None:
        yield from pattern.split("|")
        return
    first, after = pattern[: found.start()], pattern[found.end() :]
    done, _, before = first.rpartition("|")
    if done:
        yield from done.split("|")
    choices = [*found.group(1).split("|"), *([""] if found.group(2) else [])]
    # What follows the next bar outside of groups is another alternative: it is spelled once.
    depth, stop = 0, len(after)
    for at, char in enumerate(after):
        depth += (char == "(") - (char == ")")
        if char == "|" and not depth:
            stop = at
            break
    for choice in choices:
        yield from _spelled(before + choice + after[:stop])
    if stop < len(after):
        yield from _spelled(after[stop + 1 :])


def _longest(part: str) -> str:
    words: list[str] = _literal.findall(part)
    return max(words, key=len)
