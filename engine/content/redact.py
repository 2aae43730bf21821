"""Text or JSON and findings to the same without what was found, and a list of what was replaced.

Findings that overlap are replaced together, all that they cover, so that no end of the one sticks
out beside the other. Of each such heap the longest finding decides, then the stricter strategy,
then the higher score, then the entity's name::

    "mail ann@example.org now"   label of pii.email   ->   "mail [EMAIL] now"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple, assert_never

from engine.content.findings import Finding
from engine.content.pseudonyms import (
    HALF,
    Pseudonym,
    Tagger,
    Tokens,
    tagger,
    token_tagger,
)

StrategyName = Literal["label", "mask", "hash", "token", "drop"]

COUNTRY = 2
"""Letters of a country's code, which says nothing about what was found."""
HASH_DIGITS = 12
STRICTNESS: Mapping[str, int] = {"drop": 0, "label": 1, "hash": 2, "token": 3, "mask": 4}


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a finding is replaced. ``mask`` repeats *fill* and leaves the last *keep* characters."""

    name: StrategyName
    fill: str = "*"
    keep: int = 0


class Span(NamedTuple):
    """What was replaced: ``start:end`` of the original at *path*, in code points."""

    path: str
    start: int
    end: int
    entity: str
    strategy: str


Replace = Callable[[str], str]
"""What was found in, what stands there instead out."""


class Redacted(NamedTuple):
    """The *text* to release and the *spans* of the original that it lacks, in order, disjoint."""

    text: str
    spans: tuple[Span, ...]


class RedactedJson(NamedTuple):
    """The JSON *value* to release and the *spans* that its strings lack, in their order."""

    value: Any
    spans: tuple[Span, ...]


def redact_text(
    text: str,
    findings: Iterable[Finding],
    strategies: Mapping[str, Strategy],
    key: bytes,
    scope: str,
    path: str = "content",
    tokens: Tokens | None = None,
    *,
    number: bool = False,
) -> Redacted:
    """Replace those *findings* in *text* whose entity has one of *strategies*.

    *key* keys ``hash`` and ``token``; *scope* (a tenant and session) bounds where a token means the
    same. What the tokens stand for is added to *tokens*. *number*: the text are the digits of a
    JSON number. Raises ValueError for a finding outside the text, and for ``hash`` or ``token``
    without a key.
    """
    wanted = [one for one in findings if one.entity in strategies]
    if not wanted:
        return Redacted(text, ())
    pieces: list[str] = []
    spans: list[Span] = []
    replacers: dict[str, tuple[Replace, str]] = {}
    # Hot path: this is what `Span(...)` calls from Python, which takes twice as long.
    span = tuple.__new__
    done = 0
    for entity, start, end, _ in _heaps(text, wanted, strategies):
        replacer = replacers.get(entity)
        if replacer is None:
            how = strategies[entity]
            whole = number and end - start == len(text)
            replace = _replacer(entity, how, key, scope, tokens, number=whole)
            replacer = replacers[entity] = replace, how.name
        replace, name = replacer
        pieces.append(text[done:start])
        pieces.append(replace(text[start:end]))
        spans.append(span(Span, (path, start, end, entity, name)))
        done = end
    pieces.append(text[done:])
    return Redacted("".join(pieces), tuple(spans))


def redact_json(
    value: object,
    find: Callable[[str], Sequence[Finding]],
    strategies: Mapping[str, Strategy],
    key: bytes,
    scope: str,
    path: str = "tool.args",
    tokens: Tokens | None = None,
) -> RedactedJson:
    """Rewrite the strings of a JSON *value* as `redact_text` does; *find* gives their findings.

    A whole number is its digits: one in which something is found becomes a string; a token of all
    of it is turned back into the number. Structure, names and all else stay. Paths are those of
    ``arg``: ``tool.args.to.0``.
    """
    spans: list[Span] = []

    def rewrite(node: object, path: str) -> object:
        match node:
            case str():
                redacted = redact_text(node, find(node), strategies, key, scope, path, tokens)
                spans.extend(redacted.spans)
                return redacted.text
            case int() | float() if not isinstance(node, bool) and node == node // 1:
                digits = str(int(node))
                redacted = redact_text(
                    digits, find(digits), strategies, key, scope, path, tokens, number=True
                )
                spans.extend(redacted.spans)
                return redacted.text if redacted.spans else node
            case dict():
                return {name: rewrite(inner, f"{path}.{name}") for name, inner in node.items()}
            case list() | tuple():
                return [rewrite(inner, f"{path}.{place}") for place, inner in enumerate(node)]
            case _:
                return node

    return RedactedJson(rewrite(value, path), tuple(spans))


def _heaps(
    text: str, wanted: Sequence[Finding], strategies: Mapping[str, Strategy]
) -> Sequence[Finding]:
    """Return the places that are replaced, in order, each of the entity that decides how."""
    done = 0
    for _, start, end, _ in wanted:
        if not done <= start < end:
            return _joined(text, wanted, strategies)
        done = end
    # Hot path: scanners give findings in order, and most do not overlap.
    return wanted if done <= len(text) else _joined(text, wanted, strategies)


def _joined(
    text: str, wanted: Iterable[Finding], strategies: Mapping[str, Strategy]
) -> list[Finding]:
    """Return heaps of findings that overlap as one finding each, in order."""
    heaps: list[tuple[int, int, Finding]] = []
    for finding in sorted(wanted, key=lambda one: (one.start, one.end)):
        if not 0 <= finding.start < finding.end <= len(text):
            raise ValueError(f"a finding of {finding.entity} lies outside the text")
        if heaps and finding.start < heaps[-1][1]:
            start, end, winner = heaps.pop()
            winner = min(winner, finding, key=lambda one: _rank(one, strategies))
            heaps.append((start, max(end, finding.end), winner))
        else:
            heaps.append((finding.start, finding.end, finding))
    return [winner._replace(start=start, end=end) for start, end, winner in heaps]


def _rank(finding: Finding, strategies: Mapping[str, Strategy]) -> tuple[int, int, float, str]:
    strictness = STRICTNESS[strategies[finding.entity].name]
    return finding.start - finding.end, strictness, -finding.score, finding.entity


@lru_cache(maxsize=1024)
def label_of(entity: str) -> str:
    """Return what stands for a finding of *entity*: ``EMAIL``, ``NATIONAL_ID`` of any country."""
    kind, _, last = entity.rpartition(".")
    return (kind.rpartition(".")[2] if len(last) == COUNTRY and "." in kind else last).upper()


def _replacer(
    entity: str,
    strategy: Strategy,
    key: bytes,
    scope: str,
    tokens: Tokens | None,
    *,
    number: bool,
) -> Replace:
    """Return what replaces findings of *entity*."""
    name = label_of(entity)
    match strategy.name:
        case "label":
            label = f"[{name}]"
            return lambda _: label
        case "mask":
            return partial(_mask, strategy.fill, strategy.keep)
        case "hash":
            hashed = tagger(key, entity)
            return lambda found: f"[{name}:{hashed(found).hex()[:HASH_DIGITS]}]"
        case "token":
            return _tokens(name, token_tagger(key, scope, entity, number=number), tokens, number)
        case "drop":
            return lambda _: ""
        case _:
            assert_never(strategy.name)


def _mask(fill: str, keep: int, found: str) -> str:
    # Keeping all of a short finding would hide nothing.
    kept = keep if keep < len(found) else 0
    return fill * (len(found) - kept) + found[len(found) - kept :]


def _tokens(
    name: str,
    tagged: Tagger,
    tokens: Tokens | None,
    number: bool,  # noqa: FBT001  a closure's
) -> Replace:
    """Return what replaces findings by placeholders, and adds to *tokens* what they stand for."""

    def replace(found: str) -> str:
        tag = tagged(found)
        if tokens is not None and tag not in tokens:
            tokens[tag] = Pseudonym(name, found, number)
        return f"[{name}_{tag[:HALF].hex()}]"  # its digits: see `digits_of`

    return replace
