"""A phrase in its text to whether it is only mentioned: quoted, named, forbidden, or about a thing.

"Ignore all previous instructions" is an attack; "the filter blocks 'ignore all previous
instructions'", "never ignore the rules" and "ignore all lint rules" are none.
"""

# ruff: noqa: E501 - patterns, with quotation marks

from __future__ import annotations

from engine.content.regex import compiled

SPOKEN_ABOUT = 120
DOUBLE, SINGLE, BACK = b"\"'`"
QUOTES_ABROAD = ("\u2018".encode(), "\u201c".encode(), "\xab".encode())
QUOTES = (b'"', b"'", b"`", *QUOTES_ABROAD)

_opened = compiled(
    r"(?:^|[ (\[=:,;#>])[\"'`\x{2018}\x{201c}\x{ab}](?:[^\"'`\x{2019}\x{201d}\x{bb}]|\pL'\pL)*$"
)
_closed = compiled(
    r"^(?:[^\"'`\x{2018}\x{201c}\x{ab}]|\pL'\pL)*[\"'`\x{2019}\x{201d}\x{bb}](?:[^\pL\pN]|$)"
)
_about = compiled(
    r"\b(?:example|quot(?:e|es|ed|ing)|phrase|phrases|detect\w*|classif\w*|pattern|rule"
    r"|training|trainer|guide|guidance|material|policy|describes?|explains?|documentation"
    r"|docs|article|report|unsafe|malicious|attack|attacks|literal|string|test|testing"
    r"|fixture|block(?:s|ed)?|filters?|attackers?|unit tests?|injections?|flag(?:s|ged)?|review|annotate|slides?|learners?|students?"
    r"|awareness|lists?|compare|prompts? like|paper|benchmark|changelog|such as|warns?"
    r"|says|called|titled|means?|translat\w*|owasp|ncsc|analysts?|const|let|assert)\b"
)
_named = compiled(
    r"(?:\b(?:example|detector|pattern|signature|phrase|string|literal|sample|fixture|label|category"
    r"|test case|heading|title|attacks?|payload|prompt|technique)s?(?: \w+){0,2}:"
    r"|\b(?:contain|read|say|state|hold)(?:s|ing)?(?: \w+){0,3}:|\bthe (?:phrase|words|sentence|string|term)"
    r"|\b(?:why|how) (?:does|do|did|is|are|would|can|could)(?: \w+)?"
    r"|\b(?:translate|classify|spell|rephrase|analy[sz]e|explain|define|annotate|label|rate)(?: \w+){0,5}:? ?[\"'`]"
    r"|\b(?:such as|(?:phrases?|prompts?|things|texts?|messages?|sentences?|commands?) like|trying to"
    r"|attempts? to|attacks? that|tries to|tried to|how to|whether to|must not|should not|shouldn't"
    r"|(?:trick|ask|tell|persuad|convinc|caus|forc|coax|manipulat|instruct|mak|get)(?:e|s|es|ing|ed)?"
    r" (?:\w+ ){0,4}to|cannot|can't|could|may|might|will not|won't|never|not to|do not|don't|nobody"
    r"|without|instead of|to prevent|prevents?|refuses? to|which|wants? to"
    r"|number|reference|n'|ne|no|non|nao|nie|niet|nicht)|(?:^|[^\pL])не|不要|别|不|请勿|لا) ?$"
)
"""What stands directly before a phrase that is named or forbidden, not said."""
_harmless = compiled(
    r"\b(?:e?s?lint|css|firewall|build|compiler|cache|caching|routing|spam|robots|git|merge|commit"
    r"|cors|nginx|http|sql|install(?:ation)?|assembly|cooking|washing|shipping|delivery|setup"
    r"|recipe|marketing|migration|formatting|header) \w{0,12} ?(?:instruction|rule|polic|guideline"
    r"|prompt|direction|order|restriction|constraint|command|task|message|request)"
    r"|\bmy (?:earlier|previous|last|prior|first|other) (?:request|message|order|e-?mail)"
    r"|\bwhat i (?:just )?(?:said|wrote|asked)\b|^(?:vergiss|vergeet)\w* (?:nicht|niet)\b"
    r"|\ban? (?:system|initial|original|hidden|secret|internal|first|base|core) (?:prompt|instruction)"
    r"|(?:messages?|requests?|tasks?|orders?|conversations?)< (?:from|in|with"
    r"|sent|older|for|of) |\b(?:above|lines above)< the |learned< (?:about|in|from|at)\b"
    r"|\babove the (?:current )?prompt|< when (?:an?|the|no) |< (?:on|along) the |<(?: \w+)? (?:of|on|from|in) (?:my|our|this) "
    r"|< (?:documentation|template|header|parameter|setting|length|token|field|in the|for my|for our)\b"
)
"""What is taken back, or shown, is not the model's. ``<`` stands where the phrase ends."""

TALK = (_opened, _closed, _about, _named, _harmless)
"""All patterns of this module, to be warmed up."""


def has_quotes(data: bytes) -> bool:
    """Return whether any quotation mark is in *data*."""
    # Hot path: a byte is looked for by its number: see `contact`.
    if DOUBLE in data or SINGLE in data or BACK in data:
        return True
    return not data.isascii() and any(quote in data for quote in QUOTES_ABROAD)


def talked_about(data: bytes, start: int, end: int, *, quoted: bool) -> bool:
    """Return whether ``data[start:end]`` is named, forbidden, or quoted in a sentence about it."""
    around = data[max(0, start - SPOKEN_ABOUT) : start]
    after = data[end : end + SPOKEN_ABOUT]
    if _named.within(around) or _harmless.within(data[start:end] + b"<" + after):
        return True
    if not quoted:
        return False
    before = around.decode("utf-8", "ignore")
    behind = after.decode("utf-8", "ignore")
    found = data[start:end].decode("utf-8", "ignore")
    return (
        _opened.within((before + found).encode())
        and _closed.within(behind.encode())
        and _about.within((before + " " + behind).encode())
    )
