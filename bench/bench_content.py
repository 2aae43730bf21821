"""How long finding, scoring and redacting take, as ratios against other ways in the same run.

    python bench/bench_content.py [--quick] [--json]

Each text is scanned once only: RE2 keeps its automata, and a text seen before flatters everyone.
"full" texts are words, "code" texts prose and Go, both with an entity a kilobyte; "chat" texts have
none, as most do.
The times are of this thread's CPU, medians over many texts. Peers look for the same patterns:

- ``re2 one by one``: each RE2 pattern over the whole text, no gate, no guard, no validator;
- ``RE2 behind keywords``: the same, but a pattern with keywords only where one of them occurs;
- ``RE2, same duty``: the same, and what it matches passes this engine's guards, checks and context;
- ``RE2 plan``: this engine without Hyperscan;
- ``re one by one``: the same as the first with the standard library's ``re``.

"All" are the entities that patterns find; what the tagger finds has a bench of its own.
"Everything asked" is a scan for all of them and the injection score, against Presidio's analyzer
with its English recognizers and no language model, whose share of the entities is far smaller.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import re2
from ahocorasick_rs import BytesAhoCorasick

try:
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
except ImportError:
    spacy = None

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.content_texts import KINDS, fresh
from bench.goals import Goal, Result, Row, show
from engine.content.collect import Span, collect
from engine.content.detectors import THRESHOLD
from engine.content.entities import ENTITIES, STRUCTURED, expand
from engine.content.hyper import VERSION
from engine.content.injection import prepare_injection, score_injection
from engine.content.net import Net, pack_net
from engine.content.redact import Strategy, redact_text
from engine.content.rules import Rule
from engine.content.scan import Scanner, build_scanner, supported

SIZES = ((1_000, 400), (4_000, 200), (32_000, 30))
"""Characters of a text, and how many different texts."""
STEADY = 400_000
"""Characters of other texts that are read before the times of everything are taken."""
SIDES = (
    "RE2 one by one",
    "RE2 behind keywords",
    "RE2, same duty",
    "RE2 plan",
    "re one by one",
)
PRESIDIO = "Presidio, no language model"
GOALS = (
    # board, characters, column, at least so many times as fast
    ("all, full", 4_000, SIDES[0], 2.0),
    ("all, full", 32_000, SIDES[0], 1.5),
    ("all, chat", 1_000, SIDES[1], 4.0),
    ("all, chat", 4_000, SIDES[1], 4.0),
    ("all, chat", 32_000, SIDES[1], 4.0),
    ("all, full", 1_000, SIDES[1], 4.0),
    ("all, full", 4_000, SIDES[1], 4.0),
    ("all, full", 32_000, SIDES[1], 4.0),
    ("all, full", 1_000, SIDES[2], 4.0),
    ("all, full", 4_000, SIDES[2], 4.0),
    ("all, full", 32_000, SIDES[2], 4.0),
    ("all, full", 4_000, SIDES[4], 15.0),
    ("all, chat", 4_000, SIDES[0], 8.0),
    ("secret, full", 4_000, SIDES[0], 6.0),
)


def micros(work: Callable[[str], object], texts: Sequence[str]) -> float:
    """Return the median microseconds of CPU that *work* takes on a text; a tenth warms up."""
    warm = max(1, len(texts) // 10)
    for text in texts[:warm]:
        work(text)
    spent = []
    for text in texts[warm:]:
        begin = time.thread_time_ns()
        work(text)
        spent.append((time.thread_time_ns() - begin) / 1000)
    return statistics.median(spent)


def one_by_one(compiled: Sequence[re2._Regexp]) -> Callable[[str], int]:
    """Return a scan with each RE2 pattern over the whole text."""

    def scan(text: str) -> int:
        data = text.encode()
        return sum(1 for find in compiled for _ in find.finditer(data))

    return scan


def gate_of(rules: Sequence[Rule]) -> Callable[[bytes], list[Rule]]:
    """Return what chooses *rules* for a text: those without keywords, or of which one occurs."""
    always = [rule for rule in rules if not rule.pattern.keywords]
    keys = [(word.encode(), rule) for rule in rules for word in rule.pattern.keywords]
    gate = BytesAhoCorasick([word for word, _ in keys])

    def choose(data: bytes) -> list[Rule]:
        hits = gate.find_matches_as_indexes(data.lower(), overlapping=True)
        return [*always, *{id(keys[hit[0]][1]): keys[hit[0]][1] for hit in hits}.values()]

    return choose


def keyworded(rules: Sequence[Rule]) -> Callable[[str], int]:
    """Return a scan with the RE2 pattern of each rule, if it has no keywords or one occurs."""
    choose = gate_of(rules)
    compiled = {id(rule): re2.compile(rule.pattern.regex) for rule in rules}

    def scan(text: str) -> int:
        data = text.encode()
        return sum(1 for rule in choose(data) for _ in compiled[id(rule)].finditer(data))

    return scan


def dutiful(rules: Sequence[Rule]) -> Callable[[str], int]:
    """Return the same scan that also decides what counts: guards, checks, words of context."""
    choose = gate_of(rules)

    def scan(text: str) -> int:
        data = text.encode()
        found: list[Span] = []
        for rule in choose(data):
            collect(rule, data, 0, len(data), len(data), found)
        return sum(1 for span in found if counts(span, text))

    return scan


def counts(span: Span, text: str) -> bool:
    """Return whether the context bears *span* out; *text* is ASCII."""
    near = span.rule.near
    if span.rule.pattern.score >= THRESHOLD:
        return True
    return near is not None and supported(near, text, span.start, span.end)


def library(compiled: Sequence[re.Pattern[str]]) -> Callable[[str], int]:
    """Return a scan with each pattern of the standard library over the whole text."""
    return lambda text: sum(1 for find in compiled for _ in find.finditer(text))


def translated(regex: str) -> str:
    """Return a pattern that ``re`` understands: its classes of letters are not RE2's."""
    regex = regex.replace("(?:(?i)", "(?i:")
    regex = re.sub(r"\\x\{([0-9a-fA-F]+)\}", lambda code: re.escape(chr(int(code[1], 16))), regex)
    return regex.replace(r"\pL\pN", r"\w").replace(r"\pL", "[^\\W\\d_]")


