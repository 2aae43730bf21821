"""Build ``grammar/diagnostics.md``: every code with what it means, how it reads and an example.

The meaning is the docstring of the function in the catalog that words the message, the shape is
its f-strings, and the example is a real message: found in the case files of the tests, in a small
data file written here, or, where files and folders are at fault, asked for directly.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.language import catalog_files
from engine.language.check import check_program
from engine.language.diagnostics import Diagnostic, Report
from engine.language.parse import decode, parse_file
from engine.language.program import Field
from engine.language.render import inert
from engine.language.text import NOWHERE, Source
from engine.language.types import INT, STRING, Type
from engine.runtime.facts import load_facts
from engine.service.compiled import KNOWN

ROOT = Path(__file__).resolve().parents[1]
CASES = ROOT / "tests/cases"
LONGEST = 110
"""Columns of an example; what is longer is cut around the wrong piece."""

GROUPS = (
    ("catalog_syntax", "Syntax", "How a file is written. One mistake does not hide the others."),
    ("catalog", "Names, types, presence", "What is named must exist, fit, and be there."),
    ("catalog_policies", "Policies, actions, riders", "What a rule does."),
    ("catalog_tests", "Tests", "Fixtures, tests and properties are checked like rules."),
    ("catalog_declarations", "Declarations", "Schemas, imports, entities, classifiers, meters."),
    ("catalog_data", "Facts and lists", "Data files are checked when they are loaded."),
    ("catalog_warnings", "Warnings", "Allowed, and surely not meant. `--deny-warnings` refuses."),
    ("catalog_files", "Files and folders", "What cannot be read cannot be checked."),
)
"""The catalogs in the order of the page, each with its heading and what it is about."""

HEAD = """\
# Diagnostics

<!-- GENERATED from the catalogs of engine/language by grammar/generate.py: do not edit. -->

