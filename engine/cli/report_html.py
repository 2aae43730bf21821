"""A report in, one page of HTML out that needs nothing else and prints well.

The page has no script and loads nothing: its policy (Content-Security-Policy) allows its own style
sheet, by its hash, and nothing more. Text is shown inert and escaped, each in a `bdi` of its own,
so that no field can be markup, move a terminal, or turn the text beside it around.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Final, assert_never

from engine.cli.report_document import Block, Cell, Document, Facts, Note, Section, Table
from engine.language.render import inert

STYLE: Final = """
@page { size: A4; margin: 18mm 15mm 18mm; @bottom-left { content: "Incident report - confidential";
  font: 8pt sans-serif; color: #667; } @bottom-right { content: "Page " counter(page) " of "
  counter(pages); font: 8pt sans-serif; color: #667; } }
* { box-sizing: border-box; }
html { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
body { font: 10pt/1.45 "Helvetica Neue", Arial, "Liberation Sans", sans-serif; color: #1c2330;
  max-width: 190mm; margin: 0 auto; padding: 10mm 6mm; background: #fff; }
header { border-top: 4px solid #1f3a5f; padding-top: 4mm; margin-bottom: 6mm; }
h1 { font-size: 20pt; margin: 0; letter-spacing: -.01em; color: #1f3a5f; }
.subject { font: 10.5pt ui-monospace, "Liberation Mono", monospace; color: #445; margin: 1mm 0 3mm;
  overflow-wrap: anywhere; }
h2 { font-size: 13pt; color: #1f3a5f; margin: 8mm 0 2.5mm; padding-bottom: 1mm;
  border-bottom: 1px solid #c9d2de; break-after: avoid; }
h3 { font-size: 10.5pt; margin: 5mm 0 1.5mm; break-after: avoid; overflow-wrap: anywhere; }
.tag { display: inline-block; padding: .8mm 2.6mm; border-radius: 1mm; font-weight: 600;
  font-size: 9.5pt; margin: 0 1.5mm 1.5mm 0; background: #e8ecf2; }
dl { display: grid; grid-template-columns: 38mm 1fr; gap: .8mm 4mm; margin: 2mm 0 4mm; }
dt { color: #5a6475; } dd { margin: 0; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; margin: 1.5mm 0 4mm; font-size: 8.8pt; }
thead { display: table-header-group; }
th { text-align: left; font-weight: 600; color: #5a6475; border-bottom: 1.5px solid #9fb0c5;
  padding: 1mm 2mm 1mm 0; white-space: nowrap; }
td { vertical-align: top; padding: 1.1mm 2mm 1.1mm 0; border-bottom: 1px solid #e3e8ef;
  overflow-wrap: anywhere; }
td.word { white-space: nowrap; }
td.name { min-width: 34mm; }
tr, dl > * { break-inside: avoid; }
code { font: .92em ui-monospace, "Liberation Mono", monospace; }
p { margin: 1.5mm 0 3mm; }
.good { color: #14683a; } .bad { color: #a3161e; } .warn { color: #8a5300; }
.tag.good { background: #e0f2e7; } .tag.bad { background: #fbe3e4; }
.tag.warn { background: #fdf0d9; }
p.bad, p.warn { padding: 2mm 3mm; border-left: 3px solid; background: #faf6f0; }
@media print { body { max-width: none; padding: 0; } }
"""

CLASSES: Final = {"Time": "word", "Proof": "word", "Verified": "word", "Action": "word"}
CLASSES.update({"Who": "name", "By": "name", "Rule": "name", "Record": "name"})
"""Columns whose cells are never broken, or not before they have some room."""

HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{HASH}'; base-uri 'none'; form-action 'none'"
)


def html_of(document: Document) -> str:
    """Return *document* as a page."""
    return "".join(_page(document))


def _page(document: Document) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    yield '<meta name="referrer" content="no-referrer">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{shown(document.title)} - {shown(document.subject)}</title>\n"
    yield f"<style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{shown(document.title)}</h1>\n"
    yield f'<div class="subject">{_isolated(document.subject)}</div>\n<div>'
    for cell in document.verdict:
        yield f'<span class="tag {cell.tone}">{_isolated(cell.text)}</span>'
    yield "</div>\n</header>\n<main>\n"
    yield from _block(document.about)
    for section in document.sections:
        yield from _section(section)
    yield "</main>\n</body>\n</html>\n"


def _section(section: Section) -> Iterator[str]:
    heading = f"h{section.level + 1}"
    yield f"<section>\n<{heading}>{_isolated(section.title)}</{heading}>\n"
    for block in section.blocks:
        yield from _block(block)
    yield "</section>\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Facts(rows):
            yield "<dl>\n"
            for name, cell in rows:
                yield f"<dt>{shown(name)}</dt><dd>{_cell(cell)}</dd>\n"
            yield "</dl>\n"
        case Note(text, tone):
            yield f'<p class="{tone}">{_isolated(text)}</p>\n'
        case Table():
            table = block.without_empty()
            heads = "".join(f'<th scope="col">{shown(one)}</th>' for one in table.columns)
            yield f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
            for row in table.rows:
                cells = "".join(
                    f'<td class="{CLASSES.get(name, "cell")}">{_cell(cell)}</td>'
                    for name, cell in zip(table.columns, row, strict=True)
                )
                yield f"<tr>{cells}</tr>\n"
            yield "</tbody>\n</table>\n"
        case _:
            assert_never(block)


def _cell(cell: Cell) -> str:
    text = _isolated(cell.text)
    if cell.code:
        text = f"<code>{text}</code>"
    return text if cell.tone == "plain" else f'<span class="{cell.tone}">{text}</span>'


def _isolated(text: str) -> str:
    return f"<bdi>{shown(text)}</bdi>"


def shown(text: str) -> str:
    """Return *text* so that neither a browser nor a terminal obeys it."""
    return escape(inert(text))