def labelled(scanner: Scanner, texts: Sequence[str]) -> Callable[[str], object]:
    """Return a redaction of *texts*, whose findings are known beforehand."""
    found = {text: scanner.scan(text, STRUCTURED) for text in texts}
    label = dict.fromkeys(STRUCTURED, Strategy("label"))
    return lambda text: redact_text(text, found[text], label, b"key", "s")


def scanning(scanner: Scanner, share: int) -> list[Row]:
    """Return how long a scan takes, and how many times that the others need; 1/*share* of all."""
    boards = {
        "pii": (expand("pii.any") | expand("phi.any")) & STRUCTURED,
        "secret": expand("secret.any"),
        "all": STRUCTURED,
    }
    without = build_scanner((), {})
    rows: list[Row] = []
    for name, chat in ((name, chat) for name in boards for chat in (False, True)):
        entities = boards[name]
        regexes = [one.regex for entity in entities for one in ENTITIES[entity].patterns]
        peer = one_by_one([re2.compile(regex) for regex in regexes])
        rules = scanner.patterns(entities)
        gated, duty = keyworded(rules), dutiful(rules)
        plain = library([re.compile(translated(regex)) for regex in regexes])
        for number, (size, count) in enumerate(SIZES):
            texts = fresh(size, max(20, count // share), number, "chat" if chat else "full")
            ours = micros(partial(scanner.scan, entities=entities), texts)
            sides = (
                micros(peer, texts),
                micros(gated, texts),
                micros(duty, texts),
                micros(partial(without.scan, entities=entities), texts),
                micros(plain, texts[: max(10, count // 10)]),
            )
            board = f"{name}, {'chat' if chat else 'full'}"
            row: Row = {"entities": board, "chars": size, "scan us": ours}
            rows.append(
                {**row, **{which: side / ours for which, side in zip(SIDES, sides, strict=True)}}
            )
    return rows


def others(scanner: Scanner, share: int) -> list[Row]:
    """Return how long scoring and redacting take, beside a scan for all entities."""
    rows: list[Row] = []
    for chat, number in ((chat, number) for chat in (False, True) for number in range(len(SIZES))):
        size, count = SIZES[number]
        texts = fresh(size, max(20, count // share), number, "chat" if chat else "full")
        full = micros(partial(scanner.scan, entities=STRUCTURED), texts)
        for what, work in (
            ("injection score", partial(score_injection, role="document")),
            ("redaction", labelled(scanner, texts)),
        ):
            spent = micros(work, texts)
            label = f"{what}, {'chat' if chat else 'full'}"
            rows.append({"what": label, "chars": size, "us": spent, "x scan": spent / full})
    return rows


def presidio() -> Callable[[str], object] | None:
    """Return Presidio's analyzer without a language model; None where it is not installed."""
    if spacy is None:
        return None
    # Its recognizer of e-mail addresses would fetch a list of domains, where there is a network.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=())
    tongue = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "none"}])
    tongue.nlp = {"en": spacy.blank("en")}
    analyzer = AnalyzerEngine(nlp_engine=tongue, supported_languages=["en"])
    return partial(analyzer.analyze, language="en")


def everything(scanner: Scanner, share: int) -> list[Row]:
    """Return how long it takes to look for all entities and to score the injection."""
    peer = presidio()

    def work(text: str) -> None:
        scanner.scan(text, STRUCTURED)
        score_injection(text, "user")

    rows: list[Row] = []
    for kind, (number, (size, count)) in product(KINDS, enumerate(SIZES)):
        many = max(20, count // share)
        texts = fresh(size, many, number, kind)
        # A daemon has read other texts before: their automata are there, these texts are new.
        for text in fresh(size, max(many, STEADY // size), number + STEADY, kind):
            work(text)
        ours = micros(work, texts)
        theirs = None if peer is None else micros(peer, texts[: max(10, count // 10)]) / ours
        rows.append({"texts": kind, "chars": size, "us": ours, PRESIDIO: theirs})
    return rows


def netted() -> Scanner:
    """Return the scanner of all entities, with Hyperscan where it can be imported."""
    scanner = build_scanner((), {})
    if VERSION:
        scanner.cast(Net(pack_net(scanner.wanted(scanner.entities))))
    scanner.prepare(STRUCTURED)  # As a daemon does when it loads policies.
    prepare_injection()
    return scanner


def judge(scans: list[Row], whole: list[Row], rest: list[Row]) -> Result:
    """Return the figures and the goals."""
    goals = []
    for row in whole:
        value = row[PRESIDIO]
        if isinstance(value, float):
            name = f"everything, {row['texts']}, {row['chars']:,} chars, against {PRESIDIO}"
            goals.append(Goal(name, value, 50.0, "higher"))
    for board, size, side, bound in GOALS:
        (row,) = (one for one in scans if (one["entities"], one["chars"]) == (board, size))
        value = row[side]
        assert isinstance(value, float)
        goals.append(Goal(f"scan, {board}, {size:,} chars, against {side}", value, bound, "higher"))
    absent = [name for name, there in ((PRESIDIO, spacy), ("hyperscan", VERSION)) if not there]
    figures = {"Scanning": scans, "Everything asked": whole, "Scoring and redacting": rest}
    return Result(figures, goals, absent)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a quarter of the texts")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    scanner = netted()
    share = 4 if options.quick else 1
    tables = (work(scanner, share) for work in (scanning, everything, others))
    show(judge(*tables), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
