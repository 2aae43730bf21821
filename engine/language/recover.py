"""A broken file -> its good parts and all its errors.

When a file does not parse as a whole, it is cut at the places where something plainly begins: an
item (`policy NAME {`), in it a rule, a step or a field, and in a rule a clause. Whatever parses is
kept, and whatever does not is said once, as small as possible. So one mistake never hides the next:

    policy p {                 the policy does not parse: cut it
      default deny             a good member
      rule a { wen x           a bad member: cut it; its clause is repaired and reported
               then deny }
      rule b { then redact }   a bad member: reported
    }

Pieces are read from the last to the first, because a repair may add a token and move all behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, NamedTuple

from engine.language import catalog_syntax as catalog
from engine.language._grammar import KEYWORDS
from engine.language.diagnostics import Diagnostic, Report
from engine.language.items import File
from engine.language.lex import Tokens
from engine.language.reduce import Failure, parse_tokens
from engine.language.repair import MOST_ERRORS, SURE, describe, expected, mend, unclosed

_OPEN = frozenset({"LBRACE", "LPAR", "LSQB"})
_CLOSE = frozenset({"RBRACE", "RPAR", "RSQB"})


class _Inside(NamedTuple):
    """What a braced thing is made of: the grammar's start for its parts, and what begins a part."""

    part: str
    begins: frozenset[str]


_RIDERS = frozenset(
    {"ADVISE", "LABEL", "SEVERITY", "TAGS", "OWNER", "EXPIRES", "ON_FAILURE", "MODE", "ROLLOUT"}
    | {"ON_STATE_FAILURE"}
)
_INSIDES: Mapping[str, _Inside] = {
    "POLICY": _Inside("member", frozenset({"RULE", "APPLIES", "DEFAULT", "MODE", "ROLLOUT"})),
    "RULE": _Inside("clause", frozenset({"WHEN", "UNLESS", "THEN"}) | _RIDERS),
    "TEST": _Inside(
        "step",
        frozenset({"AT", "ADVANCE", "MOCK", "GIVEN", "SETTLE", "REPEAT", "EXPECT", "CASE"}),
    ),
    "ENTITY": _Inside("part", frozenset({"PATTERN", "TERMS", "CHECK", "NEAR"})),
    "SCHEMA": _Inside("field", frozenset({"NAME"})),
    "CLASSIFIER": _Inside("setting", frozenset({"NAME"})),
}

# What follows a keyword where it begins an item or rule; anywhere else the keyword is a name.
_NEXT: Mapping[str, frozenset[str]] = {
    "SCHEMA": frozenset({"LBRACE", "WHEN"}),
    "FACTS": frozenset({"FROM"}),
    "LIST": frozenset({"FROM"}),
    "LET": frozenset({"_ASSIGN"}),
    "ENTITY": frozenset({"LBRACE"}),
    "CLASSIFIER": frozenset({"LBRACE"}),
    "METER": frozenset({"COUNTS"}),
    "POLICY": frozenset({"LBRACE", "STRING"}),
    "FIXTURE": frozenset({"LBRACE"}),
    "PROPERTY": frozenset({"LBRACE", "STRING"}),
    "RULE": frozenset({"LBRACE", "STRING"}),
}
_ITEMS = frozenset(_NEXT) - {"RULE"} | {"TEST"}
Row = tuple[str, str, int, int, int]
"""One token, lifted out of its columns."""


def recover_file(tokens: Tokens) -> File:
    """Return the good parts of tokens that do not parse as a file; every error is reported."""
    report = tokens.report
    _respell(tokens)
    end = len(tokens.kinds) - 1
    begins = [index for index in range(end) if _begins_item(tokens, index)]
    good: list[Row] = []
    for first, last in reversed([*pairwise([*begins, end])]):
        good = _good(tokens, "item", first, last) + good
    good = _good(tokens, "file", 0, begins[0] if begins else end) + good
    made = _quietly(_picked(tokens, good), "file")
    report.found[:] = dict.fromkeys(report.found)
    nothing = File(tokens.source.path, None, (), (), tuple(tokens.comments))
    return made if isinstance(made, File) else nothing


