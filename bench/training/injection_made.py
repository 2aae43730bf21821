"""Templates to labelled texts: the data that the injection score is trained on and checked with.

Everything is made here, from the templates of this folder; the same seed gives the same texts. A
text knows the templates of its attack, so that a fit can be checked on templates it has not seen.
"""

from __future__ import annotations

import ast
import hashlib
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.training.injection_attacks import DIRECT, INDIRECT, KINDS
from bench.training.injection_benign import BENIGN_WORDS, GENRES, REQUESTS
from bench.training.injection_plain import ASKED
from bench.training.injection_wild import WILD_WORDS
from bench.training.injection_words import ATTACK, TASK

_slot = re.compile(r"\{(\w+)\}")
WORDS: Mapping[str, Sequence[str]] = {
    name: words.split("|")
    for name, words in {**ATTACK, **TASK, **BENIGN_WORDS, **WILD_WORDS}.items()
}
DEPTH = 6
PIECE = 1000
MOST = 10
ONE_IN = 10
"""One harmless text in so many is talk about attacks, or looks like one."""
HARD = ("security", "pairs")
UNSEEN = 0.25
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Text:
    """A made text in the mouth of *role*; *attack* was put into it, *template* made that."""

    text: str
    role: str
    bad: bool
    kind: str
    template: str
    attack: str = ""


def lines(block: str) -> list[str]:
    """Return the templates of *block*."""
    return [line.replace("\\n", "\n") for line in block.strip().splitlines()]


ORDINARY = [*lines(REQUESTS), *lines(ASKED), *lines(KINDS["tasks"])]
TALK = [*lines(GENRES["security"]), *lines(GENRES["pairs"])]


def fill(template: str, source: random.Random) -> str:
    """Return *template* with a choice for each slot, and a capital where a sentence begins."""
    text = template
    for _ in range(DEPTH):
        if not _slot.search(text):
            break
        text = _slot.sub(lambda found: source.choice(WORDS[found.group(1)]), text)
    text = re.sub(r" +", " ", text).replace(" .", ".").replace("..", ".").replace("?.", "?").strip()
    return text[:1].upper() + text[1:] if source.random() < 0.8 else text


def held_out(template: str) -> bool:
    """Return whether texts of *template* are for checking: one in four."""
    return hashlib.sha256(template.encode()).digest()[0] % 4 == 0


def known(block: str, *, unseen: bool) -> list[str]:
    """Return the templates of *block* that are for checking if *unseen*, else those to learn."""
    return [one for one in lines(block) if held_out(one) == unseen]


def benign_document(source: random.Random, genre: str, *, unseen: bool) -> tuple[str, list[str]]:
    """Return a template of a harmless document, and its sentences."""
    pool = known(GENRES["letters" if genre in HARD else genre], unseen=unseen)
    used = [source.choice(pool) for _ in range(source.randint(2, MOST))]
    if genre in HARD:  # They look like attacks, and stand between ordinary sentences.
        used.insert(source.randint(0, 2), source.choice(known(GENRES[genre], unseen=unseen)))
    return used[0], [fill(one, source) for one in used]


def framed(sentences: Sequence[str], genre: str, source: random.Random) -> str:
    """Return *sentences* as a document of *genre* would hold them."""
    match genre:
        case "mail" | "marketing":
            head = fill("Subject: the {doc}\nFrom: {name}\n\n", source)
            return head + " ".join(sentences) if source.random() < 0.5 else "\n".join(sentences)
        case "code" | "readme":
            return "\n".join(sentences)
        case "ticket":
            return json.dumps({"id": 7, "title": sentences[0], "body": " ".join(sentences[1:])})
        case "recipe" | "exercises" | "manual":
            return "\n".join(f"{at}. {one}" for at, one in enumerate(sentences, 1))
        case "news" if source.random() < 0.4:
            return "<html><body><p>" + "</p>\n<p>".join(sentences) + "</p></body></html>"
        case _:
            return " ".join(sentences)


