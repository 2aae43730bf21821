"""A parse failure -> what its author probably meant, said in the author's words.

``mend`` replaces or inserts one token where the intention is plain, so that the rest of the piece
is read as well; ``describe`` says what was expected where it is not.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from engine.language import catalog_syntax as catalog
from engine.language._grammar import KEYWORDS, PATTERNS, SIGNS
from engine.language.diagnostics import Diagnostic
from engine.language.lex import Tokens
from engine.language.reduce import Failure, Repair, accepted, accepts, complete, shifted

MOST_ERRORS = 100
"""Syntax errors of one file that are shown: a file with more is no policy at all."""

_SPELLINGS = {kind: text for text, kind in (*KEYWORDS.items(), *SIGNS.items())}
_CLOSERS = {"LBRACE": "RBRACE", "LPAR": "RPAR", "LSQB": "RSQB"}
_COMPARISONS = frozenset(
    {
        "EQUAL",
        "UNEQUAL",
        "LESS",
        "AT_MOST",
        "MORE",
        "AT_LEAST",
        "IN",
        "CONTAINS",
        "OVERLAPS",
        "WITHIN",
    }
    | {"LIKE", "MATCHES", "HAS", "IS", "TAINTED"}
)
_OPERATORS = _COMPARISONS | {"PLUS", "MINUS", "STAR", "SLASH", "_OTHERWISE", "_AND", "_OR", "NOT"}
_ACTIONS = frozenset({"ALLOW", "DENY", "REDACT", "ESCALATE", "THROTTLE"})
_FORGOTTEN = ("COMMA", "COLON", "LBRACE", "_ASSIGN")
_BRANCHES = ("if", "elif", "else", "elseif", "elsif")

SURE = 0.7
"""How alike a word and a keyword must be to be taken for one: `polcy`, `poliy`, `polices`."""


def mend(tokens: Tokens, failure: Failure, last: int) -> Repair | None:
    """Report and return a repair for *failure*, or None when it could be anything."""
    states, _, position = failure
    if len(tokens.report.found) >= MOST_ERRORS:
        return None
    possible = accepted(states)
    found = tokens.kinds[position] if position < last else "$END"
    at = tokens.span(position, position)
    if found == "_ASSIGN" and "EQUAL" in possible:
        tokens.report.add(catalog.misspelt_sign(at, "="))
        return Repair("EQUAL", insert=False)
    if found in _ACTIONS and "THEN" in possible and accepts(shifted(states, "THEN"), found):
        tokens.report.add(catalog.missing_then(at, tokens.texts[position]))
        return Repair("THEN", insert=True)
    meant = _respelt(tokens, position, last, possible)
    if meant:
        tokens.report.add(catalog.misspelt_word(at, tokens.texts[position], _SPELLINGS[meant]))
        return Repair(meant, insert=False)
    closed = _close(tokens, failure, found, possible)
    if closed:
        return closed
    if found in possible or found == "$END":
        return None
    for sign in _forgotten(tokens, position, possible):
        if accepts(shifted(states, sign), found):
            tokens.report.add(catalog.missing_sign(at, _SPELLINGS[sign]))
            return Repair(sign, insert=True)
    return None


def _close(tokens: Tokens, failure: Failure, found: str, possible: frozenset[str]) -> Repair | None:
    """Report and return the bracket that is missing in front of *found*, if one is."""
    states, _, position = failure
    opening = _open_bracket(tokens, failure)
    if opening is None or tokens.is_torn(failure.first, position):
        return None
    closer = _CLOSERS[tokens.kinds[opening]]
    if closer not in possible:
        return None
    if found != "$END" and not accepts(shifted(states, closer), found):
        return None
    if tokens.texts[opening]:  # else it was put in by an earlier repair, which was told
        tokens.report.add(unclosed(tokens, opening, position))
    return Repair(closer, insert=True)


def _forgotten(tokens: Tokens, position: int, possible: frozenset[str]) -> list[str]:
    """Return the signs that may have been forgotten before a token on the line of the last one.

    Between two names a comma is only guessed in brackets: behind `by user.id` a step may follow.
    """
    found = tokens.kinds[position]
    beside = position > 0 and tokens.lines[position - 1] == tokens.lines[position]
    if not beside or found == "RBRACE":
        return []
    listed = found != "NAME" or not possible & {"EXPECT", "SEVERITY"}
    headed = tokens.kinds[position - 1] in {"NAME", "STRING"}
    doubtful = {"COMMA": not listed, "LBRACE": not headed}
    return [sign for sign in _FORGOTTEN if sign in possible and not doubtful.get(sign)]


def _respelt(tokens: Tokens, position: int, last: int, possible: frozenset[str]) -> str | None:
    """Return the terminal of the keyword that the unwanted word is a misspelling of."""
    if position >= last or tokens.kinds[position] != "NAME":
        return None
    words = [_SPELLINGS[kind] for kind in possible if kind in _SPELLINGS]
    close = get_close_matches(tokens.texts[position].lower(), sorted(words), n=1, cutoff=SURE)
    return KEYWORDS.get(close[0]) if close else None


def _open_bracket(tokens: Tokens, failure: Failure) -> int | None:
    """Return the innermost bracket that is open where the parser failed."""
    return _opener(tokens, failure.first, failure.position)


def _opener(tokens: Tokens, first: int, position: int) -> int | None:
    """Return the innermost bracket from token *first* on that is open before *position*."""
    depth = 0
    for index in range(position - 1, first - 1, -1):
        kind = tokens.kinds[index]
        if kind in _CLOSERS:
            if depth == 0:
                return index
            depth -= 1
        elif kind in _CLOSERS.values():
            depth += 1
    return None


def unclosed(tokens: Tokens, opening: int, position: int) -> Diagnostic:
    """Return that the bracket *opening* is not closed before *position*.

    When the last `}` stands below the begin of the line of *opening*, it is the one inside that was
    forgotten, and that one is named:

        policy p {
          rule a {            this one
            then deny
        }
    """
    last = position - 1
    inner = _opener(tokens, opening + 1, last) if tokens.kinds[last] == "RBRACE" else None
    place = tokens.columns[last]
    if inner is not None and _indent(tokens, opening) == place != _indent(tokens, inner):
        opening = inner
    closer = _SPELLINGS[_CLOSERS[tokens.kinds[opening]]]
    at = tokens.span(opening, opening)
    return catalog.unclosed(at, tokens.texts[opening], closer, tokens.gap(position))


def _indent(tokens: Tokens, index: int) -> int:
    """Return the column of the first token on the line of token *index*."""
    while index and tokens.lines[index - 1] == tokens.lines[index]:
        index -= 1
    return tokens.columns[index]


# --- what was expected ---------------------------------------------------------------------------

_RIDERS = frozenset(
    {"ADVISE", "LABEL", "SEVERITY", "TAGS", "OWNER", "EXPIRES", "ON_FAILURE", "MODE", "ROLLOUT"}
    | {"ON_STATE_FAILURE"}
)
_VALUES = frozenset(
    {"NUMBER", "INT", "DURATION", "TIME", "TRUE", "FALSE", "LBRACE", "LSQB", "MINUS", "ANY", "ALL"}
    | {"STRING", "ABSENT", "LPAR", "NAME", "NOT"}
)

# What is needed, what else it stands for, and its name; from the most to the least telling.
_KINDS: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    (
        frozenset({"SCHEMA", "POLICY", "TEST"}),
        frozenset({"LIST", "LET", "FACTS", "ENTITY", "CLASSIFIER", "METER", "FIXTURE", "PROPERTY"})
        | {"IMPORT", "PACKAGE"},
        "an item such as `policy`, `schema` or `test`",
    ),
    (
        frozenset({"RULE", "APPLIES", "DEFAULT"}),
        frozenset({"MODE", "ROLLOUT"}),
        "`rule`, `applies when`, `default`",
    ),
    (
        frozenset({"WHEN", "UNLESS", "THEN"}),
        _RIDERS,
        "`when`, `unless`, `then`, a rider such as `severity`",
    ),
    (
        frozenset({"GIVEN", "EXPECT", "CASE"}),
        frozenset({"AT", "ADVANCE", "MOCK", "SETTLE", "REPEAT"}),
        "a step such as `given`, `case` or `expect`",
    ),
    (frozenset({"PATTERN", "TERMS", "CHECK", "NEAR"}), frozenset(), "`pattern`, `terms`, `check`"),
    (frozenset({"LPAR", "NOT", "STRING", "NAME"}), _VALUES, "a condition"),
    (frozenset({"LPAR", "STRING", "NAME"}), _VALUES, "a value"),
    (
        frozenset({"SET", "LIST", "STRING", "NAME"}),
        frozenset(),
        "a type such as `string` or `set<string>`",
    ),
    (
        frozenset({"ALLOW", "DENY", "REDACT"}),
        frozenset({"ESCALATE", "THROTTLE"}),
        "an action such as `deny` or `redact`",
    ),
    (frozenset({"STRING", "TRUE", "INT"}), _VALUES - {"NAME"}, "a value"),
    (frozenset({"INT", "NUMBER"}), frozenset(), "a number"),
    (
        frozenset({"_AND", "EQUAL", "PLUS"}),
        _OPERATORS | {"LPAR"},
        "an operator such as `==` or `and`",
    ),
    (frozenset({"_AND", "_OR"}), frozenset(), "`and`, `or`"),
)
_NAMED = {
    "NAME": "a name",
    "STRING": 'a string such as `"text"`',
    "INT": "a whole number",
    "NUMBER": "a number",
    "DURATION": "a duration such as `10m`",
    "PERCENT": "a percentage such as `10%`",
    "TIME": "a time such as `2026-01-01T00:00:00Z`",
    "DATE": "a date such as `2026-12-31`",
    "REGEX": "a regular expression such as `/[0-9]+/`",
}


_BEHIND = {
    "field": ["a field", "`}`"],
    "part": ["`pattern`", "`terms`", "`check`", "`near`", "`}`"],
    "setting": ["a setting", "`}`"],
    "member": ["`rule`", "`applies when`", "`default`", "`}`"],
    "clause": ["`when`", "`unless`", "`then`", "a rider such as `severity`", "`}`"],
    "step": ["a step such as `given`, `case` or `expect`", "`}`"],
}
"""What may stand behind a piece that is complete."""


def expected(possible: frozenset[str], start: str, *, whole: bool) -> str:
    """Return what *possible* terminals are to an author: `a condition`, `` `then` ``, `a rule`.

    *whole* says that what was read so far is already a complete *start*.
    """
    left = set(possible)
    said: list[str] = []
    for needed, others, words in _KINDS:
        if needed <= left:
            said.append(words)
            left -= needed | others
    said.extend(words for kind, words in _NAMED.items() if kind in left)
    said.extend(f"`{sign}`" for sign in sorted(_SPELLINGS.get(kind, "") for kind in left) if sign)
    if whole and not {"_AND", "EQUAL"} <= possible:
        said.extend(_BEHIND.get(start, ["an item such as `policy`, `schema` or `test`"]))
    said = sorted(dict.fromkeys(said), key=lambda words: " or " in words)
    return " or ".join(part for part in (", ".join(said[:-1]), said[-1]) if part)


def describe(tokens: Tokens, start: str, failure: Failure, last: int) -> Diagnostic:
    """Return what is wrong where the parser failed."""
    states, _, position = failure
    possible = accepted(states)
    text = tokens.texts[position]
    kind = tokens.kinds[position]
    at = tokens.span(position, position)
    if (
        position < last
        and kind in _COMPARISONS
        and possible & {"_AND", "RPAR"}
        and "COMMA" not in possible
    ):
        return catalog.chained(at)
    if text in _BRANCHES:
        return catalog.branch(at, text)
    if kind == "RBRACE" and not possible and start in {"item", "file"}:
        return catalog.unopened(at, text)
    if position and tokens.lines[position - 1] != tokens.lines[position]:
        at = tokens.gap(position)
    found = "the end of the file" if kind == "$END" else f"`{catalog.shorten(text)}`"
    wanted = expected(possible, start, whole=complete(states, start))
    return catalog.unexpected(at, found, wanted, _hint(tokens, position, possible))


def _hint(tokens: Tokens, position: int, possible: frozenset[str]) -> str | None:
    """Return advice about the token that nobody wanted, where what was meant is plain."""
    text, kind = tokens.texts[position], tokens.kinds[position]
    if "PRESENT" in possible:
        word = "tainted" if "tainted" in tokens.texts[position : position + 2] else "is"
        return catalog.OTHER_WORDS[word]
    if kind in _COMPARISONS and "COMMA" in possible:
        return catalog.COMPARED_INSIDE
    if kind == "FOR" and (possible <= {"COMMA"} or "BY" in possible):
        return catalog.WANDERED
    if kind == "STRING" and re.fullmatch(PATTERNS["NAME"], text[1:-1]):
        meant = KEYWORDS.get(text[1:-1], "NAME")
        if "STRING" not in possible and possible & {"NAME", meant}:
            return catalog.UNQUOTED
    return catalog.OTHER_WORDS.get(text) or catalog.OTHER_KINDS.get(kind)