def _good(tokens: Tokens, start: str, first: int, last: int) -> list[Row]:
    """Return the tokens *first* to *last* without what keeps them from being a *start*."""
    report = tokens.report
    if first == last or len(report.found) >= MOST_ERRORS:
        return []
    if not isinstance(_tried(tokens, start, first, last), Failure):
        return _rows(tokens, first, last)
    size = len(tokens.kinds)
    failure = parse_tokens(tokens, start, first, last, mend)
    last += len(tokens.kinds) - size
    if not isinstance(failure, Failure):
        return _rows(tokens, first, last)
    inside = _INSIDES.get(tokens.kinds[first])
    body = _body(tokens, first, last)
    if inside and failure.position > body:
        known = len(report.found)
        rows = _cut(tokens, start, inside, first, body, last)
        if len(report.found) > known or tokens.is_torn(first, last):
            return rows
    if not tokens.is_torn(first, failure.position):
        report.add(describe(tokens, start, failure, last))
    return []


def _body(tokens: Tokens, first: int, last: int) -> int:
    """Return the brace behind which the parts begin; `schema when a in {"b"} {` has one before."""
    kinds = tokens.kinds
    found = (at for at in range(first, last) if kinds[at] == "LBRACE" and kinds[at - 1] != "IN")
    return next(found, last)


def _tried(tokens: Tokens, start: str, first: int, last: int) -> Any:
    """Parse without repairs; report what the builders found only if it went well."""
    report = tokens.report
    tokens.report = Report()
    made = parse_tokens(tokens, start, first, last)
    if not isinstance(made, Failure):
        report.extend(tokens.report.found)
    tokens.report = report
    return made


def _quietly(tokens: Tokens, start: str) -> Any:
    tokens.report = Report()
    return parse_tokens(tokens, start, 0, len(tokens.kinds) - 1)


def _cut(
    tokens: Tokens, start: str, inside: _Inside, first: int, body: int, last: int
) -> list[Row]:
    """Return a braced thing with only its good parts; empty when even that is no *start*."""
    begins, close = _parts(tokens, inside, body, last)
    size = len(tokens.kinds)
    good: list[Row] = []
    whole = True
    for begin, end in reversed([*pairwise([*begins, close])]):
        part = _good(tokens, inside.part, begin, end)
        whole = whole and (bool(part) or tokens.kinds[begin] == "RULE")
        good = part + good
    close += len(tokens.kinds) - size
    row = ("RBRACE", "}", *_rows(tokens, close - 1, close)[0][2:])
    if tokens.kinds[close] == "RBRACE" and close < last + len(tokens.kinds) - size:
        row = _rows(tokens, close, close + 1)[0]
    rows = [*_rows(tokens, first, body + 1), *good, row]
    picked = _picked(tokens, rows)
    made = _quietly(picked, start)
    if isinstance(made, Failure) or made is None:
        return []
    if whole:
        tokens.report.extend(picked.report.found)
    return rows


def _parts(tokens: Tokens, inside: _Inside, body: int, last: int) -> tuple[list[int], int]:
    """Return where the parts of a braced thing begin and where it is closed, or *last*."""
    begins = [body + 1]
    depth = 0
    close = last
    for index in range(body + 1, last):
        kind = tokens.kinds[index]
        if inside.part == "member" and _begins_rule(tokens, index):
            if close < last:
                tokens.report.add(catalog.unopened(tokens.span(close, close), "}"))
                close = last
            depth = 0
            begins.append(index)
        elif depth == 0 and close == last and _begins_part(tokens, inside, index):
            begins.append(index)
        if kind in _OPEN:
            depth += 1
        elif kind in _CLOSE:
            depth -= 1
            if depth < 0 and close == last:
                close = index
    if close == last and tokens.texts[body] and not tokens.is_torn(body, last):
        tokens.report.add(unclosed(tokens, body, last))
    if close + 1 < last:
        tokens.report.add(_behind(tokens, inside, close + 1))
    return [begin for begin in dict.fromkeys(begins) if begin < close], close