def direct_attack(source: random.Random, kind: str, template: str) -> Text:
    """Return an attack that a user writes: one to seven templates of a kind, perhaps a request."""
    unseen = held_out(template)
    parts = [fill(template, source)]
    if kind == "jailbreak":
        pool = known(KINDS[kind], unseen=unseen)
        parts += [fill(source.choice(pool), source) for _ in range(source.choice((0, 1, 2, 4, 6)))]
    attack = " ".join(parts)
    said = [attack]
    if kind != "jailbreak" and source.random() < 0.3:
        request = fill(source.choice(known(REQUESTS, unseen=unseen)), source)
        said.insert(source.randint(0, 1), request)
    return Text(" ".join(said), "user", bad=True, kind=kind, template=template, attack=attack)


def indirect_attack(source: random.Random, kind: str, template: str) -> Text:
    """Return an attack in a document, a mail, a page, a ticket or a tool's answer."""
    unseen = held_out(template)
    parts = [fill(template, source)]
    if kind in {"embedded", "inside"}:
        pool = known(KINDS[kind], unseen=unseen)
        parts += [fill(source.choice(pool), source) for _ in range(source.choice((0, 0, 1)))]
    attack = " ".join(parts)
    genre = source.choice([name for name in GENRES if name not in {"security", "exercises"}])
    _, sentences = benign_document(source, genre, unseen=unseen)
    sentences.insert(source.randint(0, len(sentences)), attack)
    role = "tool_result" if genre in {"ticket", "code"} else "document"
    text = framed(sentences, genre, source) if source.random() < 0.9 else attack
    return Text(text, role, bad=True, kind=kind, template=template, attack=attack)


def request(source: random.Random, template: str) -> Text:
    """Return what a user asks: one in three has another sentence or two."""
    pool = [one for one in ORDINARY if held_out(one) == held_out(template)]
    extra = [fill(source.choice(pool), source) for _ in range(max(0, source.randint(-3, 2)))]
    said = " ".join([fill(template, source), *extra])
    return Text(said, "user", bad=False, kind="request", template=template)


def prose() -> list[Text]:
    """Return the project's own prose, in pieces of about a kilobyte: its pages and docstrings."""
    found: list[Text] = []
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "grammar").glob("*.md"))]
    for page in pages:
        blocks = page.read_text().split("\n\n")
        found += _pieces(blocks, str(page.relative_to(ROOT)))
    for folder in ("engine", "tests"):
        for module in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(module.read_text())
            blocks = [
                said
                for node in ast.walk(tree)
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
                and (said := ast.get_docstring(node))
            ]
            found += _pieces(blocks, str(module.relative_to(ROOT)))
    return found


def _pieces(blocks: Sequence[str], name: str) -> Iterator[Text]:
    size, part = 0, list[str]()
    for at, block in enumerate(blocks, 1):
        part.append(block)
        size += len(block)
        if size > PIECE or at == len(blocks):
            yield Text("\n\n".join(part), "document", bad=False, kind="prose", template=name)
            size, part = 0, []


def made(seed: int, copies: int) -> list[Text]:
    """Return texts of every template, *copies* of each, and as many harmless ones."""
    source = random.Random(seed)
    texts: list[Text] = []
    for kind, block in KINDS.items():
        for template in lines(block):
            for _ in range(copies):
                if kind in DIRECT:
                    texts.append(direct_attack(source, kind, template))
                if kind in INDIRECT:
                    texts.append(indirect_attack(source, kind, template))
    half = len(texts) // 2
    for at in range(half):
        pool = TALK if at % ONE_IN == 0 else ORDINARY
        place = at // ONE_IN if pool is TALK else at
        texts.append(request(source, pool[place % len(pool)]))
    genres = [name for name in GENRES if name not in HARD]
    for at in range(half):
        genre = HARD[at // ONE_IN % len(HARD)] if at % ONE_IN == 0 else genres[at % len(genres)]
        template, sentences = benign_document(source, genre, unseen=source.random() < UNSEEN)
        said = framed(sentences, genre, source)
        texts.append(Text(said, "document", bad=False, kind=genre, template=template))
    return [*texts, *prose()]
