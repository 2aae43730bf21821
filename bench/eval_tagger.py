"""A folder of labelled texts to a report of names found: persons, addresses, places, organisations.

::

    python -m bench.eval_tagger ../shared/data > bench/TAGGER.md

Reads ``pii/presidio_research.jsonl.gz`` (spans) and the benign rows of ``injection/``. Half of the
sentence templates, by their hash, served to choose features and sentences; nothing was trained on
any of them. The other half is held out.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.content import tagger
from engine.content.entities import ENTITIES
from engine.content.scan import Scanner, build_scanner
from engine.verify.rows import Half, Row, read_rows
from engine.verify.scoring import Board, Tally, count_row, outermost

NAMES = frozenset(tagger.SERVED)
EVERYTHING = frozenset(one for one in ENTITIES if one.startswith("pii."))
STOCK = 0.618
BENIGN = (
    "benign_prompts",
    "notinject_one",
    "agt_corpus",
    "defenseclaw_rules",
    "spikee",
    "bipia_train",
)
PIECES = 2
"""Rows with more addresses than this have each line of one labelled by itself."""
KB = 1024
ROUNDS = 7

HEAD = """\
# Names found in labelled texts

`python -m bench.eval_tagger FOLDER`. Persons, addresses, places, organisations, dates, titles,
ages and nationalities in sentences whose names were made up in 24 countries. Half of the sentence
templates, by their hash, were looked at while features and training sentences were chosen; the
other half is held out: its texts were not read, but its totals were watched, so they flatter a
little. The model was trained on neither, but on sentences and lists of names of this project
(`bench/training/tagger.py`).

*Exact* findings cover the same characters as the true span, *overlapping* ones at least half of
the union of both. *Hidden* is the share of true spans that lie wholly in findings of whatever
kind: what redaction of all kinds would hide."""

BAD = """\
## What is bad

- **Addresses in pieces.** A street, a flat, a town and a postcode in a row are one finding here.
  Half of the held-out addresses and a quarter of the places are labelled line by line, in rows
  with more than two of them: those are hidden, but count as missed, and what hides them as wrong.
- **Organisations that are called as people are** ("I work for Harper") are persons by most of what
  is written around them. Without a word such as "Ltd" or "Bank" more than half are misnamed.
- **Towns, people and firms that share a name** are told apart by what stands beside them; in short
  lines such as headings nothing does.
- **Single acronyms** (as of banks and agencies) are mostly no findings, since most acronyms of
  technical texts are no organisations.
- **Lower case.** Names in lower case are found when they are in the lists; unknown ones hardly.
- **Other scripts.** The model learned from names in Latin letters. Those of other alphabets are
  found where lists know them; Chinese, Japanese and Thai, which put no spaces between words, not.
