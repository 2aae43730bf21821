"""Templates in, labelled texts out: the sentences that the tagger learns from."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.training.tagger_fill import WORDS, Fill

TEMPLATES = Path(__file__).with_name("tagger_templates.txt")
SLOT = re.compile(r"\{(\w+)\}")
LABELLED = {
    "person": "person", "first": "person", "last": "person", "place": "location",
    "town": "location", "country": "location", "org": "organization", "address": "address",
    "street": "address",
}  # fmt: skip
JOINTS = (" ", ". ", "\n", "\n\n", "! ")
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Sample:
    """A text and its names: (start, end, kind)."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


def templates() -> list[str]:
    """Return all templates."""
    lines = TEMPLATES.read_text("utf-8").splitlines()
    return [one.replace("\\n", "\n") for one in lines if one and not one.startswith("#")]


def _number(rng: random.Random) -> str:
    return str(rng.choice((rng.randint(1, 12), rng.randint(10, 99), rng.randint(100, 5000))))


def _code(rng: random.Random) -> str:
    return "".join(rng.choice(LETTERS + "0123456789") for _ in range(rng.randint(5, 16)))


def _hex(rng: random.Random) -> str:
    return "".join(rng.choice("0123456789abcdef") for _ in range(rng.choice((7, 12, 16, 32, 40))))


def _ident(rng: random.Random) -> str:
    letters = "".join(rng.choice(LETTERS) for _ in range(rng.randint(1, 4)))
    ways = (
        f"{letters}-{rng.randint(1, 9999)}",
        f"{letters}{rng.randint(1, 9)}-{letters[0]}-{rng.randint(0, 99):05}",
        f"{letters}/{rng.randint(1, 999)}",
        f"{letters}{rng.randint(10, 9999)}",
        f"{rng.randint(1, 99)}-{letters}-{rng.randint(1, 99)}",
    )
    return rng.choice(ways)


def _camel(rng: random.Random) -> str:
    return "".join(rng.choice(WORDS["code_words"]) for _ in range(rng.randint(2, 3)))


def _phone(rng: random.Random) -> str:
    form = rng.choice(("+1 555 {} {}", "({}) 555-{}", "0{}-{}", "{}-{}"))
    return form.format(rng.randint(100, 999), rng.randint(1000, 9999))


def _date(rng: random.Random) -> str:
    month, day = rng.choice(WORDS["months"]), rng.randint(1, 28)
    ways = (
        f"{month} {day}, 20{rng.randint(10, 26)}",
        f"{day}/{rng.randint(1, 12)}/19{rng.randint(40, 99)}",
        f"20{rng.randint(10, 26)}-0{rng.randint(1, 9)}-{rng.randint(10, 28)}",
        f"{month} {day}",
        f"last {rng.choice(('week', 'Monday', 'Friday'))}",
    )
    return rng.choice(ways)


MADE: dict[str, Callable[[random.Random], str]] = {
    "n": _number, "code": _code, "hex": _hex, "ident": _ident, "camel": _camel, "phone": _phone,
    "date": _date,
}  # fmt: skip


def _unlabelled(slot: str, fill: Fill) -> str:
    if slot == "email":
        name = f"{fill.first().lower()}.{fill.rng.choice('abcdefg')}".replace(" ", "")
        return f"{name}@{fill.rng.choice(('mail.com', 'example.org', 'corp.de'))}"
    return MADE[slot](fill.rng) if slot in MADE else fill.rng.choice(WORDS[slot])


def make(template: str, fill: Fill) -> Sample:
    """Return *template* with its slots filled, and where the names are."""
    text, last = "", 0
    spans: list[tuple[int, int, str]] = []
    for match in SLOT.finditer(template):
        text += template[last : match.start()]
        last = match.end()
        kind = LABELLED.get(match[1])
        value = str(getattr(fill, match[1])()).strip() if kind else _unlabelled(match[1], fill)
        if kind:
            spans.append((len(text), len(text) + len(value), kind))
        text += value
    return Sample(text + template[last:], tuple(spans))


def varied(sample: Sample, rng: random.Random) -> Sample:
    """Return *sample* as some people would write it: in lower case or in capitals, or its names."""
    way = rng.choices(
        ("as it is", "lower", "upper", "lower names", "upper names"), (79, 13, 2, 4, 2)
    )[0]
    change = str.lower if "lower" in way else str.upper
    if way == "as it is":
        return sample
    changed = change(sample.text)
    if "names" in way:
        changed = sample.text
        for start, end, _ in sample.spans:
            changed = changed[:start] + change(sample.text[start:end]) + changed[end:]
    return Sample(changed, sample.spans) if len(changed) == len(sample.text) else sample


def samples(fill: Fill, count: int) -> list[Sample]:
    """Return *count* texts; some are two or three sentences."""
    rng = fill.rng
    every = templates()
    made = []
    for at in range(count):
        sample = make(every[at % len(every)], fill)
        while rng.random() < 0.2:
            other = make(rng.choice(every), fill)
            joint = rng.choice(JOINTS)
            shift = len(sample.text) + len(joint)
            behind = tuple((start + shift, end + shift, kind) for start, end, kind in other.spans)
            sample = Sample(sample.text + joint + other.text, sample.spans + behind)
        made.append(varied(sample, rng))
    return made