def _behind(tokens: Tokens, inside: _Inside, index: int) -> Diagnostic:
    """Return what is wrong with a token behind the end of a braced thing."""
    place = tokens.span(index, index)
    if tokens.kinds[index] in _CLOSE:
        return catalog.unopened(place, tokens.texts[index])
    wanted = expected(frozenset(), "member" if inside.part == "clause" else "item", whole=True)
    return catalog.unexpected(place, f"`{catalog.shorten(tokens.texts[index])}`", wanted)


# --- where something begins ----------------------------------------------------------------------


def _begins_item(tokens: Tokens, index: int) -> bool:
    kind = tokens.kinds[index]
    if kind not in _ITEMS:
        return False
    if tokens.columns[index] == 1:
        return True
    if kind == "TEST":
        return tokens.kinds[index + 1] == "STRING"
    return _followed(tokens, index)


def _begins_rule(tokens: Tokens, index: int) -> bool:
    return tokens.kinds[index] == "RULE" and _followed(tokens, index)


def _followed(tokens: Tokens, index: int) -> bool:
    """Say whether the keyword at *index* is followed by what follows only items and rules."""
    kind = tokens.kinds[index]
    behind = index + 1 if kind == "SCHEMA" else index + 2
    return behind < len(tokens.kinds) and tokens.kinds[behind] in _NEXT[kind]


def _begins_part(tokens: Tokens, inside: _Inside, index: int) -> bool:
    if inside.part == "field":
        return tokens.kinds[index + 1] == "COLON"
    if inside.part == "setting":
        return tokens.kinds[index + 1] == "_ASSIGN"
    if tokens.kinds[index] == "RULE":
        return inside.part == "member" and tokens.lines[index] != tokens.lines[index - 1]
    return tokens.kinds[index] in inside.begins


def _respell(tokens: Tokens) -> None:
    """Repair misspelt keywords where only an item or rule can begin: `polcy triage {`."""
    kinds, lines = tokens.kinds, tokens.lines
    for index in range(len(kinds) - 3):
        if kinds[index] != "NAME" or (index and lines[index] == lines[index - 1]):
            continue
        named = kinds[index + 1] == "NAME" and kinds[index + 2] in {"LBRACE", "STRING"}
        if not named and (kinds[index + 1], kinds[index + 2]) != ("STRING", "LBRACE"):
            continue
        text = tokens.texts[index]
        close = get_close_matches(text.lower(), _HEADS, n=1, cutoff=SURE)
        if close and len(tokens.report.found) < MOST_ERRORS:
            tokens.report.add(catalog.misspelt_word(tokens.span(index, index), text, close[0]))
            kinds[index] = KEYWORDS[close[0]]


_HEADS = sorted(text for text, kind in KEYWORDS.items() if kind in _ITEMS or kind == "RULE")


# --- tokens out of tokens ------------------------------------------------------------------------


def _rows(tokens: Tokens, first: int, last: int) -> list[Row]:
    part = slice(first, last)
    return [
        *zip(
            tokens.kinds[part],
            tokens.texts[part],
            tokens.starts[part],
            tokens.lines[part],
            tokens.columns[part],
            strict=True,
        )
    ]


def _picked(tokens: Tokens, rows: list[Row]) -> Tokens:
    """Return only the tokens *rows* of *tokens*, as if nothing else were in the file."""
    made = Tokens(tokens.source, Report(), comments=tokens.comments, torn=tokens.torn)
    for row in rows:
        made.add(*row)
    made.add(*_rows(tokens, len(tokens.kinds) - 1, len(tokens.kinds))[0])
    return made