- **Nationalities** are taken from a list: adjectives of dishes, languages and styles are findings.
- **Long lists** of capitalised words without commas or line breaks (more than 116 characters) are
  passed over, because nothing may depend on what is far away."""


def halves(folder: Path, half: Half) -> list[Row]:
    """Return the rows of *half*."""
    return list(read_rows(folder / "pii" / "presidio_research.jsonl.gz", half))


def board(rows: Sequence[Row], scanner: Scanner, entities: frozenset[str]) -> Board:
    """Return how findings of *entities* compare with the true spans of these types in *rows*."""
    made = Board()
    for row in rows:
        spans = tuple(one for one in row.spans or () if _within(one.type, entities))
        found = scanner.scan(row.text, entities)
        count_row(made, Row(row.text, spans=spans), found)
    return made


def _within(kind: str, entities: frozenset[str]) -> bool:
    return any(kind == one or kind.startswith(one + ".") for one in entities)


def hidden(rows: Sequence[Row], scanner: Scanner) -> dict[str, tuple[int, int]]:
    """Return for each entity how many true spans lie wholly in findings, and how many there are."""
    counts: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for row in rows:
        found = scanner.scan(row.text, NAMES)
        covered = {at for one in found for at in range(one.start, one.end)}
        for span in row.spans or ():
            if span.type in NAMES:
                whole[span.type] += 1
                counts[span.type] += all(
                    at in covered or not row.text[at].isalnum()
                    for at in range(span.start, span.end)
                )
    return {one: (counts[one], whole[one]) for one in whole}


def cells(tally: Tally) -> str:
    """Return precision, recall, F1 and F2 as cells."""
    return f"{tally.precision:.3f} | {tally.recall:.3f} | {tally.f(1):.3f} | {tally.f(2):.3f}"


def table(rows: Sequence[Row], scanner: Scanner) -> Iterator[str]:
    """Yield a table of all entities of *rows*."""
    made = board(rows, scanner, NAMES)
    covered = hidden(rows, scanner)
    yield "| entity | spans | exact P | R | F1 | F2 | overlapping P | R | F1 | F2 | hidden |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for name in sorted(covered):
        exact, half = made.exact.get(name, Tally()), made.overlapping.get(name, Tally())
        share = covered[name][0] / covered[name][1]
        yield f"| {name} | {covered[name][1]} | {cells(exact)} | {cells(half)} | {share:.3f} |"
    spans = sum(one for _, one in covered.values())
    share = sum(one for one, _ in covered.values()) / spans
    exact, half = made.total(exact=True), made.total(exact=False)
    yield f"| all of these | {spans} | {cells(exact)} | {cells(half)} | {share:.3f} |"


def everything(rows: Sequence[Row], scanner: Scanner) -> Iterator[str]:
    """Yield the sums over all personal data in *rows*."""
    made = board(rows, scanner, EVERYTHING)
    yield "| all personal data | P | R | F1 | F2 |"
    yield "|---|---|---|---|---|"
    yield f"| exact | {cells(made.total(exact=True))} |"
    yield f"| overlapping | {cells(made.total(exact=False))} |"
    yield f"| overlapping, by any name | {cells(made.any_overlapping)} |"


def alarms(folder: Path, scanner: Scanner) -> Iterator[str]:
    """Yield how much is found in texts that were gathered as harmless, and in source code."""
    yield "| texts | rows | KB | rows with findings, of 1,000 | findings in 100 KB | of which |"
    yield "|---|---|---|---|---|---|"
    for name in BENIGN:
        path = folder / "injection" / f"{name}.jsonl.gz"
        texts = [row.text for row in read_rows(path, "held") if row.label == 0]
        yield alarm_line(name, texts, scanner)
    sources = sorted(Path(tagger.__file__).parents[1].rglob("*.py"))
    yield alarm_line(
        "this project's source code", [one.read_text("utf-8") for one in sources], scanner
    )


def alarm_line(name: str, texts: Sequence[str], scanner: Scanner) -> str:
    """Return the line of the table of alarms for *texts*."""
    found = [list(outermost(scanner.scan(text, NAMES))) for text in texts]
    size = sum(map(len, texts)) / KB
    share = 1000 * sum(map(bool, found)) / max(1, len(texts))
    kinds = Counter(one.entity.removeprefix("pii.") for each in found for one in each)
    told = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    often = 100 * kinds.total() / size
    return f"| {name} | {len(texts)} | {size:.0f} | {share:.0f} | {often:.1f} | {told} |"


def cost(folder: Path) -> Iterator[str]:
    """Yield what a look at a kilobyte costs, and how large the data is."""
    path = folder / "injection" / "benign_prompts.jsonl.gz"
    prose = "\n".join(row.text for row in read_rows(path, "all"))
    names = "\n".join(row.text for row in halves(folder, "all"))
    yield "| what | |"
    yield "|---|---|"
    for told, text in (("plain prompts", prose), ("sentences full of names", names)):
        pieces = [text[at : at + KB] for at in range(0, min(len(text), 200 * KB) - KB, KB)]
        yield f"| {told}: microseconds a KB, memory warm | {fastest(pieces):.0f} |"
    home = Path(tagger.__file__).parent
    for file in ("gazetteer.bin", "gazetteer.txt", "tagger.bin"):
        yield f"| {file}: bytes | {(home / file).stat().st_size:,} |"


def fastest(pieces: Sequence[str]) -> float:
    """Return the mean microseconds of a look at one of *pieces*, in the fastest of some rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for one in pieces:
            tagger.find(one, NAMES)
        rounds.append(time.thread_time() - began)
    return min(rounds) / len(pieces) * 1e6


def report(folder: Path) -> Iterator[str]:
    """Yield the report, line by line."""
    scanner = build_scanner((), {})
    held, tuned = halves(folder, "held"), halves(folder, "tune")
    yield HEAD
    yield "\n## Held out\n"
    yield from table(held, scanner)
    yield f"\nWith what patterns find; stock Presidio's F2, as published, is {STOCK} (all rows):\n"
    yield from everything(held, scanner)
    yield "\n### Without rows that label an address line by line\n"
    yield from table([one for one in held if not in_pieces(one)], scanner)
    yield "\n## Looked at while features were chosen\n"
    yield from table(tuned, scanner)
    yield "\n### Without rows that label an address line by line\n"
    yield from table([one for one in tuned if not in_pieces(one)], scanner)
    yield "\n## False alarms\n"
    yield "Names do stand in some of these texts: letters are signed, and not all are wrong.\n"
    yield from alarms(folder, scanner)
    yield "\n## Cost\n"
    yield from cost(folder)
    yield "\n" + BAD


def in_pieces(row: Row) -> bool:
    """Return whether an address of *row* is labelled line by line."""
    return sum(one.type == "pii.address" for one in row.spans or ()) > PIECES


def main() -> None:
    """Print the report of the folder that is given; without labelled texts say so."""
    parser = argparse.ArgumentParser(description="Scores of the tagger on labelled texts.")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    if not (options.folder / "pii").is_dir():
        sys.stderr.write(f"there are no labelled texts in {options.folder}: skipped\n")
        return
    sys.stdout.write("\n".join(report(options.folder)) + "\n")


if __name__ == "__main__":
    main()
