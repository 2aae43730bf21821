"""Text to persons, addresses, places and organisations, by lists of names and a small model.

`tagger_runs` finds the runs of words that may hold names, `tagger_decode` asks the model for their
labels, `tagger_rules` finds dates, ages, titles and nationalities by patterns.

What is said about a place depends on nothing farther than 256 characters from it, and `settled`
tells a stream up to where nothing can change.
"""

from __future__ import annotations

import re

from engine.content.tagger_decode import Name, decode, may_name, names, weigh
from engine.content.tagger_model import Model, Said, load_model, scores
from engine.content.tagger_rules import RULED, find_ruled, open_line
from engine.content.tagger_runs import find_runs, length, read_pieces, settled_piece

Found = tuple[str, int, int, float]
"""An entity, its place in code points, its score."""

NAMED = frozenset({"pii.person", "pii.address", "pii.location", "pii.organization"})
PERSON = "pii.person"
NATION = "pii.nrp"
ELECTRONIC = re.compile(
    r"[\w.+-]{1,64}@[\w.-]{1,128}|\bhttps?://\S{1,200}|\bwww\.\S{1,200}", re.IGNORECASE
)
"""Addresses of mail and of the web: names in them are no names by themselves."""
SPACE = re.compile(r"\s")
SERVED = NAMED | RULED
"""The entities that `find` knows."""


def warm() -> None:
    """Read the lists and the model, so that no text has to wait for them."""
    load_model()


def find(text: str, wanted: frozenset[str]) -> list[Found]:
    """Return what of *wanted* is in *text*, by place: name, start, end in code points, score 0..1.

    Never raises, whatever *text* holds. Names that are not `SERVED` are ignored.
    """
    return find_with(load_model(), text, wanted) if wanted & SERVED else []


def find_with(model: Model, text: str, wanted: frozenset[str]) -> list[Found]:
    """Return what `find` does, by what *model* says."""
    said = read_pieces(text, model)
    ruled = find_ruled(text, said)
    nations = [one for one in ruled if one[0] == NATION]
    named = _named(said, model) if wanted & NAMED or (nations and NATION in wanted) else []
    if named and ("@" in text or "://" in text or "www." in text):
        named = _outside(text, named)
    if nations:
        places = {one[1:3] for one in nations}
        named = [one for one in named if one[0] == PERSON or one[1:3] not in places]
        ruled = [one for one in ruled if one[0] != NATION or not _within(one, named)]
    return sorted([one for one in named + ruled if one[0] in wanted], key=_place)


def settled(text: str) -> int:
    """Return up to where (in code points) `find` says the same about *text* whatever follows it.

    What begins before that place also ends before it. Never less than the length less 256, as a
    stream must not wait for ever.
    """
    said = read_pieces(text, load_model())
    place = length(said, 0, settled_piece(said))
    return max(min(place, open_line(text)), len(text) - 256, 0)


def _place(found: Found) -> tuple[int, int, str]:
    return found[1], found[2], found[0]


def _outside(text: str, found: list[Found]) -> list[Found]:
    """Return those of *found*, in order of place, that begin in no `ELECTRONIC` address of *text*.

    Hot path: an address has no space, so that only the words are looked at in which names begin.
    """
    kept: list[Found] = []
    begin = end = 0
    spans: list[tuple[int, int]] = []
    for one in found:
        place = one[1]
        if place >= end:
            begin = place
            while begin > end and not text[begin - 1].isspace():
                begin -= 1
            space = SPACE.search(text, place)
            end = len(text) if space is None else space.start()
            word = text[begin:end].lower()
            spans = []
            if "@" in word or "://" in word or "www." in word:
                spans = [address.span() for address in ELECTRONIC.finditer(text, begin, end)]
        if not any(start <= place < stop for start, stop in spans):
            kept.append(one)
    return kept


def _within(one: Found, named: list[Found]) -> bool:
    return any(each[1] <= one[1] and one[2] <= each[2] for each in named)


def _named(said: list[Said], model: Model) -> list[Found]:
    runs = find_runs(said)
    if not runs:
        return []
    edge = model.say("\n\n")
    found: list[Found] = []
    for run in runs:
        lanes = weigh(said, run, model, edge)
        if not may_name(lanes, model.spare):
            continue
        rows = [scores(one) for one in lanes]
        for name in joined(said, names(rows, decode(rows, model.steps), run.start)):
            begin, end = trimmed(said, name.start, name.end)
            last = said[end - 1].text
            stop = run.place + length(said, run.start, end) - len(last) + len(last.rstrip())
            place = run.place + length(said, run.start, begin)
            found.append(("pii." + name.kind, place, stop, name.score))
    return [one for one in found if one[1] < one[2]]


def joined(said: list[Said], found: list[Name]) -> list[Name]:
    """Return *found* with persons between whom there is only a space as one."""
    made: list[Name] = []
    for name in found:
        last = made[-1] if made else None
        if (
            last is not None
            and last.kind == name.kind == "person"
            and last.end == name.start
            and said[name.start - 1].text[-1] == " "
            and said[name.start - 1].text[0].isalnum()
        ):
            made[-1] = Name("person", last.start, name.end, max(last.score, name.score))
        else:
            made.append(name)
    return made


def trimmed(said: list[Said], start: int, end: int) -> tuple[int, int]:
    """Return the pieces ``start:end`` without signs and white space around them.

    Of signs alone there is none.
    """
    while start < end and not said[start].text[0].isalnum():
        start += 1
    while end > start and not said[end - 1].text[0].isalnum():
        end -= 1
    return start, end
