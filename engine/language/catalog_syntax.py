"""The wording of every syntax diagnostic: one function a code, codes never reused."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Diagnostic, did_you_mean
from engine.language.nodes import Name
from engine.language.text import Span


def bad_bytes(at: Span, byte: int) -> Diagnostic:
    """E100: the file is not UTF-8 text."""
    return Diagnostic(
        "E100",
        f"this is not UTF-8 text: byte 0x{byte:02x} cannot stand here",
        at,
        help="save the file as UTF-8",
    )


def unexpected(at: Span, found: str, expected: str, hint: str | None = None) -> Diagnostic:
    """E101: something else was expected here."""
    return Diagnostic("E101", f"expected {expected}, found {found}", at, help=hint)


def bad_character(at: Span, character: str) -> Diagnostic:
    """E102: a character that means nothing in the language."""
    shown = f"`{character}`" if character.isprintable() else f"U+{ord(character):04X}"
    return Diagnostic("E102", f"{shown} has no meaning here", at)


def open_string(at: Span) -> Diagnostic:
    """E103: a string does not end on its line."""
    return Diagnostic(
        "E103",
        "this string does not end",
        at,
        help='close it with `"` on the same line; a line break inside is written `\\n`',
    )


def open_regex(at: Span) -> Diagnostic:
    """E104: a regular expression does not end on its line."""
    return Diagnostic(
        "E104",
        "this regular expression does not end",
        at,
        help="close it with `/` on the same line; a slash inside is written `\\/`",
    )


def unknown_escape(at: Span, escape: str) -> Diagnostic:
    """E105: a backslash with something that is no escape."""
    return Diagnostic(
        "E105",
        f"unknown escape `{escape}`",
        at,
        help='a string knows `\\"`, `\\\\`, `\\n`, `\\t` and `\\u{1F600}`',
    )


def malformed_number(at: Span, text: str) -> Diagnostic:
    """E106: it begins like a number, duration or time and is none."""
    return Diagnostic(
        "E106",
        f"`{text}` is no number, duration or time",
        at,
        help="write `1_000`, `0.85`, `10%`, `250ms`, `1h30m` or `2026-01-01T00:00:00Z`",
    )


def int_too_large(at: Span) -> Diagnostic:
    """E107: an integer out of 64 bits."""
    return Diagnostic("E107", "this number is too large: the largest is 9223372036854775807", at)


def number_too_long(at: Span, most: int) -> Diagnostic:
    """E125: a number with too many digits."""
    return Diagnostic("E125", f"this number is too long: {most} characters are the most", at)


def percent_too_large(at: Span) -> Diagnostic:
    """E126: more than all."""
    return Diagnostic("E126", "a percentage goes from `0%` to `100%`", at)


def impossible_time(at: Span, text: str) -> Diagnostic:
    """E108: a date or time that no calendar has."""
    return Diagnostic("E108", f"there is no such time as `{text}`", at)


def duration_too_large(at: Span) -> Diagnostic:
    """E109: a duration longer than a hundred years."""
    return Diagnostic("E109", "this duration is too long: a hundred years are the most", at)


def duration_order(at: Span) -> Diagnostic:
    """E127: the units of a duration out of order."""
    return Diagnostic(
        "E127",
        "a duration names each unit once, the largest first",
        at,
        help="such as `1d12h` or `1h30m`",
    )


def too_deep(at: Span, most: int) -> Diagnostic:
    """E110: nested too deeply."""
    return Diagnostic(
        "E110",
        f"nested too deeply: {most} levels are the most",
        at,
        help="name a part with `let`, or use a set or a list",
    )


def unknown_type(name: Name, known: Iterable[str]) -> Diagnostic:
    """E120: no such type."""
    names = [*known, "set", "list"]
    hint = did_you_mean(name.name, names) or f"the types are {', '.join(names)} and quoted words"
    return Diagnostic("E120", f"unknown type `{name.name}`", name.span, help=hint)


def misspelt_sign(at: Span, text: str) -> Diagnostic:
    """E114: an operator of another language."""
    meant = {"&&": "and", "||": "or", "!": "not", "===": "==", "<>": "!=", "=": "=="}.get(text)
    if meant is None:
        return Diagnostic("E114", f"`{text}` is not used here", at, help="leave it out")
    return Diagnostic("E114", f"`{text}` is written `{meant}`", at)


def single_quotes(at: Span, text: str) -> Diagnostic:
    """E115: a string in single quotes."""
    del text
    return Diagnostic("E115", 'a string is written in double quotes: `"…"`', at)


def repeated(what: str, at: Span, before: Span) -> Diagnostic:
    """E117: given twice."""
    return Diagnostic("E117", f"{what} is given twice", at, notes=(("first given here", before),))


def clause_order(word: str, at: Span) -> Diagnostic:
    """E118: the parts of a rule out of order."""
    return Diagnostic(
        "E118",
        f"`{word}` stands too late in its rule",
        at,
        help="the order is `when`, `unless`, `then`, and after these all others",
    )


def no_default(name: Name) -> Diagnostic:
    """E119: a policy does not say what holds when no rule does."""
    return Diagnostic(
        "E119",
        f"policy `{name.name}` has no default",
        name.span,
        help="write `default deny` (only what a rule allows passes) or `default allow`",
    )


def no_action(name: Name) -> Diagnostic:
    """E129: a rule does not say what to do."""
    return Diagnostic(
        "E129",
        f"rule `{name.name}` has no `then`",
        name.span,
        help="write `then` with `allow`, `deny`, `redact`, `escalate` or `throttle`",
    )


def mode_and_rollout(at: Span, before: Span) -> Diagnostic:
    """E121: a policy in a mode and in a rollout."""
    return Diagnostic(
        "E121",
        "a policy has either a `mode` or a `rollout`",
        at,
        notes=(("the other stands here", before),),
    )


def missing_then(at: Span, action: str) -> Diagnostic:
    """E112: an action without its `then`."""
    return Diagnostic(
        "E112", f"`then` is missing before `{action}`", at, help=f"write `then {action}`"
    )


def misspelt_word(at: Span, text: str, meant: str) -> Diagnostic:
    """E113: a word that is almost a keyword."""
    return Diagnostic("E113", f"unknown word `{text}`", at, help=f"did you mean `{meant}`?")


def unclosed(at: Span, opening: str, closer: str, missing: Span) -> Diagnostic:
    """E111: a bracket that is never closed."""
    return Diagnostic(
        "E111",
        f"this `{opening}` is never closed",
        at,
        notes=((f"a `{closer}` is missing here at the latest", missing),),
    )


def unopened(at: Span, closer: str) -> Diagnostic:
    """E128: a bracket that closes nothing."""
    return Diagnostic("E128", f"this `{closer}` closes nothing", at, help="remove it")


def missing_sign(at: Span, sign: str) -> Diagnostic:
    """E123: a comma or colon forgotten."""
    return Diagnostic("E123", f"`{sign}` is missing before this", at)


def chained(at: Span) -> Diagnostic:
    """E116: a comparison of a comparison."""
    return Diagnostic(
        "E116",
        "comparisons cannot be chained",
        at,
        help="compare two at a time: `a < b and b < c`",
    )


def branch(at: Span, word: str) -> Diagnostic:
    """E122: rules are no program."""
    return Diagnostic(
        "E122",
        f"there is no `{word}` in this language",
        at,
        help="write a rule for each case; `when` and `unless` say when it acts",
    )


def hidden_character(at: Span, character: str) -> Diagnostic:
    """E124: a control, direction or half character, which a reader of the policy would not see."""
    return Diagnostic(
        "E124",
        f"U+{ord(character):04X} cannot be seen, so it cannot stand in a policy",
        at,
        help=f"in a string it is written `\\u{{{ord(character):X}}}`",
    )


OTHER_WORDS = {
    "includes": "membership is written `contains`, or `x in y`",
    "equals": "equality is written `==`",
    "is": "presence is written `is present` or `is absent`; equality is written `==`",
    "tainted": 'taint is written `arg("to") tainted` or `arg("to") not tainted`',
    "exists": "presence is written `is present`",
    "notin": "this is written `not in`",
    "xor": "there is `and`, `or` and `not`",
    "because": "the reason is a string right behind `deny`",
    "[": "a set is written `{a, b}`",
    "null": "a missing attribute is asked for with `is absent`",
}
"""Advice for words that other languages have and this one spells otherwise."""

UNQUOTED = "write it without quotes"
"""Advice for a name in quotes."""

WANDERED = "`for` stands behind the keys of a throttle, and before `from` in a label"
"""Advice for a duration in another place of its sentence."""

COMPARED_INSIDE = "in a set or call a comparison stands in parentheses; `any` needs `x in xs: (…)`"
"""Advice for a comparison where only a value can stand."""

OTHER_KINDS = {
    "DATE": "a time is written `2026-01-01T00:00:00Z`",
    "PERCENT": "a share is written `0.1`; only `rollout` takes a percentage",
}
"""Advice for literals in a place that takes others."""

_LONGEST = 40


def shorten(text: str) -> str:
    """Return the author's text, cut when it would drown the sentence."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
