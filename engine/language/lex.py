"""Source text -> tokens and comments: one regular expression made from the grammar's own terminals.

A token never crosses a line, so the text is read line by line and every token knows its line and
column without counting again. Which words are keywords is only looked up here; whether a keyword
stands where the grammar wants one is the parser's question. What cannot be a token is reported
and, where the author's intention is plain (``&&``, ``'single quotes'``), taken for the token that
was meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice

from engine.language import catalog_syntax as catalog
from engine.language._grammar import KEYWORDS, PATTERNS, SIGNS
from engine.language.diagnostics import Report
from engine.language.items import Comment
from engine.language.literals import HIDDEN
from engine.language.text import Source, Span

_SIGN = "|".join(re.escape(sign) for sign in sorted(SIGNS, key=lambda sign: (-len(sign), sign)))

# `/` is a division or begins a regular expression; it begins one only after these two words.
_REGEX_AFTER = ("MATCHES", "PATTERN")

_MISSPELT = {"&&": "_AND", "||": "_OR", "!": "NOT", "===": "EQUAL", "<>": "UNEQUAL", ";": ""}

# Spaces are what the search skips. The order matters: a date before a number, `matches /x/` before
# a name.
_TOKEN = re.compile(
    rf"(?P<WORD>{PATTERNS['NAME']})"
    rf"|(?P<STRING>{PATTERNS['STRING']})"
    rf"|(?P<TIME>{PATTERNS['TIME']})|(?P<DATE>{PATTERNS['DATE']})"
    rf"|(?P<DURATION>{PATTERNS['DURATION']})|(?P<PERCENT>{PATTERNS['PERCENT']})"
    rf"|(?P<NUMBER>{PATTERNS['NUMBER']})|(?P<INT>{PATTERNS['INT']})"
    r"|(?P<MALFORMED>[0-9](?:[\w.:]|(?<=[Ee])[+-](?=[0-9]))*)"
    r"|(?P<COMMENT>\#[^\n]*)"
    r"|(?P<MISSPELT>&&|\|\||===|<>|!(?!=)|;)"
    rf"|(?P<SIGN>{_SIGN})"
    r"""|(?P<SINGLE>'(?:[^'\\\n]|\\[^\n])*')"""
    r"""|(?P<OPEN>["'](?:[^\\\n]|\\[^\n])*\\?)"""
    r"|(?P<BAD>[^ \t\r\n\f])"
)
_REGEX = re.compile(rf"[ \t\r\f]*({PATTERNS['REGEX']})")
_MOST_HIDDEN = 20
_MOST_ODD = 100
_OPEN_REGEX = re.compile(r"[ \t\r\f]*(/[^\n]*)")


@dataclass(slots=True)
class Tokens:
    """The tokens of one source as parallel columns; the last one is ``$END``.

    *kinds* are terminals of the grammar; *words* the terminals of keywords, else empty.
    """

    source: Source
    report: Report
    kinds: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    torn: set[int] = field(default_factory=set)
    """Lines whose end is unknown since a string or regular expression on them is not closed."""
    _own: dict[int, str] | None = None
    _trailing: dict[int, str] | None = None

    def add(self, kind: str, text: str, start: int, line: int, column: int) -> None:
        """Add one token."""
        self.kinds.append(kind)
        self.texts.append(text)
        self.starts.append(start)
        self.lines.append(line)
        self.columns.append(column)

    def insert(self, position: int, kind: str) -> None:
        """Put a token of no width before token *position*: what the author forgot."""
        place = self.gap(position)
        self.kinds.insert(position, kind)
        self.texts.insert(position, "")
        self.starts.insert(position, place.start)
        self.lines.insert(position, place.line)
        self.columns.insert(position, place.column)

    def gap(self, position: int) -> Span:
        """Return where something before token *position* is missing: behind the token before it."""
        before = self.span(position - 1, position - 1)
        return before._replace(start=before.end, line=before.end_line, column=before.end_column)

    def is_torn(self, first: int, last: int) -> bool:
        """Say whether a line from token *first* to *last* is torn: what follows it is a guess."""
        lines = self.lines[first], self.lines[last]
        return any(lines[0] <= line <= lines[1] for line in self.torn)

    def own_comments(self) -> dict[int, str]:
        """Return the text of the comments that have a line of their own, by line."""
        if self._own is None:
            self._own = {c.span.line: _bare(c.text) for c in self.comments if c.own_line}
        return self._own

    def trailing_comments(self) -> dict[int, str]:
        """Return the text of the comments that stand behind something, by line."""
        if self._trailing is None:
            self._trailing = {c.span.line: _bare(c.text) for c in self.comments if not c.own_line}
        return self._trailing

    def span(self, first: int, last: int) -> Span:
        """Return the place from token *first* to token *last*, both included."""
        size = len(self.texts[last])
        return Span(
            self.source.path,
            self.starts[first],
            self.starts[last] + size,
            self.lines[first],
            self.columns[first],
            self.lines[last],
            self.columns[last] + size,
        )