Every message of the checker, by its code. The reference says
[how to read a message](language.md#reading-a-message). `E` is an error: the policies are not
loaded. `W` is a warning. A code never changes its meaning and is never used again.
"""


def fact(path: str, type_: Type, *, standard: bool = False) -> Field:
    """Return a required attribute of the data files below."""
    return Field(path, type_, optional=False, doc="", standard=standard, span=NOWHERE)


FACTS = {
    "user.id": fact("user.id", STRING, standard=True),
    "user.clearance": fact("user.clearance", INT),
}
"""The schema of the data files below."""

DATA = (
    ("staff.csv", "id,clearance\nad\xe9,3\n".encode("latin-1")),
    ("staff.csv", b"id,clearance\nada,high\n"),
    ("staff.csv", b"id,clearance\nada,\n"),
    ("staff.csv", b"id,clearance\nada,3\nada,2\n"),
    ("staff.csv", b"id,clearence\nada,3\n"),
    ("staff.csv", b"name,clearance\nada,3\n"),
    ("staff.csv", b"id,clearance\nada,3,yes\n"),
    ("staff.csv", b"id,clearance,clearance\nada,3,3\n"),
    ("staff.csv", b'id,clearance\nada,"3\n'),
    ("staff.csv", b"id,clearance\n" + b"".join(b"u%d,high\n" % one for one in range(2_000))),
    ("staff.json", b"{ ada: 3 }"),
    ("staff.json", b'[ "ada" ]'),
)
"""Files of facts, each with a mistake."""

WRITTEN = (
    f"let deep = {'(' * 200}1{')' * 200}",
    'let admin = "root\u202e"',
)
"""Policies whose mistakes no case file shows well."""

ASKED = (
    catalog_files.no_folder("polices"),
    catalog_files.no_policies("policies"),
    catalog_files.unreadable("triage.pol", "Permission denied"),
    catalog_files.too_large("triage.pol", 5_000_000, 4_194_304),
    catalog_files.too_many("/", 50_000),
    catalog_files.outside("../staff.csv", NOWHERE),
    catalog_files.data_unreadable("staff.csv", "No such file or directory", NOWHERE),
    catalog_files.not_compiled("policies", "the compiler took longer than 120 s"),
)
"""Messages about the outside world."""


@dataclass(slots=True)
class Entry:
    """A code: what it means, and the shapes of its message and its advice."""

    code: str
    meanings: list[str]
    shapes: list[str]


@dataclass(frozen=True, slots=True)
class Example:
    """A diagnostic and the text of the file that it is about (empty: no line is shown)."""

    found: Diagnostic
    text: str = ""


def outputs() -> dict[str, bytes]:
    """Return the generated file: path from the repository's root -> content."""
    return {"grammar/diagnostics.md": page(find_examples()).encode()}


def page(examples: Mapping[str, Example]) -> str:
    """Return the page; KeyError for a code without an example."""
    parts = [HEAD]
    for module, title, about in GROUPS:
        parts.append(f"## {title}\n\n{about}\n")
        entries = read_catalog(ROOT / f"engine/language/{module}.py")
        parts += [describe(entries[code], examples[code]) for code in sorted(entries)]
    return "\n".join(parts)


def describe(entry: Entry, example: Example) -> str:
    """Return the paragraph about one code."""
    meaning = "; or ".join(entry.meanings)
    shapes = "\n".join(f"> {shape}  " for shape in entry.shapes).rstrip()
    shown = "\n".join(show(example))
    title = f"### {entry.code}\n\n{meaning[:1].upper()}{meaning[1:]}."
    return f"{title}\n\n{shapes}\n\n```text\n{shown}\n```\n"


def show(example: Example) -> Iterator[str]:
    """Yield the lines of an example: the wrong line, the message, the advice."""
    found, lines = example.found, example.text.split("\n")
    if example.text and lines[found.span.line - 1].strip():
        line = re.sub(r"\s*#~.*", "", lines[found.span.line - 1])
        start = found.span.column - 1
        same = found.span.end_line == found.span.line
        end = max(start + 1, found.span.end_column - 1 if same else len(line))
        indent = len(line) - len(line.lstrip())
        cut = max(indent, min(end, len(line)) - LONGEST) if len(line) > LONGEST else indent
        cut = min(cut, start)
        more = "…" if cut > indent else ""
        tail = "…" if len(line) - cut > LONGEST else ""
        shown = line[cut : cut + LONGEST]
        marks = min(end, cut + LONGEST) - start
        yield f"{more}{inert(shown)}{tail}"
        yield " " * (start - cut + len(more)) + "^" * max(1, marks)
    yield f"{found.severity}[{found.code}]: {inert(found.message)}"
    if found.help:
        yield f"help: {inert(found.help)}"
    for note, _ in found.notes:
        yield f"note: {inert(note)}"


# --- what the catalogs say ------------------------------------------------------------------------


def read_catalog(path: Path) -> dict[str, Entry]:
    """Return the entries of one catalog by code; functions that share a code add up."""
    found: dict[str, Entry] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        doc = (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " ")
        opening = re.match(r"([EW]\d{3}): (.*?)\.?$", doc)
        if opening is None:
            continue
        entry = found.setdefault(opening[1], Entry(opening[1], [], []))
        entry.meanings.append(opening[2].replace("``", "`"))
        entry.shapes += [one for one in shapes_of(node) if one not in entry.shapes]
    return found


def shapes_of(node: ast.FunctionDef) -> Iterator[str]:
    """Yield the sentences that the function words, ``…`` for what is put in."""
    named = {
        target.id: one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Assign)
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(node):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            continue
        if call.func.id in {"Diagnostic", "warning"} and len(call.args) > 1:
            message = call.args[1]
            if isinstance(message, ast.Name):
                message = named[message.id]
            yield shape_of(message)


def shape_of(message: ast.expr) -> str:
    """Return a string expression with ``…`` in the place of values."""
    match message:
        case ast.Constant(str() as text):
            return text
        case ast.JoinedStr(parts):
            return "".join(shape_of(part) for part in parts)
        case _:
            return "…"


# --- real messages --------------------------------------------------------------------------------


def find_examples() -> dict[str, Example]:
    """Return a real message for each code: of several the plainest."""
    best: dict[str, Example] = {}
    for example in (*from_cases(), *from_data(), *(Example(one) for one in ASKED)):
        before = best.get(example.found.code)
        if before is None or weight(example) < weight(before):
            best[example.found.code] = example
    return best


def weight(example: Example) -> tuple[int, int, str]:
    """Return the key by which the plainest example with advice is found, in any order of files."""
    advice = example.found.help or ""
    rank = 0 if "did you mean" in advice else 1 if advice else 2
    line = example.text.split("\n")[example.found.span.line - 1] if example.text else ""
    bare = re.sub(r"\s*#~.*", "", line).strip()
    return rank, len(bare) + len(example.found.message), bare + example.found.message


def from_cases() -> Iterator[Example]:
    """Yield what is found in the case files of the parser and of the checker."""
    for path in sorted((*(CASES / "parse").rglob("*.pol"), *(CASES / "check").rglob("*.pol"))):
        report = Report()
        text = path.read_text(encoding="utf-8")
        file = parse_file(Source(path.name, text), report)
        if path.is_relative_to(CASES / "check"):
            check_program([file], KNOWN, report)
        yield from examples_in(report.found, text)
    for text in WRITTEN:
        report = Report()
        parse_file(Source("example.pol", text), report)
        yield from examples_in(report.found, text)
    report = Report()
    decode("example.pol", b"policy caf\xe9 {", report)
    yield from examples_in(report.found, "")


def from_data() -> Iterator[Example]:
    """Yield what is found in the data files."""
    for name, raw in DATA:
        report = Report()
        load_facts("user", name, raw, FACTS, report)
        text = raw.decode("utf-8", "replace")
        yield from examples_in(report.found, text)


def examples_in(found: Iterable[Diagnostic], text: str) -> Iterator[Example]:
    """Yield the diagnostics *found* in one file."""
    return (Example(one, text) for one in found)