def _bare(comment: str) -> str:
    """Return a comment's text without its mark and the one space behind it."""
    return comment[2:] if comment.startswith("# ") else comment[1:]


def split_tokens(source: Source, report: Report) -> Tokens:
    """Return the tokens and comments of *source*; what is none goes to *report*."""
    tokens = Tokens(source, report)
    for match in islice(HIDDEN.finditer(source.text), _MOST_HIDDEN):
        report.add(catalog.hidden_character(_place(source, match.start()), match.group()))
    start = 0
    lines = source.text.split("\n")
    for number, line in enumerate(lines, 1):
        _split_line(tokens, number, start, start + len(line))
        start += len(line) + 1
    tokens.add("$END", "", start - 1, len(lines), len(lines[-1]) + 1)
    return tokens


def _place(source: Source, index: int) -> Span:
    line = source.text.count("\n", 0, index) + 1
    column = index - source.text.rfind("\n", 0, index)
    return Span(source.path, index, index + 1, line, column, line, column + 1)


def _split_line(tokens: Tokens, number: int, start: int, end: int) -> None:
    text = tokens.source.text
    kinds, texts, starts = tokens.kinds, tokens.texts, tokens.starts
    lines, columns = tokens.lines, tokens.columns
    position = start
    while position < end:
        if kinds and kinds[-1] in _REGEX_AFTER:
            position = _split_regex(tokens, number, start, position, end)
        for match in _TOKEN.finditer(text, position, end):
            kind = match.lastgroup
            first = match.start()
            word = match.group()
            if kind == "WORD":
                made = KEYWORDS.get(word, "NAME")
            elif kind == "SIGN":
                made = SIGNS[word]
            elif kind == "COMMENT":
                own = not lines or lines[-1] != number
                tokens.comments.append(
                    _comment(tokens, word, own, first, number, first - start + 1)
                )
                continue
            elif kind in _ODD:
                _odd(tokens, str(kind), word, first, number, first - start + 1)
                continue
            else:
                made = str(kind)
            kinds.append(made)
            texts.append(word)
            starts.append(first)
            lines.append(number)
            columns.append(first - start + 1)
            if made in _REGEX_AFTER:
                position = match.end()
                break
        else:
            return


_ODD = frozenset({"MALFORMED", "MISSPELT", "SINGLE", "OPEN", "BAD"})


def _split_regex(tokens: Tokens, number: int, start: int, position: int, end: int) -> int:
    """Add the regular expression that begins at *position*, if one does; return where to go on."""
    text = tokens.source.text
    match = _REGEX.match(text, position, end)
    if match is None:
        match = _OPEN_REGEX.match(text, position, end)
        if match is None:
            return position
        place = Span(
            tokens.source.path,
            match.start(1),
            end,
            number,
            match.start(1) - start + 1,
            number,
            end - start + 1,
        )
        tokens.report.add(catalog.open_regex(place))
        tokens.torn.add(number)
    tokens.add("REGEX", match.group(1), match.start(1), number, match.start(1) - start + 1)
    return match.end()


def _comment(
    tokens: Tokens,
    word: str,
    own: bool,  # noqa: FBT001 - passed on as it is
    start: int,
    line: int,
    column: int,
) -> Comment:
    body = word.rstrip()
    place = Span(
        tokens.source.path, start, start + len(body), line, column, line, column + len(body)
    )
    return Comment(body, own, place)


def _odd(tokens: Tokens, kind: str, word: str, start: int, line: int, column: int) -> None:
    """Report *word*, which is no token, and add the token that was meant, if that is plain."""
    size = len(word)
    place = Span(tokens.source.path, start, start + size, line, column, line, column + size)
    match kind:
        case "MALFORMED":
            tokens.report.add(catalog.malformed_number(place, word))
            meant = "INT"
        case "MISSPELT":
            tokens.report.add(catalog.misspelt_sign(place, word))
            meant = _MISSPELT[word]
        case "SINGLE":
            tokens.report.add(catalog.single_quotes(place, word))
            meant = "STRING"
        case "OPEN":
            tokens.report.add(catalog.open_string(place))
            tokens.torn.add(line)
            meant = "STRING"
        case _:
            if not HIDDEN.match(word) and len(tokens.report.found) < _MOST_ODD:
                tokens.report.add(catalog.bad_character(place, word))
            meant = ""
    if meant:
        tokens.add(meant, word, start, line, column)
